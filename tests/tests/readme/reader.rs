//! Somebody who follows the README.

use std::time::Instant;

use harness::TestStack;
use harness::deadline::{SOON, eventually};
use harness::process::printed;
use harness::redis::{Kind, Redis};
use harness::tools;
use repository::read;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use super::answers::{
    check_admitted, check_burst, check_envoy_config, check_followed, check_key,
    check_limits_of_load, check_load, check_never_fits, check_operators, check_scale,
    check_streamed_with_usage, my_client, parse,
};
use super::named::{self, xtask_knows};
use super::succeed;

/// What differs from a reader's machine.
const PRELUDE: &str = r#"
set -euo pipefail
grpcurl() {
  local data='{}'
  [ "$1" = -plaintext ] || { echo "grpcurl without -plaintext is not translated" >&2; return 64; }
  shift
  if [ "$1" = -d ]; then data=$2; shift 2; fi
  [ $# -eq 2 ] || { echo "grpcurl with $* is not translated" >&2; return 64; }
  local call=("$BUF_BIN" curl --protocol grpc --http2-prior-knowledge)
  if [ "$2" = list ]; then
    "${call[@]}" --list-services "http://$1"
  else
    "${call[@]}" --data "$data" "http://$1/$2"
  fi
}
"#;

/// Somebody who follows the README.
pub(crate) struct Reader {
    folder: TempDir,
    ports: Vec<(&'static str, String)>,
    _store: Redis,
}

impl Reader {
    pub(crate) async fn new(stack: &TestStack) -> Self {
        let store = Redis::start(Kind::Redis, &[]).await;
        let folder = TempDir::with_prefix("flowguard-readme-").expect("a temporary folder");
        let release = folder.path().join("target/release");
        std::fs::create_dir_all(&release).expect("a folder for the program");
        std::os::unix::fs::symlink(tools::flowguard().get_program(), release.join("flowguard"))
            .expect("a link to the program");
        let filter = folder.path().join("target/filter");
        std::fs::create_dir_all(&filter).expect("a folder for the filter");
        std::os::unix::fs::symlink(tools::filter(), filter.join("filter.wasm"))
            .expect("a link to the filter");
        let ports = [
            ("8080", stack.proxy_address()),
            ("9090", stack.control_plane.metrics_address()),
            ("9091", stack.control_plane.rest_address()),
            ("9092", stack.control_plane.grpc_address()),
            ("6379", store.address()),
        ];
        let ports = ports.map(|(port, to)| (port, to.port().to_string())).into();
        Self { folder, ports, _store: store }
    }

    /// Runs a command and checks its outcome. One that is not known here fails.
    pub(crate) async fn follow(&self, command: &str) {
        let words = command.replace("\\\n", " ");
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        let is = |start: &str| words.starts_with(start);
        if is("cargo xtask load ") {
            xtask_knows(&words).await;
            let table = self.load(&words).await;
            check_load(&table);
            if words.contains(" --model ") {
                check_limits_of_load(&table);
            }
        } else if is("cargo xtask ") {
            xtask_knows(&words).await;
        } else if is("UPSTREAM_URL=http://mock-llm:8000 docker compose --profile demo up ") {
            // tests/compose/run.sh runs it, where there is an engine.
            let file = read("compose.yaml");
            assert!(file.contains("\n  mock-llm:\n"), "no service has the upstream's name");
            assert!(file.contains("profiles: [demo]"), "there is no profile `demo`");
        } else if is("STORE_URL=redis://store:6379 CONTROL_PLANES=") {
            check_scale(&words);
        } else if is("curl -i http://localhost:8080/v1/chat/completions ") {
            check_admitted(&self.run(command).await);
        } else if is("export ") {
            // `every_program_runs_as_the_readme_has_it` sees what it does.
        } else if is("curl --fail-with-body --retry 5 http://localhost:8080/v1/chat/completions ") {
            let body = parse(&self.run(command).await);
            assert_eq!(body["object"], json!("chat.completion"), "{body}");
        } else if is("curl -N http://localhost:8080/v1/chat/completions ") {
            check_streamed_with_usage(&self.run(command).await);
        } else if is("curl -i http://localhost:8080/test ") {
            check_never_fits(&self.run(command).await);
        } else if is("for i in $(seq 1 40); do curl ") {
            let started = Instant::now();
            check_burst(&self.run(command).await, started);
        } else if is("curl -X POST http://localhost:9091/api/v1/clients ") {
            let answer = parse(&self.run(command).await);
            assert_eq!((&answer["success"], &answer["config"]), (&json!(true), &my_client()));
        } else if is("curl -X POST http://localhost:9091/api/v1/clients/demo-client/keys") {
            check_key(&self.run(command).await);
        } else if words == "curl http://localhost:9091/api/v1/clients/my-client" {
            assert_eq!(parse(&self.run(command).await), my_client());
        } else if words == "curl http://localhost:9091/api/v1/clients/demo-client/stats" {
            self.sees_what_was_used(command).await;
        } else if words == "curl http://localhost:9091/api/v1/clients/my-client/stats" {
            let stats = parse(&self.run(command).await);
            let left = (&stats["rpm_remaining"], &stats["tpm_remaining"]);
            assert_eq!(left, (&json!(100), &json!(2000)), "{stats}");
        } else if words.contains("http://localhost:9091/api/v1/clients/test-client/") {
            check_told_of_client(&words, &parse(&self.run(command).await));
        } else if is("curl -X POST http://localhost:9091/api/v1/preview ") {
            let told = parse(&self.run(command).await);
            assert!(told["decisions"].is_u64() && told["newly_refused"].is_u64(), "{told}");
        } else if words == "curl -X DELETE http://localhost:9091/api/v1/clients/my-client" {
            assert_eq!(parse(&self.run(command).await)["success"], json!(true));
        } else if is("curl -X PUT http://localhost:9091/api/v1/models/")
            || is("curl -X PUT http://localhost:9091/api/v1/limits/")
            || is("curl -X DELETE http://localhost:9091/api/v1/limits/")
            || is("curl -X DELETE http://localhost:9091/api/v1/models/")
        {
            let answer = parse(&self.run(command).await);
            assert_eq!(answer["success"], json!(true), "{command}: {answer}");
        } else if is("curl -X PATCH http://localhost:9091/api/v1/clients/demo-client ") {
            let answer = parse(&self.run(command).await);
            let kept = json!({"client_id": "demo-client", "rpm": 61, "tpm": 1000, "enabled": true});
            assert_eq!(answer["config"], kept, "{answer}");
        } else if words == "curl -X POST http://localhost:9091/api/v1/clients/demo-client/reset" {
            let stats = parse(&self.run(command).await);
            let left = (&stats["rpm_remaining"], &stats["tpm_balance"]);
            assert_eq!(left, (&json!(61), &json!(1000)), "{stats}");
        } else if is("curl \"http://localhost:9091/api/v1/audit?object=client/demo-client") {
            let newest = &parse(&self.run(command).await)["entries"][0];
            assert_eq!(newest["object"], json!("client/demo-client"), "{newest}");
        } else if is("curl -sN \"http://localhost:9091/api/v1/events?") {
            // A reader ends it.
            let told = self.run(&format!("{command} --max-time 2 || [ $? -eq 28 ]")).await;
            assert!(told.contains("\nevent: ready\ndata: {\"replica\":\""), "{told}");
        } else if words == "grpcurl -plaintext localhost:9092 list" {
            let services = self.run(command).await;
            assert!(
                services.lines().any(|name| name == "flowguard.FlowGuardService"),
                "{services}"
            );
        } else if is("grpcurl ") && words.ends_with(" flowguard.FlowGuardService/SetClientConfig") {
            assert_eq!(parse(&self.run(command).await)["success"], json!(true));
        } else if is("sed -i ") {
            assert_eq!(self.run(command).await, "");
        } else if is("target/release/flowguard ") {
            self.follow_flowguard(command, &words).await;
        } else {
            panic!("no test knows what this command of the README is to do: {command}");
        }
    }

    /// The same of a command of `flowguard`.
    async fn follow_flowguard(&self, command: &str, words: &str) {
        let is = |start: &str| words.starts_with(start);
        if is("target/release/flowguard data backup ") {
            let said = self.run(command).await;
            assert!(said.starts_with("backup.jsonl: ") && said.contains(" clients, "), "{said}");
        } else if is("target/release/flowguard data export ") {
            let said = self.run(command).await;
            assert!(said.starts_with("moving.jsonl: ") && said.contains(" clients, "), "{said}");
        } else if is("target/release/flowguard data import moving.jsonl ") {
            let said = self.run(command).await;
            assert!(said.starts_with("redis://") && said.contains(" clients, "), "{said}");
        } else if is("target/release/flowguard data check --store-url ") {
            let said = self.run(command).await;
            assert!(said.ends_with(", used by 0 control planes\n"), "{said}");
        } else if is("target/release/flowguard data import ") {
            let said = self.run(command).await;
            assert!(said.starts_with("restored: ") && said.contains(" clients, "), "{said}");
        } else if is("target/release/flowguard data check ") {
            let said = self.run(command).await;
            assert!(said.contains("\n  configuration.redb: format 3, "), "{said}");
        } else if named::OF_OPERATORS
            .iter()
            .any(|name| is(&format!("target/release/flowguard {name}")))
        {
            check_operators(words, &self.run(command).await);
        } else if is("target/release/flowguard envoy-config --discovery-folder my-envoy ") {
            assert_eq!(self.run(command).await, "");
            let (_, mode) = words.split_once(" --mode ").expect("a mode");
            check_followed(&self.folder.path().join("my-envoy"), mode).await;
        } else if is("target/release/flowguard envoy-config ") {
            assert_eq!(self.run(command).await, "");
            check_envoy_config(&self.folder.path().join("envoy.yaml")).await;
        } else {
            panic!("no test knows what this command of the README is to do: {command}");
        }
    }

    /// Runs a command as the reader's shell does, and returns what it prints.
    pub(crate) async fn run(&self, command: &str) -> String {
        let command = self.with_ports(command);
        let mut shell = Command::new("bash");
        shell.args(["-c", &format!("{PRELUDE}\n{command}")]).current_dir(self.folder.path());
        shell.env("BUF_BIN", tools::buf().get_program()).env("OPENAI_API_KEY", "a");
        shell.envs(self.port("CONFIG_PORT", "9091")).env("XDG_CONFIG_HOME", self.folder.path());
        shell.envs(
            self.port("", "9091")
                .map(|(_, to)| ("FLOWGUARD_SERVER", format!("http://localhost:{to}"))),
        );
        succeed(&command, shell).await
    }

    fn with_ports(&self, text: &str) -> String {
        self.ports.iter().fold(text.to_owned(), |text, (from, to)| {
            text.replace(&format!("localhost:{from}"), &format!("localhost:{to}"))
        })
    }

    /// Runs a Python program, after the commands that prepare it, and returns what it prints.
    pub(crate) async fn run_python(&self, prepare: &str, program: &str) -> String {
        let file = self.folder.path().join("program.py");
        std::fs::write(&file, self.with_ports(program)).expect("a file in the reader's folder");
        let prepare = self.with_ports(prepare);
        let python = tools::sdk_python();
        let mut shell = Command::new("bash");
        shell.args(["-c", &format!("set -eu\n{prepare}\nexec \"$@\"")]).arg("bash");
        shell.arg(python.get_program()).arg(&file).current_dir(self.folder.path());
        // The vendors' keys are the reader's; no proxy of the machine's may stand in between.
        for (name, value) in
            [("OPENAI_API_KEY", "a"), ("ANTHROPIC_API_KEY", "a"), ("NO_PROXY", "*")]
        {
            shell.env(name, value);
        }
        // Python reads thousands of files before it begins with LangChain.
        printed(program, 3 * SOON, &mut shell).await
    }

    /// The reader's two requests reserved 150 tokens each and used far less.
    async fn sees_what_was_used(&self, command: &str) {
        eventually("both requests are settled", || async {
            let stats = parse(&self.run(command).await);
            assert_eq!(stats["success_requests"], json!(2), "{stats}");
            let used = stats["tokens_used"].as_u64().unwrap_or_default();
            let left = stats["tpm_remaining"].as_u64().unwrap_or_default();
            (used > 0 && used + left >= 1000 && used < 300).then_some(())
        })
        .await;
    }

    /// Runs the program behind `cargo xtask load`.
    async fn load(&self, words: &str) -> String {
        let mut load = Command::from(tools::load());
        load.args(words.split(' ').skip(3).take_while(|word| *word != "#"));
        load.envs(self.port("PROXY_PORT", "8080")).envs(self.port("CONFIG_PORT", "9091"));
        succeed(words, load).await
    }

    /// The setting that says where the stack has what the README has at a default port.
    fn port(&self, setting: &'static str, default: &str) -> Option<(&'static str, &str)> {
        let port = self.ports.iter().find(|(port, _)| *port == default);
        port.map(|(_, to)| (setting, to.as_str()))
    }
}

/// What is told of a client that was refused.
fn check_told_of_client(words: &str, told: &Value) {
    if words.contains("/explain?tokens=600") {
        let refusal = (&told["would_pass"], &told["limit"], &told["never"]);
        assert_eq!(refusal, (&json!(false), &json!("tpm"), &json!(true)), "{told}");
        let message = told["message"].as_str().expect("a message");
        assert!(read("README.md").contains(message), "{message}");
    } else if words.contains("/decisions?limit=10") {
        let newest = &told["decisions"][0];
        assert!(newest["time"].is_string() && newest["reserved"].is_u64(), "{told}");
    } else if words.ends_with("/history") {
        let points = told["points"].as_array().expect("a list");
        assert!(points.iter().any(|point| point["requests"] != json!(0)), "{told}");
    } else {
        panic!("no test knows what this command of the README is to do: {words}");
    }
}

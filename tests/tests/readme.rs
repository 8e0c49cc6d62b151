//! Every command of the README, as written and in its order, on one real stack; and every program.
//!
//! Three things differ from a reader's machine. The README's ports are replaced by the stack's, so
//! that the test runs beside a FlowGuard on the default ones. `grpcurl` is a shell function that
//! calls `buf curl` and knows only the forms that it translates. And commands of `cargo xtask` get
//! `--help`, which judges their names and flags, because running them is what CI does; but
//! `cargo xtask load` runs.

use std::path::Path;
use std::time::{Duration, Instant};

use harness::TestStack;
use harness::deadline::{SOON, eventually};
use harness::process::printed;
use harness::redis::{Kind, Redis};
use harness::tools;
use repository::{read, readme};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

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

#[tokio::test(flavor = "multi_thread")]
async fn every_command_does_what_the_readme_says() {
    let stack = TestStack::builder().setting("DEMO_CLIENTS", "true").start().await;
    let reader = Reader::new(&stack).await;
    let commands = readme::shell_commands(&text());
    assert!(commands.len() >= 10, "{commands:?}");
    for command in commands {
        reader.follow(&command).await;
    }
}

/// A program that is not told where FlowGuard is: the README's variables do that.
const UNCHANGED_PROGRAM: &str = r#"
import anthropic, openai
hello = {"model": "m", "messages": [{"role": "user", "content": "Hello!"}]}
print(openai.OpenAI().chat.completions.create(**hello).choices[0].message.content)
print(anthropic.Anthropic().messages.create(max_tokens=9, **hello).content[0].text)
"#;

#[tokio::test(flavor = "multi_thread")]
async fn every_program_runs_as_the_readme_has_it() {
    let stack = TestStack::builder()
        .setting("DEMO_CLIENTS", "true")
        .setting("ESTIMATE", "learned")
        .setting("ERROR_FORMAT", "auto")
        .start()
        .await;
    let reader = Reader::new(&stack).await;
    let programs = readme::blocks(&text(), "python");
    assert_eq!(programs.len(), 3, "{programs:?}");
    for (program, answers) in programs.iter().zip([1, 1, 2]) {
        check_answers(&reader.run_python("", program).await, answers);
    }
    let variables: Vec<_> = readme::shell_commands(&text())
        .into_iter()
        .filter(|it| it.starts_with("export "))
        .collect();
    assert_eq!(variables.len(), 4, "{variables:?}");
    check_answers(&reader.run_python(&variables.join("\n"), UNCHANGED_PROGRAM).await, 2);
    assert_eq!(stack.admin().stats("demo-client").await.success_requests, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_within_the_text_exists() {
    let text = text();
    for program in ["cargo ", "flowguard ", "grpcurl ", "curl ", "docker ", "docker-compose "] {
        for command in readme::inline_commands(&text, program) {
            if command.starts_with("cargo xtask ") {
                xtask_knows(command).await;
            } else if command == "cargo build --release -p flowguard" {
                let package = read("control-plane/Cargo.toml");
                assert!(package.contains("name = \"flowguard\""), "{package}");
            } else if command == "flowguard validate FILE" {
                let settings = readme::chapter(&text, "Settings");
                let examples = readme::blocks(settings, "yaml");
                let example = examples.first().expect("an example of a file");
                let folder = TempDir::with_prefix("flowguard-readme-").expect("a folder");
                let file = folder.path().join("clients.yaml");
                std::fs::write(&file, example).expect("a file");
                let mut flowguard = Command::from(tools::flowguard());
                flowguard.arg("validate").arg(&file);
                let judged = succeed(command, flowguard).await;
                assert!(judged.ends_with(": 3 clients, all in order\n"), "{judged}");
            } else if command.starts_with("flowguard data ") {
                let words = command.split(' ').skip(1).take(2);
                let mut flowguard = Command::from(tools::flowguard());
                flowguard.args(words).arg("--help");
                succeed(command, flowguard).await;
            } else if command == "flowguard settings" {
                let mut flowguard = Command::from(tools::flowguard());
                flowguard.arg("settings");
                let settings = succeed(command, flowguard).await;
                assert!(settings.contains("PROXY_PORT="), "{settings}");
            } else if command.starts_with("docker compose ")
                || command.starts_with("docker-compose ")
            {
                let file = tools::workspace().join("compose.yaml");
                assert!(file.is_file(), "{command}: tests/compose/run.sh runs what is not there");
            } else {
                panic!("no test knows what this command of the README is to do: {command}");
            }
        }
    }
}

/// Somebody who follows the README.
struct Reader {
    folder: TempDir,
    ports: Vec<(&'static str, String)>,
    _store: Redis,
}

impl Reader {
    async fn new(stack: &TestStack) -> Self {
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
    async fn follow(&self, command: &str) {
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
        } else if words == "curl http://localhost:9091/api/v1/clients/my-client" {
            assert_eq!(parse(&self.run(command).await), my_client());
        } else if words == "curl http://localhost:9091/api/v1/clients/demo-client/stats" {
            self.sees_what_was_used(command).await;
        } else if words == "curl http://localhost:9091/api/v1/clients/my-client/stats" {
            let stats = parse(&self.run(command).await);
            let left = (&stats["rpm_remaining"], &stats["tpm_remaining"]);
            assert_eq!(left, (&json!(100), &json!(2000)), "{stats}");
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
        } else if words == "grpcurl -plaintext localhost:9092 list" {
            let services = self.run(command).await;
            assert!(
                services.lines().any(|name| name == "flowguard.FlowGuardService"),
                "{services}"
            );
        } else if is("grpcurl ") && words.ends_with(" flowguard.FlowGuardService/SetClientConfig") {
            assert_eq!(parse(&self.run(command).await)["success"], json!(true));
        } else if is("target/release/flowguard data backup ") {
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
            assert!(said.contains("\n  configuration.redb: format 2, "), "{said}");
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
    async fn run(&self, command: &str) -> String {
        let command = self.with_ports(command);
        let mut shell = Command::new("bash");
        shell.args(["-c", &format!("{PRELUDE}\n{command}")]).current_dir(self.folder.path());
        shell.env("BUF_BIN", tools::buf().get_program()).env("OPENAI_API_KEY", "a");
        shell.envs(self.port("CONFIG_PORT", "9091"));
        succeed(&command, shell).await
    }

    fn with_ports(&self, text: &str) -> String {
        self.ports.iter().fold(text.to_owned(), |text, (from, to)| {
            text.replace(&format!("localhost:{from}"), &format!("localhost:{to}"))
        })
    }

    /// Runs a Python program, after the commands that prepare it, and returns what it prints.
    async fn run_python(&self, prepare: &str, program: &str) -> String {
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

/// Where there is an engine, `tests/compose/run.sh` shows that the containers of this command run.
fn check_scale(words: &str) {
    let file = read("compose.yaml");
    let compose: Value = serde_saphyr::from_str(&file).expect("YAML");
    let services = &compose["services"];
    for service in ["store", "control-plane-2", "envoy-2"] {
        assert_eq!(services[service]["profiles"], json!(["scale"]), "{service}");
    }
    let value = |name: &str| {
        let value = words.split_once(&format!("{name}=")).expect("the setting").1;
        value.split(' ').next().expect("a value")
    };
    for address in value("CONTROL_PLANES").split(',') {
        let (name, port) = address.split_once(':').expect("an address");
        assert_eq!(port, "9095");
        assert!(!services[name].is_null(), "no service {name}");
    }
    assert_eq!(value("STORE_URL"), "redis://store:6379");
    // Alone it would be a second limiter.
    let command = services["control-plane-2"]["command"].to_string();
    assert!(command.contains("--store-url\",\"${STORE_URL:-nothing, and"), "{command}");
    assert!(words.contains("docker compose --profile scale up"), "{words}");
    let prometheus = read("prometheus/prometheus.yml");
    for name in ["control-plane-2", "envoy-2"] {
        assert!(prometheus.contains(&format!("names: [{name}]")), "{name} is not watched");
    }
}

fn text() -> String {
    read("README.md")
}

/// `cargo xtask` accepts the names and flags of this command.
///
/// The program is called without cargo, which would wait for any other build to end. What it hands
/// on to `flowguard` and to the load generator is for those to judge; the benchmark and the
/// simulation, which no test here has built, are not asked.
async fn xtask_knows(command: &str) {
    let words = command.split_whitespace().skip(2).take_while(|word| *word != "#");
    let words: Vec<&str> = words.collect();
    let own = match words.first() {
        Some(&"up") => {
            words.iter().take_while(|word| matches!(**word, "up" | "--demo" | "--scale")).count()
        }
        Some(&"bench" | &"load" | &"sim") => 1,
        _ => words.len(),
    };
    let (own, handed_on) = words.split_at(own);
    let mut xtask = Command::from(tools::xtask());
    // `--help` would be handed on by these as well.
    if let ["bench" | "load" | "sim"] = own {
        xtask.arg("help").args(own)
    } else {
        xtask.args(own).arg("--help")
    };
    let help = succeed(command, xtask).await;
    assert!(help.contains("Usage: cargo xtask"), "{command}: {help}");
    if let ["bench" | "sim"] = own {
        return;
    }
    let is_load = own == ["load"];
    let mut judge = Command::from(if is_load { tools::load() } else { tools::flowguard() });
    judge.args(handed_on).arg(if is_load { "--help" } else { "settings" });
    succeed(command, judge).await;
}

async fn succeed(what: &str, mut command: Command) -> String {
    printed(what, SOON, &mut command).await
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn my_client() -> Value {
    json!({"client_id": "my-client", "rpm": 100, "tpm": 2000, "enabled": true})
}

/// Head and body of what `curl -i` prints.
fn split(answer: &str) -> (String, Value) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {answer}"));
    (head.to_ascii_lowercase(), parse(body))
}

fn check_admitted(answer: &str) {
    let (head, body) = split(answer);
    assert!(head.starts_with("http/1.1 200 "), "{answer}");
    assert_eq!(body["object"], json!("chat.completion"), "{answer}");
    assert!(head.contains("x-ratelimit-remaining-tokens: "), "{answer}");
}

/// So many models have said something, a line each.
fn check_answers(printed: &str, answers: usize) {
    let lines: Vec<_> = printed.lines().collect();
    assert_eq!(lines.len(), answers, "{printed}");
    assert!(lines.iter().all(|line| !line.trim().is_empty()), "{printed}");
}

fn check_streamed_with_usage(events: &str) {
    assert!(events.trim_end().ends_with("data: [DONE]"), "{events}");
    assert!(events.contains("\"total_tokens\":"), "{events}");
}

fn check_never_fits(answer: &str) {
    let (head, body) = split(answer);
    assert!(head.starts_with("http/1.1 429 "), "{answer}");
    assert_eq!(body["error"], json!("tpm_exceeded"), "{answer}");
    assert!(head.contains("x-should-retry: false"), "{answer}");
    assert!(!head.contains("retry-after"), "{answer}");
}

/// 30 pass at once, which is the whole bucket, and half a request more in each second.
fn check_burst(printed: &str, started: Instant) {
    let elapsed = started.elapsed() + Duration::from_millis(1);
    let statuses: Vec<&str> = printed.split_whitespace().collect();
    let of = |wanted: &str| statuses.iter().filter(|status| **status == wanted).count();
    let refilled = usize::try_from(elapsed.as_millis() / 2000).expect("a short time");
    assert_eq!(of("200") + of("429"), 40, "{printed}");
    assert!((30..=30 + refilled).contains(&of("200")), "{elapsed:?}: {printed}");
    assert!(statuses.iter().take(30).all(|status| *status == "200"), "{printed}");
}

fn check_load(table: &str) {
    assert!(table.contains("admitted"), "{table}");
    assert!(!table.contains("MORE than the limit allows"), "{table}");
}

/// The one limit that both clients share refused most of what came for its model.
fn check_limits_of_load(table: &str) {
    assert!(table.contains("\n429     token_limit_exceeded shared "), "{table}");
    for client in ["demo-client", "premium-client"] {
        let limit = format!("\n{client} shared ");
        let row = table.split(&limit).nth(1).unwrap_or_else(|| panic!("no{limit}: {table}"));
        let row: Vec<&str> = row.split_whitespace().take(3).collect();
        assert_eq!(row[..2], ["tokens", "300"], "{table}");
        assert!(row[2].parse::<u64>().is_ok_and(|left| left < 100), "{table}");
    }
}

/// Envoy accepts the file, with the filter that the test has in place of the reader's.
async fn check_envoy_config(file: &Path) {
    let config = std::fs::read_to_string(file).expect("the configuration");
    let reader_s = "/etc/envoy/filter.wasm";
    assert!(config.contains(reader_s), "{config}");
    let filter = tools::filter();
    let config = config.replace(reader_s, filter.to_str().expect("a path of text"));
    std::fs::write(file, config).expect("a file in the reader's folder");
    check_envoy_accepts(file).await;
}

/// Envoy accepts what it is started with, and finds this mode where that leads to.
async fn check_followed(folder: &Path, mode: &str) {
    check_envoy_accepts(&folder.join("envoy.yaml")).await;
    let read = |file| std::fs::read_to_string(folder.join(file)).expect("a file that is followed");
    let (listeners, filter) = (read("listeners.yaml"), read("filter.yaml"));
    assert!(listeners.contains(&*folder.join("filter.yaml").to_string_lossy()), "{listeners}");
    assert!(filter.contains(&format!("\"mode\": \"{mode}\"")), "{filter}");
}

async fn check_envoy_accepts(file: &Path) {
    let mut envoy = Command::from(tools::envoy());
    envoy.args(["--mode", "validate", "--use-dynamic-base-id", "-c"]).arg(file);
    succeed("envoy --mode validate", envoy).await;
}

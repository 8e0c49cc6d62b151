//! What a user's "I got a 429 at 03:12" is answered from: Envoy's access log, as the generated
//! configuration has it, and as docs/access-log.md says that it is read.

use std::collections::BTreeSet;
use std::time::Instant;

use harness::TestStack;
use harness::access_log::{Line, line_with, lines};
use harness::check::{self, TPM_EXCEEDED};
use harness::deadline::{SOON, eventually};
use harness::http_client::Answer;
use harness::process::printed;
use harness::tools;
use repository::json::text;
use repository::read;
use repository::readme::{blocks, chapter, shell_commands};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::process::Command;

/// A chat completion of client `a` whose response says that it used as much as it reserved.
async fn use_tokens(stack: &TestStack, tokens: u64) -> Answer {
    let path = format!("/v1/chat/completions?total_tokens={tokens}");
    stack.proxy().post(&path).json(&json!({})).client("a").tokens(tokens).send().await
}

fn request_id(answer: &Answer) -> &str {
    answer.header("x-request-id").unwrap_or_else(|| panic!("no id: {:?}", answer.headers))
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("no number: {value}"))
}

/// The line of the only request to `path`.
async fn line_of(stack: &TestStack, path: &str) -> Line {
    line_with(stack.envoy(), "path", path).await
}

#[tokio::test]
async fn a_refusal_is_explained_by_its_line_and_by_those_that_spent_the_limit() {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", None, 1_000).await;
    let started = Instant::now();
    for tokens in [300, 250, 350] {
        check::admitted(&use_tokens(&stack, tokens).await);
    }
    let refused = use_tokens(&stack, 400).await;
    let wait = check::refused_for_now(&refused, &TPM_EXCEEDED);

    let Line { line, flowguard } =
        line_with(stack.envoy(), "request_id", request_id(&refused)).await;
    assert_eq!((&line["client_id"], &line["status"]), (&json!("a"), &json!(429)));
    assert_eq!(flowguard["decision"], "tpm_exceeded");
    assert_eq!(
        (&flowguard["limit"], &flowguard["limit_per_minute"]),
        (&json!("tpm"), &json!(1000))
    );
    assert_eq!((&flowguard["reserved"], flowguard.get("used")), (&json!(400), None));
    assert_eq!(u128::from(number(&flowguard["wait_ms"])), wait.as_millis());

    let before = lines(stack.envoy()).into_iter().filter(|line| line.line["status"] == 200);
    let used: u64 = before.map(|line| number(&line.flowguard["used"])).sum();
    assert_eq!(used, 300 + 250 + 350);
    let refilled = used - number(&flowguard["limit_used"]);
    assert!(refilled <= check::refill(1_000, started.elapsed()), "{refilled} of {used} came back");
}

#[tokio::test]
async fn each_way_in_which_a_request_can_end_has_its_words() {
    let stack = TestStack::builder().setting("EXEMPT_PATHS", "/health").start().await;
    stack.admin().put_client("a", None, 10_000).await;
    stack.admin().put_client("spent", 1, None).await;
    let post = |path: &str| stack.proxy().post(path).json(&json!({"stream": true})).client("a");

    for (path, outcome) in [
        ("/done/chat/completions?total_tokens=7", "completed"),
        ("/failed/chat/completions?status=503", "upstream_failed"),
        ("/refused/chat/completions?status=429", "upstream_refused"),
    ] {
        post(path).tokens(10).send().await;
        let (path, _) = path.split_once('?').expect("a query");
        let Line { line, flowguard } = line_of(&stack, path).await;
        assert_eq!(flowguard["decision"], "admitted", "{flowguard}");
        assert_eq!((&flowguard["outcome"], &flowguard["reserved"]), (&json!(outcome), &json!(10)));
        assert_eq!(line["status_details"], "via_upstream", "{line}");
    }

    post("/cut/chat/completions?abort_after=2").tokens(10).try_send().await.unwrap_err();
    let cut = line_of(&stack, "/cut/chat/completions").await;
    assert_eq!(cut.flowguard["outcome"], "aborted");
    assert!(number(&cut.flowguard["observed"]) > 0, "{:?}", cut.flowguard);
    assert!(text(&cut.line["status_details"]).starts_with("upstream_reset"), "{}", cut.line);

    drop(post("/left/chat/completions?stall=body").tokens(10).open().await);
    let left = line_of(&stack, "/left/chat/completions").await;
    assert_eq!(left.flowguard["outcome"], "aborted");
    assert!(text(&left.line["status_details"]).starts_with("downstream"), "{}", left.line);

    stack.proxy().get("/health").send().await;
    assert_eq!(line_of(&stack, "/health").await.flowguard, json!({"decision": "exempt"}));
    stack.proxy().get("/bare").send().await;
    assert_eq!(line_of(&stack, "/bare").await.flowguard, json!({"decision": "missing_header"}));
    stack.proxy().get("/wrong").client("a").tokens("x").send().await;
    assert_eq!(line_of(&stack, "/wrong").await.flowguard, json!({"decision": "invalid_header"}));
    stack.proxy().get("/rpm/1").client("spent").tokens(1).send().await;
    stack.proxy().get("/rpm/2").client("spent").tokens(1).send().await;
    let refused = line_of(&stack, "/rpm/2").await.flowguard;
    assert_eq!((&refused["decision"], &refused["limit"]), (&json!("rpm_exceeded"), &json!("rpm")));
    check::filter_is_unharmed(stack.envoy()).await;
}

#[tokio::test]
async fn what_the_limiter_failed_to_decide_says_why() {
    let mut stack = TestStack::builder().setting("DECISION_TIMEOUT_MS", "500").start().await;
    stack.admin().put_client("a", None, None).await;
    check::admitted(&stack.proxy().get("/before").client("a").tokens(1).send().await);
    stack.control_plane.process().freeze();
    check::refused(
        &stack.proxy().get("/frozen").client("a").tokens(1).send().await,
        &check::LIMITER_UNAVAILABLE,
    );
    let frozen = line_of(&stack, "/frozen").await.flowguard;
    assert_eq!(
        (&frozen["decision"], &frozen["cause"]),
        (&json!("failed_closed"), &json!("timeout"))
    );
    assert!(number(&frozen["decided_after_us"]) >= 500_000, "{frozen}");

    stack.control_plane.process().kill();
    let gone = eventually("a request that is refused at once", || async {
        let answer = stack.proxy().get("/gone").client("a").tokens(1).send().await;
        let line = line_with(stack.envoy(), "request_id", request_id(&answer)).await;
        (line.flowguard["decided_after_us"] == 0).then_some(line.flowguard)
    })
    .await;
    assert_eq!(
        (&gone["decision"], &gone["cause"]),
        (&json!("failed_closed"), &json!("unreachable"))
    );
}

#[tokio::test]
async fn in_shadow_a_line_says_what_would_have_been_answered() {
    let stack = TestStack::builder().mode("shadow").start().await;
    stack.admin().put_client("a", 1, None).await;
    for path in ["/first", "/second"] {
        check::admitted(&stack.proxy().get(path).client("a").tokens(1).send().await);
    }
    let second = line_of(&stack, "/second").await.flowguard;
    assert_eq!((&second["decision"], &second["mode"]), (&json!("rpm_exceeded"), &json!("shadow")));
}

#[tokio::test]
async fn one_id_names_a_request_to_its_client_the_upstream_and_the_log() {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", 2, None).await;
    let get = |path: &str| stack.proxy().get(path).client("a").tokens(1);

    // A client that has none gets one, and one that has its own keeps it.
    get("/made?response_header=x-request-id:req_1&response_header=cf-ray:8a-FRA").send().await;
    get("/own").header("x-request-id", "0f1e2d3c-own").send().await;
    for (path, own) in [("/made", None), ("/own", Some("0f1e2d3c-own"))] {
        let line = line_of(&stack, path).await.line;
        let id = text(&line["request_id"]);
        assert!(own.map_or(id.len() == 36, |own| id == own), "{line}");
        let arrived = stack.upstream.request_to(path).await;
        assert_eq!(arrived.header_values("x-request-id"), [id.to_owned()]);
    }
    let made = line_of(&stack, "/made").await.line;
    assert_eq!(made["response_id"], "req_1");
    assert_eq!(made["response_trace_id"], "8a-FRA");

    // A client's id is any bytes.
    for (sent, told) in [
        (&b"mine"[..], "mine".to_owned()),
        (b"a\xff\tb\"c", "a\tb\"c".to_owned()),
        (&[b'x'; 5_000], "x".repeat(128)),
    ] {
        let refused = get("/refused").header("x-request-id", sent).send().await;
        assert_eq!((refused.status.as_u16(), request_id(&refused)), (429, &*told));
    }
    let line = line_with(stack.envoy(), "request_id", &"x".repeat(128)).await.line;
    assert_eq!(line["status"], 429);
    check::filter_is_unharmed(stack.envoy()).await;
}

#[tokio::test]
async fn every_answer_of_the_filters_own_has_the_requests_id() {
    let mut stack = TestStack::builder()
        .setting("UNKNOWN_CLIENTS", "deny")
        .setting("DECISION_TIMEOUT_MS", "1000")
        .start()
        .await;
    stack.admin().put_client("a", 1, None).await;
    let get = |client: &str| stack.proxy().get("/").client(client).tokens(1);
    check::admitted(&get("a").send().await);
    let mut answers = vec![stack.proxy().get("/").send().await, get("nobody").send().await];
    answers.push(get("a").send().await);
    let unavailable = get("a");
    stack.control_plane.process().freeze();
    answers.push(unavailable.send().await);
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses, [400, 403, 429, 503]);
    for answer in &answers {
        let id = request_id(answer);
        assert_eq!(
            line_with(stack.envoy(), "request_id", id).await.line["status"],
            answer.status.as_u16()
        );
    }
}

#[tokio::test]
async fn the_documents_commands_find_the_refusal_and_who_spent_the_limit() {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", None, 1_000).await;
    for tokens in [600, 300] {
        check::admitted(&use_tokens(&stack, tokens).await);
    }
    let refused = use_tokens(&stack, 400).await;
    assert_eq!(refused.status.as_u16(), 429);
    let time = {
        let line = line_with(stack.envoy(), "request_id", request_id(&refused)).await.line;
        text(&line["time"]).to_owned()
    };
    let folder = TempDir::with_prefix("flowguard-access-log-").expect("a folder");
    // Containers' logs have both of Envoy's.
    let log = stack.envoy().log() + &stack.envoy().access_log();
    std::fs::write(folder.path().join("access.log"), log).expect("a file");

    let mut answers = Vec::new();
    for command in shell_commands(&read("docs/access-log.md")) {
        let command = command
            .replace("REQUEST_ID", request_id(&refused))
            .replace("CLIENT", "a")
            .replace("MINUTE", &time[..16])
            .replace("TIME", &time);
        let printed = run(&command, folder.path()).await;
        let values = serde_json::Deserializer::from_str(&printed).into_iter::<Value>();
        answers.push(values.map(|value| value.expect("JSON")).collect::<Vec<_>>());
    }
    let [by_id, by_minute, spent] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(by_id.len(), 1, "{by_id:?}");
    assert_eq!(by_id[0]["flowguard"]["reserved"], 400);
    assert_eq!(by_minute.len(), 1, "{by_minute:?}");
    assert_eq!(by_minute[0]["request_id"], request_id(&refused));
    assert_eq!(by_minute[0]["flowguard"], by_id[0]["flowguard"]);
    let used: Vec<_> = spent.iter().map(|line| number(&line["used"])).collect();
    assert_eq!(used, [600, 300]);
}

#[tokio::test]
async fn an_upstream_that_is_silent_or_out_of_reach_is_told_apart_from_one_that_answers() {
    let silent = TestStack::builder().setting("STREAM_IDLE_TIMEOUT_S", "1").start().await;
    let gone = TestStack::builder().upstream("http://127.0.0.1:9".to_owned()).start().await;
    for (stack, path, status, outcome) in
        [(&silent, "/silent", 504, "timed_out"), (&gone, "/gone", 503, "upstream_failed")]
    {
        stack.admin().put_client("a", None, None).await;
        let request = stack.proxy().post(&format!("{path}?stall=head")).client("a").tokens(1);
        assert_eq!(request.send().await.status, status);
        let Line { line, flowguard } = line_of(stack, path).await;
        assert_eq!(flowguard["decision"], "admitted", "{flowguard}");
        assert_eq!(flowguard["outcome"], outcome, "{flowguard}");
        assert_ne!(line["status_details"], "via_upstream", "{line}");
    }
}

#[tokio::test]
async fn where_nobody_is_limited_flowguard_says_nothing() {
    for mode in ["pass", "off"] {
        let stack = TestStack::builder().mode(mode).start().await;
        assert_eq!(stack.proxy().get("/any").client("a").tokens(1).send().await.status, 200);
        let Line { line, flowguard } = line_of(&stack, "/any").await;
        assert_eq!(flowguard, Value::Null, "{mode}");
        assert_eq!(line["status_details"], "via_upstream", "{mode}");
    }
}

#[tokio::test]
async fn every_field_of_the_access_log_is_told() {
    let mut stack = TestStack::builder().mode("shadow").start().await;
    stack.admin().put_client("a", None, 100).await;
    stack.admin().put_client("b", None, None).await;
    let day = json!({"match": {"client": "b"}, "tokens": 100, "per": "1d", "burst": 50});
    stack.admin().put_limit("day", &day).await;
    let proxy = stack.proxy();
    let post = |path: &str| proxy.post(path).json(&json!({"stream": true})).client("a");
    // What the first one used is told, what the second one used is seen.
    use_tokens(&stack, 50).await;
    post("/v1/chat/completions").tokens(50).send().await;
    // For now, and for ever.
    post("/now").tokens(100).send().await;
    post("/never").tokens(101).send().await;
    post("/model/any/converse").tokens(1).send().await;
    // By a limit that is not its own.
    proxy.post("/day").json(&json!({})).client("b").tokens(51).send().await;
    stack.control_plane.process().kill();
    // It passes, as in shadow all do; the decision is the failure mode's.
    post("/undecided").tokens(1).send().await;
    let undecided = line_of(&stack, "/undecided").await.flowguard;
    let words = (&undecided["decision"], &undecided["outcome"]);
    assert_eq!(words, (&json!("failed_closed"), &json!("completed")));

    let contract = read("docs/contract.md");
    let (of_envoy, of_flowguard) = chapter(&contract, "7. ")
        .split_once("| in `flowguard` |")
        .expect("the fields of `flowguard`");
    let lines = lines(stack.envoy());
    assert_eq!(fields(of_envoy), keys(lines.iter().map(|line| &line.line)));
    assert_eq!(fields(of_flowguard), keys(lines.iter().map(|line| &line.flowguard)));
}

/// What stands in the first column of a table.
fn fields(table: &str) -> BTreeSet<String> {
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    rows.flat_map(|cell| cell.trim_end_matches('`').split('`').step_by(2))
        .map(str::to_owned)
        .collect()
}

/// All keys of some objects.
fn keys<'a>(objects: impl Iterator<Item = &'a Value>) -> BTreeSet<String> {
    objects.filter_map(Value::as_object).flat_map(Map::keys).cloned().collect()
}

#[test]
fn the_lines_for_an_envoy_of_ones_own_are_those_of_the_generated_configuration() {
    let generated = read("control-plane/src/envoy_config/envoy.yaml.j2");
    let readme = read("envoy/README.md");
    let blocks = blocks(&readme, "yaml");
    let lines = blocks.iter().find(|block| block.starts_with("time: "));
    let lines = lines.expect("the access log's lines");
    assert_eq!(lines.lines().count(), 10, "{lines}");
    for line in lines.lines().skip(1) {
        assert!(generated.lines().any(|other| other.trim() == line), "{line}");
    }
}

/// What a command prints, with jq as it was found.
async fn run(command: &str, folder: &std::path::Path) -> String {
    let mut shell = Command::new("bash");
    let jq = tools::jq().get_program().to_owned();
    // What one of them objects to would be no JSON.
    let prelude = "set -euo pipefail\nexec 2>&1\njq() { \"$JQ_BIN\" \"$@\"; }";
    shell.args(["-c", &format!("{prelude}\n{command}")]).current_dir(folder).env("JQ_BIN", jq);
    printed(command, SOON, &mut shell).await
}

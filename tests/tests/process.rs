//! The control plane as a process: it starts whole or not at all, and stops in order.

use std::net::TcpListener;
use std::process::Output;

use harness::TestStack;
use harness::check;
use harness::control_plane::{ControlPlanePorts, Settings};
use harness::deadline::{eventually, soon};
use harness::http_client::HttpClient;
use harness::raw_client::RawConnection;
use harness::tools;
use serde_json::json;
use tokio::process::Command;

/// Runs the control plane until it ends.
async fn run(settings: &Settings, arguments: &[&str]) -> Output {
    let mut command = tools::flowguard();
    command.env_clear().envs(settings).args(arguments);
    let output =
        soon("the control plane's end", Command::from(command).kill_on_drop(true).output()).await;
    output.expect("the control plane can be run")
}

/// It ended with this code and one line on its standard error; returns the line.
fn ended(output: &Output, code: i32) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    text
}

#[tokio::test]
async fn a_taken_port_is_one_line_that_names_the_port_and_the_setting() {
    for setting in ["METRICS_PORT", "CONFIG_PORT", "GRPC_PORT", "DECISION_PORT"] {
        let settings = ControlPlanePorts::free().settings();
        let port: u16 = settings[setting].parse().expect("a port");
        let _taken = TcpListener::bind(("127.0.0.1", port)).expect("a free port");
        let line = ended(&run(&settings, &[]).await, 69);
        assert!(line.contains(setting) && line.contains(&port.to_string()), "{line}");
    }
}

#[tokio::test]
async fn a_setting_that_does_not_parse_is_one_line_that_names_it_and_its_value() {
    let cases = [
        ("PROXY_PORT", "http"),
        ("METRICS_PORT", "65536"),
        ("CONFIG_PORT", "-1"),
        ("GRPC_PORT", "9092.0"),
        ("DECISION_PORT", "0x10"),
        ("BIND_ADDRESS", "somewhere"),
        ("UPSTREAM_URL", "ftp://example.com"),
        ("UPSTREAM_URL", "api.openai.com"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
        ("FAILURE_MODE", "ajar"),
        ("DECISION_TIMEOUT_MS", "soon"),
        ("DECISION_TIMEOUT_MS", "0"),
        ("UNKNOWN_CLIENTS", "perhaps"),
        ("UNKNOWN_CLIENT_RPM", "0"),
        ("UNKNOWN_CLIENT_TPM", "many"),
        ("CORS_ALLOW_ORIGINS", "example.com"),
        ("DEMO_CLIENTS", "some"),
    ];
    for (name, value) in cases {
        println!("{name}={value}");
        let settings = Settings::from([(name.to_owned(), value.to_owned())]);
        let line = ended(&run(&settings, &[]).await, 64);
        assert!(line.contains(name) && line.contains(value), "{line}");
    }
    for flag in
        ["--proxy-port", "--metrics-port", "--config-port", "--grpc-port", "--decision-port"]
    {
        let line = ended(&run(&Settings::new(), &[&format!("{flag}=http")]).await, 64);
        assert!(line.contains(flag) && line.contains("http"), "{line}");
    }
}

#[tokio::test]
async fn a_misspelt_variable_is_refused_or_told() {
    let one = |name: &str| Settings::from([(name.to_owned(), "openai".to_owned())]);
    let line = ended(&run(&one("FLOWGUARD_ERORR_FORMAT"), &[]).await, 64);
    assert!(line.contains("FLOWGUARD_ERROR_FORMAT is one"), "{line}");

    let stack = TestStack::builder()
        .setting("ERORR_FORMAT", "openai")
        .setting("FLOWGUARD_LIMITS", "on")
        .setting("FLOWGUARD_PORT", "tcp://10.0.0.1:9095")
        .start()
        .await;
    let log = stack.control_plane.log();
    for (variable, lines) in [("ERORR_FORMAT", 1), ("FLOWGUARD_LIMITS", 1), ("FLOWGUARD_PORT", 0)] {
        let told = log.lines().filter(|line| line.contains(" WARN ") && line.contains(variable));
        assert_eq!(told.count(), lines, "{variable} in:\n{log}");
    }
}

#[tokio::test]
async fn flags_win_over_the_environment_and_settings_prints_what_is_in_effect() {
    let environment = Settings::from([
        ("PROXY_PORT".to_owned(), "18080".to_owned()),
        ("CONFIG_PORT".to_owned(), "19091".to_owned()),
    ]);
    let output =
        run(&environment, &["settings", "--proxy-port", "28080", "--failure-mode", "open"]).await;
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).expect("text");
    for line in [
        "UPSTREAM_URL=https://api.openai.com",
        "PROXY_PORT=28080",
        "METRICS_PORT=9090",
        "CONFIG_PORT=19091",
        "GRPC_PORT=9092",
        "DECISION_PORT=9095",
        "ENVOY_ADMIN_PORT=9901",
        "BIND_ADDRESS=127.0.0.1",
        "LOG_LEVEL=info",
        "LOG_FORMAT=text",
        "FAILURE_MODE=open",
        "DECISION_TIMEOUT_MS=250",
        "UNKNOWN_CLIENTS=shared",
        "UNKNOWN_CLIENT_RPM=60",
        "UNKNOWN_CLIENT_TPM=1000",
        "DEMO_CLIENTS=true",
    ] {
        let found = printed.lines().any(|printed| printed.trim_end_matches('/') == line);
        assert!(found, "{line} in:\n{printed}");
    }
}

async fn is_not_ready(stack: &TestStack) {
    let health = HttpClient::one_connection_each(stack.control_plane.rest_address());
    eventually("a control plane that is not ready", || async {
        match health.get("/health").try_send().await {
            Ok(answer) => (answer.status.as_u16() == 503).then_some(()),
            Err(_) => Some(()),
        }
    })
    .await;
}

#[tokio::test]
async fn after_sigterm_it_is_not_ready_and_exits_with_0_and_open_responses_go_on() {
    let mut stack = TestStack::builder().setting("DECISION_TIMEOUT_MS", "500").start().await;
    stack.admin().put_client("a", None, None).await;
    let gate = stack.upstream.gate("stream");
    gate.let_one_through();
    let request =
        stack.proxy().post("/v1/chat/completions?gate=stream").json(&json!({"stream": true}));
    let mut stream = request.client("a").tokens(1).open().await;
    stream.next_chunk().await.expect("a first event").expect("a whole event");

    stack.control_plane.process().terminate();
    is_not_ready(&stack).await;
    let status = stack.control_plane.process().wait_for_exit().await;
    assert_eq!(status.code(), Some(0), "{}", stack.control_plane.log());

    // A response that has begun does not need the control plane any more.
    gate.open();
    let mut last = bytes::Bytes::new();
    while let Some(chunk) = stream.next_chunk().await {
        last = chunk.expect("a whole event");
    }
    assert!(last.ends_with(b"data: [DONE]\n\n"), "{last:?}");
    check::refused(
        &stack.proxy().post("/").client("a").tokens(1).send().await,
        &check::LIMITER_UNAVAILABLE,
    );
}

#[tokio::test]
async fn a_call_that_has_begun_is_answered_after_sigterm() {
    let mut stack = TestStack::start().await;
    let mut connection = RawConnection::open(stack.control_plane.rest_address()).await;
    let head = [
        "POST /api/v1/clients HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        "Content-Length: 17",
        "Expect: 100-continue",
        "\r\n",
    ];
    connection.write(head.join("\r\n").as_bytes()).await;
    // The server says that it waits for the body.
    let interim = b"HTTP/1.1 100 Continue\r\n\r\n";
    assert_eq!(connection.read_exactly(interim.len()).await.as_deref(), Some(&interim[..]));
    connection.write(b"{\"client_id\"").await;
    stack.control_plane.process().terminate();
    is_not_ready(&stack).await;
    connection.write(b":\"a\"}").await;
    let answer = connection.read_answer().await.expect("an answer");
    assert_eq!(answer.status.as_u16(), 201, "{}", answer.text());
    assert_eq!(stack.control_plane.process().wait_for_exit().await.code(), Some(0));
}

#[tokio::test]
async fn a_log_in_json_is_one_document_a_line() {
    let stack = TestStack::builder().setting("LOG_FORMAT", "json").start().await;
    stack.admin().put_client("a", 1, None).await;
    check::admitted(&stack.proxy().post("/").client("a").tokens(1).send().await);
    let log = stack.control_plane.log();
    assert!(!log.is_empty());
    for line in log.lines() {
        let document = serde_json::from_str::<serde_json::Value>(line);
        assert!(document.is_ok_and(|document| document.is_object()), "{line}");
    }
}

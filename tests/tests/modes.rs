//! The filter's modes, and what becomes of a configuration that is wrong.

#![allow(clippy::float_cmp, reason = "counts are whole numbers")]

use harness::TestStack;
use harness::check::{self, INVALID_CLIENT_ID, INVALID_ESTIMATE, NO_CLIENT_ID, NO_ESTIMATE};
use harness::control_plane::Settings;
use harness::deadline::eventually;
use harness::envoy::{Envoy, EnvoyPorts};
use harness::stack::envoy_config;
use tempfile::TempDir;

#[tokio::test]
async fn shadow_decides_and_counts_and_lets_every_request_pass() {
    let stack =
        TestStack::builder().mode("shadow").setting("UNKNOWN_CLIENTS", "deny").start().await;
    let admin = stack.admin();
    admin.put_client("a", 2, 100).await;
    let proxy = stack.proxy();
    for tokens in [50, 60, 50, 50] {
        check::admitted(&proxy.post("/").client("a").tokens(tokens).send().await);
    }
    check::admitted(&proxy.post("/").client("stranger").tokens(1).send().await);
    check::admitted(&proxy.post("/").client("not an id").tokens(1).send().await);
    check::admitted(&proxy.get("/").send().await);

    check::counted(&admin.stats("a").await, 2, 1, 1);
    let metrics = stack.envoy().metrics("flowguard_").await;
    for (outcome, count) in [
        ("admitted", 2.0),
        ("rpm_exceeded", 1.0),
        ("tpm_exceeded", 1.0),
        ("unknown_client", 1.0),
        ("invalid_headers", 2.0),
    ] {
        assert_eq!(metrics.sum("flowguard_decisions", &[("outcome", outcome)]), count, "{outcome}");
    }
}

#[tokio::test]
async fn shadow_lets_requests_pass_without_a_control_plane() {
    let mut stack =
        TestStack::builder().mode("shadow").setting("DECISION_TIMEOUT_MS", "100").start().await;
    stack.control_plane.process().kill();
    check::admitted(&stack.proxy().post("/").client("a").tokens(1).send().await);
}

#[tokio::test]
async fn off_checks_the_headers_and_asks_nobody() {
    let mut stack = TestStack::builder().mode("off").start().await;
    stack.admin().put_client("a", 1, 1).await;
    let proxy = stack.proxy();
    for _ in 0..3 {
        check::admitted(&proxy.post("/").client("a").tokens(1000).send().await);
    }
    assert_eq!(stack.admin().stats("a").await.total_requests, 0);
    stack.control_plane.process().kill();
    check::admitted(&proxy.post("/").client("a").tokens(1).send().await);
    check::refused(&proxy.get("/").send().await, &NO_CLIENT_ID);
    check::refused(&proxy.post("/").client("a").send().await, &NO_ESTIMATE);
    check::refused(&proxy.post("/").client("a b").tokens(1).send().await, &INVALID_CLIENT_ID);
    check::refused(&proxy.post("/").client("a").tokens("x").send().await, &INVALID_ESTIMATE);
}

#[tokio::test]
async fn a_wrong_plugin_configuration_is_refused_with_a_line_that_says_what_is_wrong() {
    let folder = TempDir::new().expect("a temporary folder");
    let cases = [
        (r#""mode": "enforce""#, r#""mode": "sometimes""#, "sometimes"),
        (r#""failure_mode": "closed""#, r#""failure_mode": "ajar""#, "ajar"),
        (r#""mode": "enforce""#, r#""mode": "enforce", "fail_open": true"#, "fail_open"),
        (r#""mode": "enforce","#, r#""mode": "enforce""#, "line"),
        (r#""decision_timeout_ms": 250"#, r#""decision_timeout_ms": 0"#, "decision_timeout_ms"),
        (r#""cluster": "flowguard_decisions""#, r#""cluster": """#, "cluster"),
    ];
    for (index, (right, wrong, named)) in cases.into_iter().enumerate() {
        println!("{wrong}");
        let ports = EnvoyPorts::free();
        let config = envoy_config(&Settings::new(), ports, None).await;
        assert!(config.contains(right), "{right} in:\n{config}");
        let mut envoy = Envoy::spawn(
            &format!("envoy-{index}"),
            &config.replace(right, wrong),
            ports,
            1,
            folder.path(),
        );
        let log = eventually("a line about the plugin configuration", || {
            let log = envoy.log();
            let ended = envoy.process().exit_status().is_some();
            async move {
                log.lines()
                    .find(|line| line.contains("wasm log") && line.contains(named))
                    .map(str::to_owned)
                    .or_else(|| ended.then_some(log))
            }
        })
        .await;
        assert!(
            log.lines().any(|line| line.contains("configuration") && line.contains(named)),
            "{log}"
        );
    }
}

//! The filter's modes, and what becomes of a configuration that is wrong.

#![allow(clippy::float_cmp, reason = "counts are whole numbers")]

use harness::TestStack;
use harness::check::{self, INVALID_CLIENT_ID, INVALID_ESTIMATE, NO_CLIENT_ID, NO_ESTIMATE};
use harness::control_plane::Settings;
use harness::deadline::eventually;
use harness::envoy::{Envoy, EnvoyPorts};
use harness::http_client::HttpClient;
use harness::stack::envoy_config;
use serde_json::json;
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

    // Nobody was refused anything, so nothing counts as dropped, and no alert on that can fire.
    check::counted(&admin.stats("a").await, 4, 0, 0);
    let page = stack.control_plane.metrics().await;
    for (client, passed) in [("a", 4.0), ("unknown", 1.0)] {
        for (status, requests) in [("success", passed), ("dropped", 0.0)] {
            let labels = [("client_id", client), ("status", status)];
            assert_eq!(page.value("flowguard_requests_total", &labels), Some(requests), "{client}");
        }
    }
    for reason in ["rpm", "tpm"] {
        let labels = [("client_id", "a"), ("reason", reason)];
        assert_eq!(page.value("flowguard_requests_dropped_total", &labels), Some(0.0));
        assert_eq!(page.value("flowguard_shadow_refused_total", &labels), Some(1.0));
        let outcome = format!("{reason}_exceeded");
        assert_eq!(page.value("flowguard_decisions_total", &[("outcome", &outcome)]), Some(1.0));
    }
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

/// What `enforce` refuses, each in its own way, and what it would take away on the way.
async fn everything_passes_untouched(stack: &TestStack) {
    let address = stack.proxy_address();
    for proxy in [HttpClient::http1(address), HttpClient::http2(address)] {
        let path = "/v1/chat/completions?ratelimit_headers=1&encoding=accept";
        let body = json!({"model": "m", "messages": [{"role": "user", "content": "hello"}]});
        let request = || proxy.post(path).header("accept-encoding", "gzip").json(&body);
        for request in [
            request(),
            request().client("a"),
            request().tokens(1),
            request().client("not an id").tokens(1),
            request().client("a").tokens("x"),
            request().client("a").client("b").tokens(1).tokens(2),
            request().header("x-client-id", b"\xff\xfe").tokens(1),
            request().client("stranger").tokens(1),
            request().client("a").tokens(1_000),
            request().client("a").tokens(1),
            request().client("a").tokens(1),
        ] {
            let answer = request.send().await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_eq!(answer.header("content-encoding"), Some("gzip"));
            assert_eq!(answer.header("x-ratelimit-remaining-tokens"), Some("159968"));
        }
    }
}

#[tokio::test]
async fn pass_lets_through_all_that_enforce_refuses_and_touches_and_asks_nothing() {
    let mut stack =
        TestStack::builder().mode("pass").setting("UNKNOWN_CLIENTS", "deny").start().await;
    stack.admin().put_client("a", 1, 1).await;
    everything_passes_untouched(&stack).await;
    let page = stack.control_plane.metrics().await;
    assert_eq!(page.value("flowguard_decision_streams", &[]), Some(0.0));
    assert_eq!(page.sum("flowguard_decisions_total", &[]), 0.0);
    assert_eq!(page.sum("flowguard_requests_total", &[]), 0.0);

    stack.control_plane.process().kill();
    everything_passes_untouched(&stack).await;
    let metrics = stack.envoy().metrics("flowguard_").await;
    assert_eq!(stack.upstream.requests().len(), 44);
    assert_eq!(metrics.sum("flowguard_decisions", &[("outcome", "passed")]), 44.0);
    assert_eq!(metrics.sum("flowguard_decisions", &[]), 44.0, "nothing else is counted");
    assert_eq!(metrics.sum("flowguard_failures", &[]), 0.0);
    assert_eq!(metrics.sum("flowguard_stream", &[]), 0.0);
    check::filter_is_unharmed(stack.envoy()).await;
}

#[tokio::test]
async fn the_control_plane_tells_how_many_workers_have_a_stream_by_mode_and_release() {
    let mut stack = TestStack::builder().following_files().start().await;
    let filters = |mode: &'static str| {
        let labels = [("mode", mode), ("version", env!("CARGO_PKG_VERSION"))];
        let page = stack.control_plane.metrics();
        async move { page.await.value("flowguard_filters", &labels) }
    };
    assert_eq!(filters("enforce").await, None, "no worker has served");
    stack.proxy().get("/").client("a").tokens(1).send().await;
    assert_eq!((filters("enforce").await, filters("shadow").await), (Some(1.0), None));
    let opened = "in mode enforce";
    assert!(stack.control_plane.log().contains(opened), "{}", stack.control_plane.log());

    stack.reconfigure("FLOWGUARD_MODE", "shadow").await;
    eventually("a worker in shadow, and none that enforces", || async {
        stack.proxy().get("/").client("a").tokens(1).send().await;
        let page = stack.control_plane.metrics().await;
        let filters = |mode| page.sum("flowguard_filters", &[("mode", mode)]);
        ((filters("shadow"), filters("enforce")) == (1.0, 0.0)).then_some(())
    })
    .await;
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
        let config = envoy_config(&Settings::new(), ports).await;
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

//! What Prometheus sees: section 5 of docs/contract.md.

#![allow(clippy::float_cmp, reason = "counts are whole numbers")]

use std::path::PathBuf;

use harness::TestStack;
use harness::check;
use harness::deadline::eventually_equal;
use harness::metrics::Metrics;
use harness::redis::{Kind, Redis};
use http::Method;
use serde_json::json;

/// Sends what makes every metric appear: the client `a` is admitted three times and refused by each
/// limit.
async fn traffic(stack: &TestStack) {
    stack.admin().put_client("a", 3, 100).await;
    for (tokens, status) in [(40, 200), (61, 429), (10, 200), (0, 200), (1, 429), (1, 429)] {
        let answer = stack.proxy().post("/").client("a").tokens(tokens).send().await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.text());
    }
}

#[tokio::test]
async fn every_metric_has_the_contracts_name_type_and_labels() {
    let stack = TestStack::start().await;
    let shared = json!({"match": {}, "requests": 1_000, "per": "1m"});
    stack.admin().put_limit("shared", &shared).await;
    traffic(&stack).await;
    let metrics = harness::deadline::eventually("three measured requests", || async {
        let metrics = stack.control_plane.metrics().await;
        let count =
            metrics.sum("flowguard_request_duration_milliseconds_count", &[("client_id", "a")]);
        (count >= 3.0).then_some(metrics)
    })
    .await;
    is_golden("metrics.txt", &lines_of(&metrics, "flowguard_"));
}

#[tokio::test]
async fn a_control_plane_that_shares_a_store_tells_of_it_too() {
    let store = Redis::start(Kind::Redis, &[]).await;
    let stack = TestStack::builder()
        .setting("STORE_URL", &format!("redis://{}", store.address()))
        .start()
        .await;
    traffic(&stack).await;
    let metrics = stack.control_plane.metrics().await;
    is_golden("store_metrics.txt", &lines_of(&metrics, "flowguard_store_"));
    // Frames are sent one after the other, and each is decided by at least one call.
    for (name, at_least) in [("call_duration_seconds_count", 6.0), ("call_operations_sum", 9.0)] {
        let value = metrics.sum(&format!("flowguard_store_{name}"), &[]);
        assert!(value >= at_least, "{name} is {value}");
    }
    for name in ["circuit_open", "undecided_total", "disagreements_total", "merges_total"] {
        assert_eq!(metrics.sum(&format!("flowguard_store_{name}"), &[]), 0.0, "{name}");
    }
    assert_eq!(metrics.value("flowguard_store_control_planes", &[]), Some(1.0));
    let age = metrics.value("flowguard_store_configuration_age_seconds", &[]);
    assert!(age.is_some_and(|age| age < 5.0), "{age:?}");
}

/// What a page has of metrics whose names begin so.
fn lines_of(metrics: &Metrics, prefix: &str) -> String {
    let shape = metrics.shape();
    let lines = shape.lines().filter(|line| line.starts_with(prefix));
    lines.fold(String::new(), |text, line| text + line + "\n")
}

fn is_golden(list: &str, ours: &str) {
    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(list);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&golden, ours).expect("the golden file can be written");
    }
    let expected = std::fs::read_to_string(&golden).unwrap_or_default();
    assert_eq!(ours, expected, "renew {} by BLESS=1", golden.display());
}

#[tokio::test]
async fn prometheus_scrapes_every_metric() {
    let stack = TestStack::builder().with_prometheus().start().await;
    traffic(&stack).await;
    stack.proxy().post("/").client("stranger").tokens(1).send().await;
    let prometheus = stack.prometheus.as_ref().expect("a Prometheus");

    let exactly = [
        (r#"up{job="flowguard"}"#, 1.0),
        (r#"flowguard_requests_total{client_id="a",status="success"}"#, 3.0),
        (r#"flowguard_requests_total{client_id="a",status="dropped"}"#, 3.0),
        (r#"sum(flowguard_requests_total{client_id="a"})"#, 6.0),
        (r#"sum(flowguard_requests_total{client_id="unknown"})"#, 1.0),
        (r#"flowguard_requests_dropped_total{client_id="a",reason="rpm"}"#, 2.0),
        (r#"flowguard_requests_dropped_total{client_id="a",reason="tpm"}"#, 1.0),
        (r#"flowguard_tokens_used_total{client_id="a"}"#, 50.0),
        (r#"flowguard_rate_limit_remaining{client_id="a",limit_type="rpm"}"#, 0.0),
        (r#"floor(flowguard_tokens_remaining{client_id="a",bucket_type="tpm"} / 50)"#, 1.0),
        (r#"flowguard_rate_limit_remaining{client_id="a",limit_type="tpm"} >= bool 50"#, 1.0),
        (r#"flowguard_request_duration_milliseconds_count{client_id="a"}"#, 3.0),
        (r#"flowguard_request_duration_milliseconds_bucket{client_id="a",le="+Inf"}"#, 3.0),
        (r#"count(flowguard_requests_total{client_id=~".*stranger.*"}) or vector(0)"#, 0.0),
    ];
    for (expression, expected) in exactly {
        prometheus.wait_for(expression, expected).await;
    }
}

#[tokio::test]
async fn only_configured_ids_become_labels() {
    let stack = TestStack::builder().setting("UNKNOWN_CLIENTS", "allow").start().await;
    stack.admin().put_client("a", 1, None).await;
    for number in 0..50 {
        check::admitted(
            &stack.proxy().post("/").client(&format!("stranger-{number}")).tokens(2).send().await,
        );
    }
    let metrics = stack.control_plane.metrics().await;
    assert_eq!(metrics.label_values("client_id").into_iter().collect::<Vec<_>>(), ["a", "unknown"]);
    let labels = [("client_id", "unknown"), ("status", "success")];
    assert_eq!(metrics.value("flowguard_requests_total", &labels), Some(50.0));
    // A worker tells of ended requests once in a while.
    eventually_equal("tokens used", Some(100.0), || async {
        let metrics = stack.control_plane.metrics().await;
        metrics.value("flowguard_tokens_used_total", &[("client_id", "unknown")])
    })
    .await;
}

#[tokio::test]
async fn denied_clients_are_counted_as_unknown() {
    let stack = TestStack::builder().setting("UNKNOWN_CLIENTS", "deny").start().await;
    for _ in 0..3 {
        stack.proxy().post("/").client("stranger").tokens(1).send().await;
    }
    let metrics = stack.control_plane.metrics().await;
    let labels = [("client_id", "unknown"), ("status", "dropped")];
    assert_eq!(metrics.value("flowguard_requests_total", &labels), Some(3.0));
}

#[tokio::test]
async fn a_client_called_unknown_does_not_break_the_page() {
    let stack = TestStack::start().await;
    // Whether such an id is taken or refused, no series may appear twice: reading the page checks
    // that.
    stack.admin().put("unknown", &serde_json::json!({"rpm": 1})).await;
    stack.proxy().post("/").client("unknown").tokens(1).send().await;
    stack.proxy().post("/").client("stranger").tokens(1).send().await;
    stack.control_plane.metrics().await;
}

#[tokio::test]
async fn limits_that_are_not_configured_have_no_gauges() {
    let stack = TestStack::start().await;
    stack.admin().put_client("a", None, 10).await;
    stack.admin().put_disabled_client("b", 1, 1).await;
    let metrics = stack.control_plane.metrics().await;
    let value = |name, label, kind| metrics.value(name, &[("client_id", "a"), (label, kind)]);
    assert_eq!(value("flowguard_tokens_remaining", "bucket_type", "tpm"), Some(10.0));
    assert_eq!(value("flowguard_rate_limit_remaining", "limit_type", "tpm"), Some(10.0));
    assert_eq!(value("flowguard_tokens_remaining", "bucket_type", "rpm"), None);
    assert_eq!(value("flowguard_rate_limit_remaining", "limit_type", "rpm"), None);
}

/// Series whose values only grow: counters, and the parts of histograms.
fn growing(metrics: &Metrics) -> impl Iterator<Item = (&harness::metrics::Series, f64)> {
    metrics.samples.iter().filter_map(|(series, value)| {
        let name = series.name.as_str();
        let family =
            ["_bucket", "_count", "_sum"].into_iter().find_map(|suffix| name.strip_suffix(suffix));
        let is = |name: &str, kind: &str| metrics.types.get(name).is_some_and(|is| is == kind);
        let grows = is(name, "counter") || family.is_some_and(|family| is(family, "histogram"));
        grows.then_some((series, *value))
    })
}

#[tokio::test]
async fn no_counter_ever_goes_down() {
    let stack = TestStack::start().await;
    let admin = stack.admin();
    let mut highest = std::collections::BTreeMap::new();
    let mut total = 0.0;
    for step in 0..6 {
        match step {
            0 | 3 | 5 => traffic(&stack).await,
            1 => admin.put_disabled_client("a", 50, 5).await,
            _ => {
                let answer = admin.http().request(Method::DELETE, "/api/v1/clients/a").send().await;
                assert_eq!(answer.status.as_u16(), 200);
                stack.proxy().post("/").client("a").tokens(1).send().await;
            }
        }
        let metrics = stack.control_plane.metrics().await;
        for (series, value) in growing(&metrics) {
            let before = highest.insert(series.clone(), value).unwrap_or_default();
            assert!(value >= before, "{series:?} went from {before} to {value} in step {step}");
        }
        let decided = metrics.sum("flowguard_decisions_total", &[]);
        assert!(decided >= total, "all decisions went from {total} to {decided}");
        total = decided;
    }
}

#[tokio::test]
async fn envoys_own_page_counts_decisions_by_outcome() {
    let stack = TestStack::builder().setting("UNKNOWN_CLIENTS", "deny").start().await;
    traffic(&stack).await;
    stack.proxy().post("/").client("stranger").tokens(1).send().await;
    stack.proxy().post("/").client("a b").tokens(1).send().await;
    stack.proxy().get("/").send().await;
    let metrics = stack.envoy().metrics("flowguard_").await;
    let outcomes = [
        ("admitted", 3.0),
        ("rpm_exceeded", 2.0),
        ("tpm_exceeded", 1.0),
        ("unknown_client", 1.0),
        ("invalid_headers", 2.0),
        ("failed_closed", 0.0),
        ("failed_open", 0.0),
    ];
    for (outcome, count) in outcomes {
        assert_eq!(metrics.sum("flowguard_decisions", &[("outcome", outcome)]), count, "{outcome}");
    }
    assert_eq!(metrics.types.get("flowguard_decisions").map(String::as_str), Some("counter"));
    assert_eq!(metrics.sum("flowguard_stream", &[("state", "open")]), 1.0);
    assert_eq!(metrics.sum("flowguard_stream", &[("state", "down")]), 0.0);
    assert_eq!(metrics.sum("flowguard_failures", &[]), 0.0);
}

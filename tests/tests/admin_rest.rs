//! The REST API: every call, its errors, and its effect on the very next request on the proxy.

use harness::TestStack;
use harness::admin::ClientStats;
use harness::check::{self, RPM_EXCEEDED, TPM_EXCEEDED, UNKNOWN_CLIENT, answered, failed};
use harness::http_client::{Answer, HttpClient};
use http::{Method, StatusCode};
use serde_json::{Value, json};

const CLIENTS: &str = "/api/v1/clients";

/// A write that succeeded with this status and is told back.
#[track_caller]
fn wrote(answer: &Answer, status: u16, config: &Value) {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text());
    let body = answer.json();
    assert_eq!(body["success"], true, "{body}");
    assert!(body["message"].is_string(), "{body}");
    assert_eq!(&body["config"], config, "{body}");
    assert_eq!(body.as_object().map(serde_json::Map::len), Some(3), "{body}");
}

#[tokio::test]
async fn posting_a_client_creates_it_and_posting_again_replaces_it() {
    let stack = TestStack::builder().setting("UNKNOWN_CLIENTS", "deny").start().await;
    let rest = stack.admin().http().clone();
    let proxy = stack.proxy();
    check::refused(&proxy.post("/").client("a").tokens(1).send().await, &UNKNOWN_CLIENT);

    let config = json!({"client_id": "a", "rpm": 1, "tpm": 2000, "enabled": true});
    wrote(&rest.post(CLIENTS).json(&config).send().await, 201, &config);
    check::admitted(&proxy.post("/").client("a").tokens(1).send().await);
    check::refused_for_now(&proxy.post("/").client("a").tokens(1).send().await, &RPM_EXCEEDED);

    let minimal = rest.post(CLIENTS).json(&json!({"client_id": "a"})).send().await;
    wrote(&minimal, 200, &json!({"client_id": "a", "rpm": null, "tpm": null, "enabled": true}));
    for _ in 0..3 {
        check::admitted(&proxy.post("/").client("a").tokens(1_000_000).send().await);
    }
}

#[tokio::test]
async fn putting_a_client_replaces_all_of_it_or_creates_it() {
    let stack = TestStack::builder().setting("UNKNOWN_CLIENTS", "deny").start().await;
    let admin = stack.admin();
    let proxy = stack.proxy();
    let config = json!({"client_id": "a", "rpm": 1, "tpm": 10, "enabled": true});
    wrote(&admin.put("a", &json!({"rpm": 1, "tpm": 10})).await, 201, &config);
    check::admitted(&proxy.post("/").client("a").tokens(1).send().await);
    check::refused_for_now(&proxy.post("/").client("a").tokens(1).send().await, &RPM_EXCEEDED);

    let same_id = json!({"client_id": "a", "tpm": null, "enabled": false});
    let config = json!({"client_id": "a", "rpm": null, "tpm": null, "enabled": false});
    wrote(&admin.put("a", &same_id).await, 200, &config);
    check::admitted(&proxy.post("/").client("a").tokens(1000).send().await);

    let message = failed(&admin.put("a", &json!({"client_id": "b"})).await, 400, "invalid_field");
    assert!(message.contains("client_id"), "{message}");
    answered(&admin.get("a").await, 200, &config);
    failed(&admin.get("b").await, 404, "client_not_found");
}

#[tokio::test]
async fn a_patch_keeps_what_it_does_not_name_and_holds_for_the_very_next_request() {
    let stack = TestStack::start().await;
    let admin = stack.admin();
    admin.put_client("a", 1, 10).await;
    let config = json!({"client_id": "a", "rpm": null, "tpm": 10, "enabled": true});
    wrote(&admin.patch("a", &json!({"rpm": null})).await, 200, &config);
    let proxy = stack.proxy();
    for _ in 0..2 {
        check::admitted(&proxy.post("/").client("a").tokens(5).send().await);
    }
    check::refused_for_now(&proxy.post("/").client("a").tokens(10).send().await, &TPM_EXCEEDED);
    failed(&admin.patch("b", &json!({})).await, 404, "client_not_found");
}

#[tokio::test]
async fn a_reset_lets_a_client_pass_at_once_that_had_nothing_left() {
    let stack = TestStack::start().await;
    let admin = stack.admin();
    admin.put_client("a", 1, None).await;
    let proxy = stack.proxy();
    check::admitted(&proxy.post("/").client("a").tokens(1).send().await);
    check::refused_for_now(&proxy.post("/").client("a").tokens(1).send().await, &RPM_EXCEEDED);
    let stats = ClientStats::read(&admin.reset("a").await.json());
    assert_eq!(stats.rpm_remaining, Some(1));
    check::admitted(&proxy.post("/").client("a").tokens(1).send().await);
}

/// The line of the log that has all of these.
#[track_caller]
fn logged(log: &str, parts: &[&str]) {
    let line = log.lines().any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(line, "no line with {parts:?} in:\n{log}");
}

#[tokio::test]
async fn the_log_tells_who_changed_what_and_warns_of_a_limit_that_is_gone() {
    let stack = TestStack::start().await;
    let admin = stack.admin();
    admin.put_client("a", 60, 1_000).await;
    admin.put("a", &json!({"rpm": 61})).await;
    admin.patch("a", &json!({"rpm": 62})).await;
    admin.reset("a").await;
    admin.delete("a").await;
    let log = stack.control_plane.log();
    let after = "rpm 60, tpm 1000, enabled true";
    logged(&log, &["INFO", "Client a was created", "127.0.0.1:", after]);
    logged(
        &log,
        &[
            "WARN",
            "Client a was replaced: tpm 1000 was taken away",
            "127.0.0.1:",
            after,
            "rpm 61, tpm none, enabled true",
        ],
    );
    logged(&log, &["INFO", "Client a was changed", "127.0.0.1:", "rpm 61,", "rpm 62,"]);
    logged(&log, &["INFO", "Client a was reset", "127.0.0.1:"]);
    logged(&log, &["INFO", "Client a was deleted", "127.0.0.1:", "rpm 62, tpm none"]);
}

#[tokio::test]
async fn a_host_that_is_not_this_server_s_is_refused_until_it_is_named() {
    for (setting, status) in [("", 421), ("flowguard,console.example.com", 200)] {
        let stack = TestStack::builder().setting("ALLOWED_HOSTS", setting).start().await;
        for (address, path) in [
            (stack.control_plane.rest_address(), CLIENTS),
            (stack.control_plane.metrics_address(), "/metrics"),
        ] {
            let http = HttpClient::one_connection_each(address);
            let answer = http.get(path).header("host", "Flowguard:9090").send().await;
            assert_eq!(answer.status.as_u16(), status, "{setting:?} {path}");
        }
    }
}

#[tokio::test]
async fn a_client_is_read_as_it_was_written() {
    let stack = TestStack::start().await;
    let admin = stack.admin();
    let largest = json!({"client_id": "a:b@c.d-e_f", "rpm": 1_000_000_000_000_u64, "tpm": 1, "enabled": false});
    wrote(&admin.put("a:b@c.d-e_f", &largest).await, 201, &largest);
    answered(&admin.get("a:b@c.d-e_f").await, 200, &largest);
    answered(&admin.get("a%3Ab%40c%2Ed-e_f").await, 200, &largest);
    let slashes =
        json!({"client_id": "spiffe://a/b|c+d=e~", "rpm": 5, "tpm": null, "enabled": true});
    wrote(&admin.put("spiffe:%2F%2Fa%2Fb%7Cc+d=e~", &json!({"rpm": 5})).await, 201, &slashes);
    let id = "spiffe://a/b|c+d=e~";
    check::admitted(&stack.proxy().post("/").client(id).tokens(1).send().await);
    assert_eq!(admin.stats("spiffe:%2F%2Fa%2Fb%7Cc+d=e~").await.rpm_remaining, Some(4));
    let missing = admin.get("b").await;
    answered(&missing, 404, &json!({"error": "client_not_found", "message": "Client not found"}));
}

#[tokio::test]
async fn all_clients_are_listed_in_a_map() {
    let stack = TestStack::start().await;
    let admin = stack.admin();
    answered(&admin.http().get(CLIENTS).send().await, 200, &json!({"clients": {}, "count": 0}));
    admin.put_client("b", 1, None).await;
    admin.put_disabled_client("a", 2, 3).await;
    let clients = json!({
        "a": {"client_id": "a", "rpm": 2, "tpm": 3, "enabled": false},
        "b": {"client_id": "b", "rpm": 1, "tpm": null, "enabled": true},
    });
    answered(
        &admin.http().get(CLIENTS).send().await,
        200,
        &json!({"clients": clients, "count": 2}),
    );
}

#[tokio::test]
async fn a_deleted_client_is_unknown_to_the_very_next_request() {
    let stack = TestStack::builder().setting("UNKNOWN_CLIENTS", "deny").start().await;
    let admin = stack.admin();
    admin.put_client("a", 10, 10).await;
    check::admitted(&stack.proxy().post("/").client("a").tokens(1).send().await);

    let answer = admin.delete("a").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["success"], true);
    assert!(answer.json()["message"].is_string());
    check::refused(&stack.proxy().post("/").client("a").tokens(1).send().await, &UNKNOWN_CLIENT);
    failed(&admin.delete("a").await, 404, "client_not_found");
    failed(&admin.get("a").await, 404, "client_not_found");
    failed(&admin.http().get(&format!("{CLIENTS}/a/stats")).send().await, 404, "client_not_found");
}

#[tokio::test]
async fn statistics_tell_what_became_of_each_request() {
    let stack = TestStack::start().await;
    let admin = stack.admin();
    admin.put_client("a", 3, 100).await;
    admin.put_client("b", None, 7).await;
    let fresh = ClientStats {
        client_id: "b".to_owned(),
        total_requests: 0,
        success_requests: 0,
        dropped_requests: 0,
        rpm_dropped: 0,
        tpm_dropped: 0,
        tokens_used: 0,
        rpm_remaining: None,
        tpm_remaining: Some(7),
        last_request_time: None,
        avg_latency_ms: 0.0,
        learned_estimate: None,
        tpm_balance: Some(7),
    };
    assert_eq!(admin.stats("b").await, fresh);

    let since = std::time::Instant::now();
    let proxy = stack.proxy();
    for tokens in [40, 50, 60, 0, 0] {
        proxy.post("/").client("a").tokens(tokens).send().await;
    }
    admin.wait_for_tokens_used("a", 90).await;
    let stats = admin.stats("a").await;
    check::counted(&stats, 3, 1, 1);
    check::balance(stats.rpm_remaining, 0, 3, since);
    check::balance(stats.tpm_remaining, 10, 100, since);
    let time = stats.last_request_time.expect("there were requests");
    assert!(time.starts_with("20") && time.contains('T') && time.ends_with('Z'), "{time}");

    let all = admin.http().get("/api/v1/stats").send().await;
    assert_eq!(all.status, StatusCode::OK);
    let all = all.json();
    assert_eq!(all["count"], 2, "{all}");
    assert_eq!(ClientStats::read(&all["stats"]["b"]), fresh);
    check::counted(&ClientStats::read(&all["stats"]["a"]), 3, 1, 1);
}

#[tokio::test]
async fn the_mean_latency_lasts_to_the_end_of_the_response() {
    let stack = TestStack::start().await;
    let admin = stack.admin();
    admin.put_client("a", None, None).await;
    let mut longest = 0.0_f64;
    for _ in 0..2 {
        let request = stack.proxy().post("/v1/chat/completions?delay_ms=40&chunks=2");
        let answer = request.json(&json!({"stream": true})).client("a").tokens(1).send().await;
        longest = longest.max(answer.duration().as_secs_f64() * 1000.0);
    }
    let mean = harness::deadline::eventually("two reported requests", || async {
        Some(admin.stats("a").await.avg_latency_ms).filter(|mean| *mean > 0.0)
    })
    .await;
    assert!(mean >= 3.0 * 40.0 && mean <= longest, "{mean} ms, the longest took {longest} ms");
}

#[tokio::test]
async fn health_is_told_on_the_config_port_and_on_the_metrics_port() {
    let stack = TestStack::start().await;
    for address in [stack.control_plane.rest_address(), stack.control_plane.metrics_address()] {
        let answer = HttpClient::http1(address).get("/health").send().await;
        assert_eq!(answer.status, StatusCode::OK);
        let body = answer.json();
        assert_eq!((&body["status"], &body["service"]), (&json!("healthy"), &json!("flowguard")));
        assert!(body["version"].is_string(), "{body}");
    }
}

#[tokio::test]
async fn the_demo_clients_are_there_when_there_is_no_client() {
    let stack = TestStack::builder().setting("DEMO_CLIENTS", "true").start().await;
    let clients = json!({
        "demo-client": {"client_id": "demo-client", "rpm": 60, "tpm": 1000, "enabled": true},
        "test-client": {"client_id": "test-client", "rpm": 30, "tpm": 500, "enabled": true},
        "premium-client": {"client_id": "premium-client", "rpm": 120, "tpm": 2000, "enabled": true},
    });
    answered(
        &stack.admin().http().get(CLIENTS).send().await,
        200,
        &json!({"clients": clients, "count": 3}),
    );
    check::admitted(&stack.proxy().get("/test").client("demo-client").tokens(150).send().await);
}

#[tokio::test]
async fn a_browser_may_call_from_an_allowed_origin_alone() {
    let stack = TestStack::builder()
        .setting("CORS_ALLOW_ORIGINS", "https://console.example.com")
        .start()
        .await;
    let rest = stack.admin().http().clone();
    let preflight = async |origin: &str| {
        let request = rest.request(Method::OPTIONS, "/api/v1/clients/a").header("origin", origin);
        let request = request.header("access-control-request-method", "PUT");
        request.header("access-control-request-headers", "content-type").send().await
    };
    let allowed = preflight("https://console.example.com").await;
    assert!(allowed.status.is_success(), "{}", allowed.status);
    assert_eq!(allowed.header("access-control-allow-origin"), Some("https://console.example.com"));
    let methods = allowed.header("access-control-allow-methods").unwrap_or_default().to_owned();
    for method in ["GET", "POST", "PUT", "DELETE"] {
        assert!(methods.contains(method), "{methods}");
    }
    let headers =
        allowed.header("access-control-allow-headers").unwrap_or_default().to_ascii_lowercase();
    assert!(headers.contains("content-type"), "{headers}");
    let other = preflight("https://evil.example.com").await;
    assert_eq!(other.header("access-control-allow-origin"), None);
}

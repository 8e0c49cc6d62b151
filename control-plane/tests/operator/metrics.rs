//! Section 5 of docs/contract.md: the page that Prometheus reads.

use std::{env, fs};

use axum::{body::Body, http::Request};
use flowguard::{
    ledger::{Answer, End, UnknownClients},
    operator::{Caller, Precondition},
};
use limiter::Tokens;

use crate::world::{Reply, World, reply};

async fn fetch(world: &World, path: &str) -> Reply {
    reply(world.metrics(), Request::get(path).body(Body::empty()).expect("a request")).await
}

pub(crate) async fn page(world: &World) -> String {
    let reply = fetch(world, "/metrics").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    reply.body
}

/// The value of one series, `None` when it is not on the page.
fn value<'a>(page: &'a str, series: &str) -> Option<&'a str> {
    page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
}

#[track_caller]
pub(crate) fn check(page: &str, series: &[(&str, &str)]) {
    for &(series, expected) in series {
        assert_eq!(value(page, series), Some(expected), "{series}\n{page}");
    }
}

#[tokio::test]
async fn names_types_and_labels_are_those_of_the_golden_page() {
    let world = World::new();
    world.configure("a", Some(60), Some(1_000)).await;
    world.configure("no-limits", None, None).await;
    let shared = r#"{"match": {}, "tokens": 1000, "per": "1d"}"#;
    assert_eq!(world.put("/api/v1/limits/shared", shared).await.status, 201);
    world.complete("a", 10, 7_000);
    let page = page(&world).await;
    let series = page.replace(env!("CARGO_PKG_VERSION"), "VERSION");
    let series: Vec<_> = series.lines().map(without_value).collect();
    let series = series.join("\n") + "\n";

    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/metrics.txt");
    if env::var_os("BLESS").is_some() {
        fs::write(golden, &series).expect("the golden file can be written");
    }
    let expected = fs::read_to_string(golden).expect("the golden file");
    assert_eq!(series, expected, "renew it with BLESS=1 if this is meant to change");
}

fn without_value(line: &str) -> &str {
    if line.starts_with('#') {
        line
    } else {
        line.rsplit_once(' ').map_or(line, |(series, _)| series)
    }
}

fn tokens(tokens: u64) -> Option<Tokens> {
    Tokens::new(tokens).ok()
}

#[tokio::test]
async fn the_page_tells_what_the_ledger_did() {
    let world = World::new();
    world.configure("a", Some(4), Some(100)).await;
    world.complete_with("a", 30, tokens(20), 4_000);
    world.complete_with("a", 30, tokens(70), 5_001);
    assert!(matches!(world.ask("a", 11), Answer::Refused { .. }));
    world.complete("a", 0, 400_000_000);
    let _held = world.ask_admitted("a", 5);
    assert!(matches!(world.ask("a", 0), Answer::Refused { .. }));
    assert!(matches!(world.ask("a", 1), Answer::Refused { .. }));

    check(
        &page(&world).await,
        &[
            ("flowguard_clients", "1"),
            (r#"flowguard_requests_total{client_id="a",status="success"}"#, "4"),
            (r#"flowguard_requests_total{client_id="a",status="dropped"}"#, "3"),
            (r#"flowguard_requests_dropped_total{client_id="a",reason="rpm"}"#, "2"),
            (r#"flowguard_requests_dropped_total{client_id="a",reason="tpm"}"#, "1"),
            (r#"flowguard_tokens_used_total{client_id="a"}"#, "90"),
            (r#"flowguard_tokens_total{client_id="a",kind="estimated"}"#, "60"),
            (r#"flowguard_tokens_total{client_id="a",kind="settled"}"#, "90"),
            (r#"flowguard_tokens_total{client_id="a",kind="refunded"}"#, "10"),
            (r#"flowguard_tokens_total{client_id="a",kind="debt"}"#, "40"),
            (r#"flowguard_tokens_remaining{client_id="a",bucket_type="rpm"}"#, "0"),
            (r#"flowguard_tokens_remaining{client_id="a",bucket_type="tpm"}"#, "5"),
            (r#"flowguard_rate_limit_remaining{client_id="a",limit_type="rpm"}"#, "0"),
            (r#"flowguard_rate_limit_remaining{client_id="a",limit_type="tpm"}"#, "5"),
            (r#"flowguard_request_duration_milliseconds_bucket{client_id="a",le="5"}"#, "1"),
            (r#"flowguard_request_duration_milliseconds_bucket{client_id="a",le="10"}"#, "2"),
            (r#"flowguard_request_duration_milliseconds_bucket{client_id="a",le="300000"}"#, "2"),
            (r#"flowguard_request_duration_milliseconds_bucket{client_id="a",le="+Inf"}"#, "3"),
            (r#"flowguard_request_duration_milliseconds_count{client_id="a"}"#, "3"),
            (r#"flowguard_request_duration_milliseconds_sum{client_id="a"}"#, "400009.001"),
        ],
    );
}

#[tokio::test]
async fn a_balance_is_exact_and_what_remains_of_it_whole() {
    let world = World::new();
    world.configure("a", Some(60), Some(1_000)).await;
    let _held = world.ask_admitted("a", 1_000);
    // 30 ms later half a token has come back, and 3 hundredths of a request.
    world.later(30);
    assert!(matches!(world.ask("a", 1), Answer::Refused { .. }));
    check(
        &page(&world).await,
        &[
            (r#"flowguard_tokens_remaining{client_id="a",bucket_type="tpm"}"#, "0.5"),
            (r#"flowguard_rate_limit_remaining{client_id="a",limit_type="tpm"}"#, "0"),
            (r#"flowguard_tokens_remaining{client_id="a",bucket_type="rpm"}"#, "59.03"),
            (r#"flowguard_rate_limit_remaining{client_id="a",limit_type="rpm"}"#, "59"),
        ],
    );
}

#[tokio::test]
async fn only_limits_that_are_configured_have_gauges_and_only_finished_requests_a_histogram() {
    let world = World::new();
    world.configure("rpm-only", Some(60), None).await;
    let _held = world.ask_admitted("rpm-only", 1);
    let page = page(&world).await;
    check(
        &page,
        &[
            (r#"flowguard_rate_limit_remaining{client_id="rpm-only",limit_type="rpm"}"#, "59"),
            (r#"flowguard_tokens_used_total{client_id="rpm-only"}"#, "0"),
        ],
    );
    assert!(!page.contains(r#"client_id="rpm-only",limit_type="tpm""#), "{page}");
    assert!(!page.contains(r#"client_id="rpm-only",bucket_type="tpm""#), "{page}");
    assert!(!page.contains("flowguard_request_duration_milliseconds_"), "{page}");
}

#[tokio::test]
async fn a_limit_is_told_while_it_is_in_force() {
    let world = World::new();
    world.configure("a", Some(60), Some(1_000)).await;
    world.configure("tokens", None, Some(7)).await;
    world.configure("disabled", Some(5), Some(5)).await;
    let disabled = world.patch("/api/v1/clients/disabled", r#"{"enabled": false}"#).await;
    assert_eq!(disabled.status, 200);
    let page = page(&world).await;
    check(
        &page,
        &[
            (r#"flowguard_client_limit{client_id="a",limit_type="rpm"}"#, "60"),
            (r#"flowguard_client_limit{client_id="a",limit_type="tpm"}"#, "1000"),
            (r#"flowguard_client_limit{client_id="tokens",limit_type="tpm"}"#, "7"),
            (r#"flowguard_client_limit{client_id="unknown",limit_type="rpm"}"#, "60"),
            (r#"flowguard_client_limit{client_id="unknown",limit_type="tpm"}"#, "1000"),
        ],
    );
    assert_eq!(page.matches("\nflowguard_client_limit{").count(), 5, "{page}");
}

#[tokio::test]
async fn whatever_ids_arrive_they_are_one_series() {
    let world = World::new();
    world.configure("a", None, None).await;
    for n in 0..100 {
        world.ask(&format!("stranger-{n}"), 1);
    }
    let page = page(&world).await;
    assert!(!page.contains("stranger"), "{page}");
    check(
        &page,
        &[
            ("flowguard_clients", "1"),
            (r#"flowguard_requests_total{client_id="unknown",status="success"}"#, "60"),
            (r#"flowguard_requests_total{client_id="unknown",status="dropped"}"#, "40"),
            (r#"flowguard_requests_dropped_total{client_id="unknown",reason="rpm"}"#, "40"),
            (r#"flowguard_rate_limit_remaining{client_id="unknown",limit_type="tpm"}"#, "940"),
        ],
    );
}

#[tokio::test]
async fn every_character_of_an_id_stands_in_a_label_as_it_is() {
    let world = World::new();
    let id = "AZaz09._:@-+|=/~";
    world.configure(id, Some(60), None).await;
    let series = format!("flowguard_requests_total{{client_id=\"{id}\",status=\"success\"}}");
    check(&page(&world).await, &[(&series, "0")]);
}

#[tokio::test]
async fn ids_that_are_denied_are_dropped_for_neither_limit() {
    let world = World::with_unknown_clients(&UnknownClients::Deny);
    assert!(matches!(world.ask("stranger", 1), Answer::UnknownClient));
    let page = page(&world).await;
    check(
        &page,
        &[
            (r#"flowguard_requests_total{client_id="unknown",status="success"}"#, "0"),
            (r#"flowguard_requests_total{client_id="unknown",status="dropped"}"#, "1"),
        ],
    );
    assert!(!page.contains("flowguard_requests_dropped_total{"), "{page}");
    assert!(!page.contains("flowguard_shadow_refused_total{"), "{page}");
}

#[tokio::test]
async fn ids_that_are_denied_in_shadow_count_as_refused_there() {
    let world = World::with_unknown_clients(&UnknownClients::Deny);
    world.worker.set_in_shadow(true);
    assert!(matches!(world.ask("stranger", 1), Answer::UnknownClient));
    let series = r#"flowguard_shadow_refused_total{client_id="unknown",reason="unknown_client"}"#;
    check(
        &page(&world).await,
        &[
            (series, "1"),
            (r#"flowguard_requests_total{client_id="unknown",status="success"}"#, "1"),
            (r#"flowguard_requests_total{client_id="unknown",status="dropped"}"#, "0"),
        ],
    );
}

#[tokio::test]
async fn a_client_that_is_deleted_and_created_again_goes_on_counting() {
    let world = World::new();
    world.configure("a", Some(60), None).await;
    world.complete("a", 5, 1_000);
    let held = world.ask_admitted("a", 5);
    world.operator.remove("a", Precondition::Anything, &Caller::Process).await.expect("deleted");
    assert!(!page(&world).await.contains(r#"client_id="a""#));

    world.configure("a", Some(60), None).await;
    world.end(held, End::Lost);
    check(
        &page(&world).await,
        &[
            (r#"flowguard_requests_total{client_id="a",status="success"}"#, "2"),
            (r#"flowguard_tokens_used_total{client_id="a"}"#, "10"),
            (r#"flowguard_rate_limit_remaining{client_id="a",limit_type="rpm"}"#, "60"),
        ],
    );
}

#[tokio::test]
async fn the_metrics_port_tells_its_health_and_serves_nothing_else() {
    let world = World::new();
    assert_eq!(fetch(&world, "/health").await.status, 200);
    world.health.stop();
    assert_eq!(fetch(&world, "/health").await.status, 503);
    assert_eq!(fetch(&world, "/metrics").await.status, 200);
    let not_found = fetch(&world, "/api/v1/clients").await;
    not_found.is_error(404, "not_found", "there is nothing at this path");
    let request = Request::post("/metrics").body(Body::empty()).expect("a request");
    let refused = reply(world.metrics(), request).await;
    refused.is_error(405, "method_not_allowed", "this path does not know this method");
    assert_eq!(refused.header("allow"), Some("GET,HEAD"));
}

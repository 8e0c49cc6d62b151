//! What Grafana and an operator ask of Prometheus, asked of a real one that watches a real stack:
//! every query has an answer.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, SystemTime};

use harness::TestStack;
use harness::deadline::eventually;
use harness::pki::{Authority, put};
use harness::prometheus::{Prometheus, QueryResult};
use harness::redis::{Kind, Redis};
use repository::dashboard::{Dashboard, Query};
use repository::json::{array, text};
use repository::read;
use repository::readme::blocks;
use serde_json::json;
use tempfile::TempDir;

/// Long enough to span all that a test does: a rate then starts where the series starts.
const RATE_INTERVAL: &str = "1m";

/// What only an Envoy in shadow counts.
const OF_SHADOW: &str = "flowguard_shadow_refused_total";

/// What only a control plane tells that shares a store.
const OF_STORE: &str = "flowguard_store_";

/// What only a control plane tells that has a certificate.
const OF_TLS: &str = "flowguard_tls_";

/// An expression and what asks it.
type Asked = (String, String);

#[tokio::test]
async fn every_query_of_the_dashboard_and_every_recording_rule_has_data_of_a_loaded_stack() {
    let stack = TestStack::builder().with_prometheus().start().await;
    stack.admin().put_client("busy", None, 1_000_000).await;
    stack.admin().put_client("tight", 1, None).await;
    let shared = json!({"match": {}, "requests": 1_000_000, "per": "1m"});
    stack.admin().put_limit("shared", &shared).await;
    let prometheus = stack.prometheus.as_ref().expect("a Prometheus");

    let dashboard = Dashboard::read();
    let mut asked: Vec<Asked> = Vec::new();
    let is_of_all = |query: &&Query| {
        [OF_SHADOW, OF_STORE, OF_TLS].iter().all(|of| !query.expression.contains(of))
    };
    for query in dashboard.queries().iter().filter(is_of_all) {
        for clients in [".*", "(busy|tight)"] {
            asked.push((query.asked_by.clone(), query.substituted(clients, RATE_INTERVAL)));
        }
    }
    for rule in rules_of(prometheus).await.into_iter().filter(|rule| !rule.contains(OF_STORE)) {
        asked.push(("a recording rule".to_owned(), rule));
    }
    for (what, expression) in &asked {
        // An alert fires after its minutes; until then it is pending, under the same labels.
        let now = expression.replace(r#"alertstate="firing""#, r#"alertstate="pending""#);
        has_data(&stack, what, &now).await;
    }
    assert!(asked.len() > 100, "{}", asked.len());
    assert_no_rule_failed(prometheus).await;
    assert_eq!(values_of(&dashboard, "job", prometheus).await, ["envoy", "flowguard"]);
    assert_eq!(values_of(&dashboard, "instance", prometheus).await.len(), 2);
    assert_eq!(values_of(&dashboard, "client", prometheus).await, ["busy", "tight", "unknown"]);
}

#[tokio::test]
async fn what_an_envoy_in_shadow_would_refuse_is_shown() {
    let stack = TestStack::builder().mode("shadow").with_prometheus().start().await;
    stack.admin().put_client("busy", None, 1_000_000).await;
    stack.admin().put_client("tight", 1, None).await;
    let queries = Dashboard::read().queries();
    let of_shadow: Vec<_> =
        queries.iter().filter(|query| query.expression.contains(OF_SHADOW)).collect();
    assert_eq!(of_shadow.len(), 1);
    for query in of_shadow {
        let expression = query.substituted("tight", RATE_INTERVAL);
        has_data(&stack, &query.asked_by, &format!("{expression} > 0")).await;
    }
}

#[tokio::test]
async fn what_a_control_plane_tells_of_the_store_that_it_shares_is_shown() {
    let store = Redis::start(Kind::Redis, &[]).await;
    let stack = TestStack::builder()
        .setting("STORE_URL", &format!("redis://{}", store.address()))
        .with_prometheus()
        .start()
        .await;
    stack.admin().put_client("busy", None, 1_000_000).await;
    stack.admin().put_client("tight", 1, None).await;
    let queries = Dashboard::read().queries();
    let of_store: Vec<_> =
        queries.iter().filter(|query| query.expression.contains(OF_STORE)).collect();
    assert!(of_store.len() > 8, "{}", of_store.len());
    for query in of_store {
        has_data(&stack, &query.asked_by, &query.substituted(".*", RATE_INTERVAL)).await;
    }
    let prometheus = stack.prometheus.as_ref().expect("a Prometheus");
    let rules = rules_of(prometheus).await;
    let of_store: Vec<_> = rules.iter().filter(|rule| rule.contains(OF_STORE)).collect();
    assert_eq!(of_store.len(), 1, "{rules:?}");
    for rule in of_store {
        has_data(&stack, "a recording rule", rule).await;
    }
    assert_no_rule_failed(prometheus).await;
}

#[tokio::test]
async fn how_long_the_certificate_of_a_control_plane_lasts_is_shown_in_days() {
    let folder = TempDir::new().expect("a temporary folder");
    let file = |name: &str| folder.path().join(name);
    let authority = Authority::new("test");
    put(&file("ca.pem"), authority.pem());
    let (day, now) = (Duration::from_hours(24), SystemTime::now());
    // Of a hundred days five are left: the alert, which waits for a tenth of them, has begun.
    let own = authority.issue_valid(&["127.0.0.1"], now - 95 * day, now + 5 * day);
    own.write(&file("tls.crt"), &file("tls.key"));
    let mut builder = TestStack::builder().with_prometheus();
    for (setting, name) in [
        ("TLS_CERT_FILE", "tls.crt"),
        ("TLS_KEY_FILE", "tls.key"),
        ("CONTROL_PLANE_CA_FILE", "ca.pem"),
    ] {
        builder = builder.setting(setting, &file(name).display().to_string());
    }
    let stack = builder.start().await;
    let queries = Dashboard::read().queries();
    let of_tls: Vec<_> = queries.iter().filter(|query| query.expression.contains(OF_TLS)).collect();
    let [left, tenth] = &of_tls[..] else { panic!("{of_tls:?}") };
    for (query, days) in [(left, 5.0), (tenth, 10.0)] {
        let series =
            has_data(&stack, &query.asked_by, &query.substituted(".*", RATE_INTERVAL)).await;
        let [(_, value)] = &series[..] else { panic!("{series:?}") };
        assert!((value - days).abs() < 0.01, "{value} days of {days}: {}", query.expression);
    }
    let prometheus = stack.prometheus.as_ref().expect("a Prometheus");
    let alert = r#"count(ALERTS{alertname="FlowGuardCertificateExpiring"})"#;
    prometheus.wait_for(alert, 1.0).await;
}

#[tokio::test]
async fn a_start_and_a_change_of_the_configuration_are_marked_when_they_happen() {
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("clients.yaml");
    fs::write(&file, "clients:\n  fixed: {rpm: 1}\n").expect("the file is written");
    let stack = TestStack::builder()
        .setting("CONFIG_FILE", &file.display().to_string())
        .with_prometheus()
        .start()
        .await;
    let prometheus = stack.prometheus.as_ref().expect("a Prometheus");
    let annotations = Dashboard::read().queries_of_annotations();
    let marked = |name: &str| {
        let query = annotations.iter().find(|query| query.asked_by == name);
        query.unwrap_or_else(|| panic!("no annotation {name}")).substituted(".*", RATE_INTERVAL)
    };
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = since_1970.expect("a clock").as_secs_f64() * 1000.0;
    for name in ["Control plane restarts", "Configuration file"] {
        let times = has_data(&stack, name, &marked(name)).await;
        let (_, time) = times.first().expect("a time");
        assert!((now - 60_000.0..=now + 60_000.0).contains(time), "{name}: {time} at {now}");
    }
    for (name, tokens) in [("Clients added or removed", 1_000), ("Limits changed", 2_000)] {
        let expression = marked(name);
        // A change is one between two scrapes.
        prometheus.wait_for("max(flowguard_clients) > bool 0", 1.0).await;
        stack.admin().put_client("busy", None, tokens).await;
        has_data(&stack, name, &expression).await;
    }
    // Nobody has started Envoy again; that its series is there is all that can be asked for.
    let restarts = marked("Envoy restarts").replace("> 0", ">= 0");
    has_data(&stack, "Envoy restarts", &restarts).await;
}

#[tokio::test]
async fn the_readmes_queries_answer_and_its_drop_percentage_really_divides() {
    let stack = TestStack::builder().with_prometheus().start().await;
    stack.admin().put_client("a", None, 100).await;
    stack.admin().put_client("another", None, None).await;
    let prometheus = stack.prometheus.as_ref().expect("a Prometheus");
    // A rate counts what came after the first scrape of a series.
    let dropped = r#"flowguard_requests_total{client_id="a",status="dropped"}"#;
    prometheus.wait_for(dropped, 0.0).await;
    for number in 0..40 {
        let tokens = if number % 4 == 0 { 101 } else { 1 };
        stack.proxy().post("/").client("a").tokens(tokens).send().await;
    }
    prometheus.wait_for(r#"sum(flowguard_requests_total{client_id="a"})"#, 40.0).await;

    let examples = promql_examples(&read("README.md"));
    assert!(examples.len() >= 4, "{examples:?}");
    for (what, expression) in &examples {
        let series = eventually(&format!("{what}: {expression}"), || async {
            // Keeps the histogram growing, and changes nothing about `a`.
            stack.proxy().post("/").client("another").tokens(1).send().await;
            let series = prometheus.query(expression).await;
            series.iter().any(|(_, value)| value.is_finite()).then_some(series)
        })
        .await;
        if what.contains("percentage dropped") {
            let of_a = series.iter().find(|(labels, _)| labels["client_id"] == "a");
            let percentage = of_a.map(|(_, percentage)| *percentage).unwrap_or_default();
            assert!((percentage - 25.0).abs() < 1e-6, "10 of 40 are not {percentage} %");
        }
    }
    assert!(examples.iter().any(|(what, _)| what.contains("percentage dropped")));
}

/// Asks under load until there is an answer.
async fn has_data(stack: &TestStack, what: &str, expression: &str) -> QueryResult {
    let prometheus = stack.prometheus.as_ref().expect("a Prometheus");
    eventually(&format!("{what} has data: {expression}"), || async {
        load(stack).await;
        let series = prometheus.query(expression).await;
        series.iter().any(|(_, value)| value.is_finite()).then_some(series)
    })
    .await
}

/// One request of every fate that a healthy stack knows.
async fn load(stack: &TestStack) {
    for (client, tokens) in [("busy", 10), ("busy", 2_000_000), ("tight", 0), ("stranger", 1)] {
        stack.proxy().post("/").client(client).tokens(tokens).send().await;
    }
    // The one whose response tells what it used.
    let chat = json!({"model": "m", "messages": [{"role": "user", "content": "Hello!"}]});
    stack.proxy().post("/v1/chat/completions").client("busy").tokens(100).json(&chat).send().await;
}

/// The names of what is recorded.
async fn rules_of(prometheus: &Prometheus) -> Vec<String> {
    let rules = prometheus.api("rules", &[("type", "record")]).await;
    let groups = array(&rules["groups"]).iter();
    groups
        .flat_map(|group| array(&group["rules"]))
        .map(|rule| text(&rule["name"]).to_owned())
        .collect()
}

async fn assert_no_rule_failed(prometheus: &Prometheus) {
    let rules = prometheus.api("rules", &[]).await;
    for rule in array(&rules["groups"]).iter().flat_map(|group| array(&group["rules"])) {
        assert_eq!(rule["health"], "ok", "{rule}");
    }
}

/// What a variable offers.
async fn values_of(dashboard: &Dashboard, variable: &str, prometheus: &Prometheus) -> Vec<String> {
    let expression = text(&dashboard.variable(variable)["query"]["query"]).to_owned();
    let query = Query { asked_by: variable.to_owned(), expression };
    let asked = query.substituted(".*", RATE_INTERVAL);
    let (function, argument) = asked.split_once('(').expect("a function");
    let argument = argument.strip_suffix(')').expect("one argument list");
    if function == "query_result" {
        let series = prometheus.query(argument).await;
        let values: BTreeSet<_> =
            series.into_iter().filter_map(|(mut labels, _)| labels.remove("client_id")).collect();
        return values.into_iter().collect();
    }
    assert_eq!(function, "label_values");
    let (selector, label) = argument.rsplit_once(", ").expect("a selector and a label");
    let values = prometheus.api(&format!("label/{label}/values"), &[("match[]", selector)]).await;
    array(&values).iter().map(|value| text(value).to_owned()).collect()
}

/// What the README's blocks of PromQL ask, each with the comment above it.
fn promql_examples(readme: &str) -> Vec<Asked> {
    let blocks = blocks(readme, "promql");
    let examples = blocks.iter().flat_map(|block| block.split("\n\n"));
    examples
        .map(|example| {
            let (comments, lines): (Vec<_>, Vec<_>) =
                example.lines().partition(|line| line.starts_with('#'));
            (comments.join(" "), lines.join("\n"))
        })
        .collect()
}

//! What Grafana and an operator ask of Prometheus, asked of a real one that watches a real stack:
//! every query has an answer.

use std::fs;

use harness::deadline::eventually;
use harness::prometheus::Prometheus;
use harness::{TestStack, tools};
use repository::dashboard::{Dashboard, array, text};
use serde_json::json;

/// Long enough to span all that a test does: a rate then starts where the series starts.
const RATE_INTERVAL: &str = "1m";

/// An expression and what asks it.
type Asked = (String, String);

#[tokio::test]
async fn every_query_of_the_dashboard_and_every_recording_rule_has_data_of_a_loaded_stack() {
    let stack = TestStack::builder().with_prometheus().start().await;
    stack.admin().put_client("busy", None, 1_000_000).await;
    stack.admin().put_client("tight", 1, None).await;
    let prometheus = stack.prometheus.as_ref().expect("a Prometheus");

    let dashboard = Dashboard::read();
    let mut asked: Vec<Asked> = Vec::new();
    for query in dashboard.queries() {
        for clients in [".*", "(busy|tight)"] {
            asked.push((query.panel.clone(), query.substituted(clients, RATE_INTERVAL)));
        }
    }
    for rule in rules_of(prometheus).await {
        asked.push(("a recording rule".to_owned(), rule));
    }
    for (what, expression) in &asked {
        eventually(&format!("{what} has data: {expression}"), || async {
            load(&stack).await;
            let series = prometheus.query(expression).await;
            series.iter().any(|(_, value)| value.is_finite()).then_some(())
        })
        .await;
    }
    assert!(asked.len() > 60, "{}", asked.len());
    assert_eq!(clients_to_choose_from(&dashboard, prometheus).await, ["busy", "tight", "unknown"]);
    assert_no_rule_failed(prometheus).await;
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

    let readme = fs::read_to_string(tools::workspace().join("README.md")).expect("a README");
    let examples = promql_examples(&readme);
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

/// What the variable `client` offers.
async fn clients_to_choose_from(dashboard: &Dashboard, prometheus: &Prometheus) -> Vec<String> {
    let variable = dashboard.variables().iter().find(|variable| variable["name"] == "client");
    let definition = text(&variable.expect("the variable client")["definition"]);
    let arguments =
        definition.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
    let (metric, label) = arguments.and_then(|both| both.split_once(", ")).expect("label_values");
    let values = prometheus.api(&format!("label/{label}/values"), &[("match[]", metric)]).await;
    array(&values).iter().map(|value| text(value).to_owned()).collect()
}

/// What the README's blocks of PromQL ask, each with the comment above it.
fn promql_examples(readme: &str) -> Vec<Asked> {
    let blocks = readme.split("```promql\n").skip(1).filter_map(|rest| rest.split("```").next());
    let examples = blocks.flat_map(|block| block.split("\n\n"));
    examples
        .map(|example| {
            let (comments, lines): (Vec<_>, Vec<_>) =
                example.lines().partition(|line| line.starts_with('#'));
            (comments.join(" "), lines.join("\n"))
        })
        .collect()
}

//! What the queries ask, beyond what the linter knows.

use repository::dashboard::Dashboard;
use repository::golden_metrics::{names, type_of, types};
use repository::json::{array, text};

/// As many series of clients as one panel shows: more are neither read nor drawn.
const TEN: [&str; 2] = ["topk(10, ", "bottomk(10, "];

#[test]
fn clients_can_be_chosen_many_at_once_or_all() {
    let dashboard = Dashboard::read();
    let client = dashboard.variable("client");
    assert_eq!(client["multi"], true);
    assert_eq!(client["includeAll"], true);
    assert_eq!(client["allValue"], ".*", "one short expression, however many clients there are");
    for query in dashboard.queries() {
        assert!(!query.expression.contains(r#"="$client""#), "{}: one of many", query.asked_by);
    }
}

#[test]
fn only_the_clients_that_sent_most_are_offered_and_any_other_can_be_typed() {
    let dashboard = Dashboard::read();
    let client = dashboard.variable("client");
    assert!(text(&client["query"]["query"]).starts_with("query_result(topk(500, "));
    assert_eq!(client["allowCustomValue"], true);
}

#[test]
fn no_panel_shows_more_than_ten_clients() {
    let mut by_client = 0;
    for query in Dashboard::read().queries() {
        if query.expression.contains("by (client_id") {
            by_client += 1;
            let ten = TEN.iter().any(|ten| query.expression.contains(ten));
            assert!(ten, "{}: {}", query.asked_by, query.expression);
        }
    }
    assert!(by_client >= 14, "{by_client}");
}

#[test]
fn every_target_has_a_legend_and_a_letter_of_its_own() {
    for panel in Dashboard::read().panels() {
        let letters: Vec<_> =
            array(&panel["targets"]).iter().map(|target| text(&target["refId"])).collect();
        assert!(letters.is_sorted_by(|a, b| a < b), "{}: {letters:?}", panel["title"]);
        for target in array(&panel["targets"]) {
            assert!(!text(&target["legendFormat"]).is_empty(), "{}", panel["title"]);
        }
    }
}

#[test]
fn a_table_shows_now_and_a_graph_its_time_range() {
    for panel in Dashboard::read().panels() {
        let is_table = panel["type"] == "table";
        for target in array(&panel["targets"]) {
            assert_eq!(target["instant"], is_table, "{}", panel["title"]);
            assert_eq!(target["range"], !is_table, "{}", panel["title"]);
            let format = if is_table { "table" } else { "time_series" };
            assert_eq!(target["format"], format, "{}", panel["title"]);
        }
    }
}

#[test]
fn rates_are_of_counters_and_every_counter_is_a_rate() {
    let types = types();
    for query in Dashboard::read().queries() {
        let (panel, expression) = (&query.asked_by, &query.expression);
        for function in ["irate(", "idelta(", "offset "] {
            assert!(!expression.contains(function), "{panel}: {function}");
        }
        let mut end = 0;
        for name in names(expression) {
            let start = expression[end..].find(name).expect("names come in their order") + end;
            end = start + name.len();
            let before = &expression[..start];
            let Some(kind) = type_of(&types, name) else { continue };
            let is_rate = before.ends_with("rate(") || before.ends_with("increase(");
            assert_eq!(is_rate, kind != "gauge", "{panel}: {name} is a {kind}");
        }
    }
}

#[test]
fn restarts_and_changes_of_the_configuration_are_marked() {
    let dashboard = Dashboard::read();
    let names: Vec<_> =
        dashboard.annotations().iter().map(|annotation| text(&annotation["name"])).collect();
    assert_eq!(
        names,
        [
            "Control plane restarts",
            "Envoy restarts",
            "Limits changed",
            "Clients added or removed",
            "Configuration file"
        ]
    );
    for annotation in dashboard.annotations() {
        let name = &annotation["name"];
        assert_eq!(
            annotation["expr"], annotation["target"]["expr"],
            "{name}: releases read either"
        );
        // A timestamp is in seconds, and a mark's in milliseconds.
        let is_time = text(&annotation["expr"]).contains("_seconds{");
        assert_eq!(annotation["useValueForTime"], is_time, "{name}");
        assert_eq!(text(&annotation["expr"]).contains("* 1000"), is_time, "{name}");
    }
}

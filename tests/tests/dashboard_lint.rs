//! The rules of Grafana's dashboard linter, and what else a readable dashboard needs.
//!
//! The linter's rules that ask for the variables `job` and `instance` are left out: clients are
//! the same over all control planes, and a panel by instance says so by its legend. So no query
//! may name either, which lets the dashboard work under any names of jobs.
//!
//! That each query is valid PromQL is shown where they are run, in `grafana_dashboard.rs`.

use std::collections::BTreeSet;

use repository::dashboard::{Dashboard, array, text};
use repository::golden_metrics::{names, type_of, types};
use serde_json::{Value, json};

/// The units of Grafana's that are used here; it shows a unit that it does not know as a suffix.
const UNITS: [&str; 8] = ["bytes", "cps", "ms", "none", "ops", "percentunit", "reqps", "µs"];

#[test]
fn the_dashboard_can_be_found_and_refreshes_in_the_readers_time_zone() {
    let Dashboard { json: dashboard } = Dashboard::read();
    assert_eq!(dashboard["uid"], "flowguard");
    assert_eq!(dashboard["title"], "FlowGuard");
    assert_eq!(dashboard["timezone"], "browser");
    assert_eq!(dashboard["refresh"], "10s");
    assert_eq!(dashboard["editable"], false, "it is provisioned: a change would be lost");
    assert_eq!(dashboard["id"], Value::Null, "Grafana gives the id");
    assert!(!text(&dashboard["description"]).is_empty());
    assert!(!array(&dashboard["tags"]).is_empty());
}

#[test]
fn the_data_source_is_a_variable_and_everything_uses_it() {
    let dashboard = Dashboard::read();
    let source = &dashboard.variables()[0];
    assert_eq!(source["type"], "datasource");
    assert_eq!(source["name"], "datasource");
    assert_eq!(source["query"], "prometheus");
    let expected = json!({"type": "prometheus", "uid": "${datasource}"});
    for panel in dashboard.panels() {
        assert_eq!(panel["datasource"], expected, "{}", panel["title"]);
        for target in array(&panel["targets"]) {
            assert_eq!(target["datasource"], expected, "{}", panel["title"]);
        }
    }
    assert_eq!(dashboard.variables()[1]["datasource"], expected);
}

#[test]
fn clients_can_be_chosen_many_at_once_or_all() {
    let dashboard = Dashboard::read();
    let client = &dashboard.variables()[1];
    assert_eq!(client["name"], "client");
    assert_eq!(client["multi"], true);
    assert_eq!(client["includeAll"], true);
    assert_eq!(client["allValue"], ".*", "one short expression, however many clients there are");
    assert_eq!(client["definition"], client["query"]["query"]);
    assert_eq!(client["refresh"], 2, "new clients appear when the time range changes");
    for query in dashboard.queries() {
        assert!(!query.expression.contains(r#"="$client""#), "{}: one of many", query.panel);
    }
}

#[test]
fn every_panel_says_what_it_shows_in_which_unit_and_what_it_shows_of_nothing() {
    let dashboard = Dashboard::read();
    let mut titles = BTreeSet::new();
    for panel in dashboard.panels() {
        let title = text(&panel["title"]);
        assert!(titles.insert(title), "two panels are called {title}");
        let description = text(&panel["description"]);
        assert!(description.len() > 30 && description.ends_with('.'), "{title}: {description}");
        let defaults = &panel["fieldConfig"]["defaults"];
        assert!(UNITS.contains(&text(&defaults["unit"])), "{title}: {}", defaults["unit"]);
        assert!(!text(&defaults["noValue"]).is_empty(), "{title}");
    }
    assert!(dashboard.panels_and_rows().iter().all(|panel| !text(&panel["title"]).is_empty()));
}

#[test]
fn no_two_panels_share_an_id_or_a_place() {
    let dashboard = Dashboard::read();
    let (mut ids, mut cells) = (BTreeSet::new(), BTreeSet::new());
    for panel in dashboard.panels_and_rows() {
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{}", panel["title"]);
        let side = |name: &str| panel["gridPos"][name].as_u64().expect("a place");
        assert!(side("x") + side("w") <= 24, "{} leaves the grid", panel["title"]);
        for x in side("x")..side("x") + side("w") {
            for y in side("y")..side("y") + side("h") {
                assert!(cells.insert((x, y)), "{} covers another panel", panel["title"]);
            }
        }
    }
}

#[test]
fn every_target_is_a_query_with_a_legend_and_a_letter_of_its_own() {
    for panel in Dashboard::read().panels() {
        let mut letters = BTreeSet::new();
        for target in array(&panel["targets"]) {
            assert!(letters.insert(text(&target["refId"])), "{}", panel["title"]);
            assert!(!text(&target["expr"]).is_empty(), "{}", panel["title"]);
            assert!(!text(&target["legendFormat"]).is_empty(), "{}", panel["title"]);
        }
        assert!(!letters.is_empty(), "{}", panel["title"]);
    }
}

#[test]
fn rates_are_over_grafanas_interval_and_of_counters_and_every_counter_is_a_rate() {
    let types = types();
    for query in Dashboard::read().queries() {
        let (panel, expression) = (&query.panel, &query.expression);
        for range in expression.split('[').skip(1) {
            assert!(range.starts_with("$__rate_interval]"), "{panel}: [{range}");
        }
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
fn no_query_names_a_job_or_an_instance() {
    for query in Dashboard::read().queries() {
        for matchers in query.expression.split('{').skip(1) {
            let matchers = matchers.split('}').next().unwrap_or_default();
            let labels = names(matchers).any(|name| matches!(name, "job" | "instance"));
            assert!(!labels, "{}: {matchers}", query.panel);
        }
    }
}

#[test]
fn a_threshold_is_in_the_unit_of_its_panel_and_rises() {
    for panel in Dashboard::read().panels() {
        let defaults = &panel["fieldConfig"]["defaults"];
        let steps = array(&defaults["thresholds"]["steps"]);
        assert_eq!(steps[0]["value"], Value::Null, "{}: the first has no bound", panel["title"]);
        let bounds: Vec<_> = steps[1..].iter().map(|step| step["value"].as_f64()).collect();
        assert!(bounds.iter().all(Option::is_some), "{}", panel["title"]);
        assert!(bounds.is_sorted(), "{}", panel["title"]);
        if defaults["unit"] == "percentunit" {
            assert!(bounds.iter().flatten().all(|bound| *bound <= 1.0), "{}", panel["title"]);
        }
    }
}

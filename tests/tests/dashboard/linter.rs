//! The rules of Grafana's dashboard linter, each by its name there (as of June 2026). Its two rules
//! for Loki's language have nothing to judge: `the_data_source_is_a_variable` says why.

use repository::dashboard::Dashboard;
use repository::json::{array, text};
use repository::promql::{Selector, selectors};
use repository::read;
use serde_json::{Value, json};

/// The units of Grafana's that are used here; it shows a unit that it does not know as a suffix.
const UNITS: [&str; 10] =
    ["bytes", "cps", "d", "ms", "none", "ops", "percentunit", "reqps", "s", "µs"];

/// Ranges that stand for Grafana's variables, in seconds: a parser has to read numbers.
const RATE_INTERVAL: u64 = 77_777;
const RANGE: u64 = 99_999;

/// The selectors of a query, in which Grafana's intervals are numbers.
fn selectors_of(expression: &str) -> Vec<Selector> {
    let readable = expression.replace("$__rate_interval", &format!("{RATE_INTERVAL}s"));
    let readable = readable.replace("$__range", &format!("{RANGE}s"));
    selectors(&readable).unwrap_or_else(|error| panic!("{expression}: {error}"))
}

/// The panels that `.lint`, which the linter reads too, excludes from a rule.
fn excluded_from(rule: &str) -> Vec<String> {
    let exclusions = read("grafana/dashboards/.lint");
    let mut lines = exclusions.lines().skip_while(|line| *line != format!("  {rule}:"));
    lines.next();
    let of_rule = lines.take_while(|line| line.starts_with("    "));
    of_rule.filter_map(|line| line.trim().strip_prefix("- panel: ").map(str::to_owned)).collect()
}

#[test]
fn template_datasource_rule_the_data_source_is_a_variable() {
    let dashboard = Dashboard::read();
    let sources: Vec<_> =
        dashboard.variables().iter().filter(|variable| variable["type"] == "datasource").collect();
    assert_eq!(sources.len(), 1);
    assert_eq!(sources[0]["name"], "datasource");
    assert_eq!(sources[0]["label"], "Data source");
    assert_eq!(sources[0]["query"], "prometheus");
}

#[test]
fn template_job_and_instance_rules_both_are_chosen_many_at_once_or_all() {
    let dashboard = Dashboard::read();
    for (name, label) in [("job", "Job"), ("instance", "Instance")] {
        let variable = dashboard.variable(name);
        assert_eq!(variable["type"], "query", "{name}");
        assert_eq!(variable["label"], label);
        assert_eq!(variable["multi"], true, "{name}");
        assert_eq!(variable["includeAll"], true, "{name}");
        assert_eq!(variable["allValue"], ".+", "{name}");
    }
}

#[test]
fn template_label_promql_rule_what_a_variable_asks_is_promql() {
    for variable in Dashboard::read().variables().iter().filter(|v| v["type"] == "query") {
        let asked = text(&variable["query"]["query"]);
        let (function, argument) = asked.split_once('(').expect("a function");
        let argument = argument.strip_suffix(')').expect("one argument list");
        let expression = match function {
            "label_values" => argument.rsplit_once(", ").expect("an expression and a label").0,
            "query_result" => argument,
            other => panic!("no function of Grafana's: {other}"),
        };
        assert!(!selectors_of(expression).is_empty(), "{asked}");
    }
}

#[test]
fn template_on_time_change_reload_rule_variables_follow_the_time_range() {
    for variable in Dashboard::read().variables().iter().filter(|v| v["type"] == "query") {
        assert_eq!(variable["refresh"], 2, "{}", variable["name"]);
    }
}

#[test]
fn panel_datasource_rule_everything_uses_the_data_source_that_is_chosen() {
    let dashboard = Dashboard::read();
    let expected = json!({"type": "prometheus", "uid": "${datasource}"});
    for panel in dashboard.panels() {
        assert_eq!(panel["datasource"], expected, "{}", panel["title"]);
        for target in array(&panel["targets"]) {
            assert_eq!(target["datasource"], expected, "{}", panel["title"]);
        }
    }
    for variable in dashboard.variables().iter().filter(|v| v["type"] == "query") {
        assert_eq!(variable["datasource"], expected, "{}", variable["name"]);
    }
    for annotation in dashboard.annotations() {
        assert_eq!(annotation["datasource"], expected, "{}", annotation["name"]);
        assert_eq!(annotation["target"]["datasource"], expected, "{}", annotation["name"]);
    }
}

#[test]
fn panel_title_description_rule_every_panel_says_what_it_shows() {
    for panel in Dashboard::read().panels() {
        assert!(!text(&panel["title"]).is_empty());
        let description = text(&panel["description"]);
        assert!(
            description.len() > 30 && description.ends_with('.'),
            "{}: {description}",
            panel["title"]
        );
    }
}

#[test]
fn panel_units_rule_every_value_has_a_unit_that_grafana_knows() {
    for panel in Dashboard::read().panels() {
        let config = &panel["fieldConfig"];
        let properties =
            array(&config["overrides"]).iter().flat_map(|each| array(&each["properties"]));
        let overridden = properties.filter(|property| property["id"] == "unit");
        let overridden = overridden.map(|property| &property["value"]);
        for unit in overridden.chain([&config["defaults"]["unit"]]) {
            assert!(UNITS.contains(&text(unit)), "{}: {unit}", panel["title"]);
        }
    }
}

#[test]
fn panel_no_targets_rule_every_panel_asks_something() {
    for panel in Dashboard::read().panels() {
        assert!(!array(&panel["targets"]).is_empty(), "{}", panel["title"]);
    }
}

#[test]
fn target_promql_rule_every_query_is_promql() {
    let dashboard = Dashboard::read();
    for query in dashboard.queries().iter().chain(&dashboard.queries_of_annotations()) {
        assert!(!selectors_of(&query.expression).is_empty(), "{}", query.asked_by);
    }
}

#[test]
fn target_rate_interval_rule_rates_are_over_grafanas_interval() {
    let dashboard = Dashboard::read();
    for query in dashboard.queries().iter().chain(&dashboard.queries_of_annotations()) {
        for selector in selectors_of(&query.expression) {
            let range = selector.range.unwrap_or(RATE_INTERVAL);
            assert_eq!(range, RATE_INTERVAL, "{}: {}", query.asked_by, query.expression);
        }
    }
}

#[test]
fn target_job_and_instance_rules_every_selector_is_of_the_chosen_ones() {
    let dashboard = Dashboard::read();
    for label in ["job", "instance"] {
        let excluded = excluded_from(&format!("target-{label}-rule"));
        assert_eq!(excluded, ["Firing alerts"], "not every alert has a {label}");
        let panels = dashboard.queries();
        let panels = panels.iter().filter(|query| !excluded.contains(&query.asked_by));
        for query in panels.chain(&dashboard.queries_of_annotations()) {
            for selector in selectors_of(&query.expression) {
                let chosen = selector.has_matcher(label, "=~", &format!("${label}"));
                assert!(chosen, "{}: {selector:?}", query.asked_by);
            }
        }
    }
}

#[test]
fn target_counter_agg_rule_a_counter_is_shown_as_what_it_grew_by() {
    for query in Dashboard::read().queries() {
        for selector in selectors_of(&query.expression) {
            let metric = selector.metric.clone().unwrap_or_default();
            let grows = matches!(selector.function, Some("rate" | "increase"));
            assert!(grows || !metric.ends_with("_total"), "{}: {metric}", query.asked_by);
        }
    }
}

#[test]
fn uneditable_dashboard_a_change_in_grafana_would_be_lost() {
    assert_eq!(Dashboard::read().json["editable"], Value::Bool(false));
}

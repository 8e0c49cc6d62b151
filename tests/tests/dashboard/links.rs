//! Where it leads: to the runbook, from the runbook, and to one client.

use std::collections::BTreeSet;

use repository::dashboard::Dashboard;
use repository::golden_metrics::names;
use repository::json::{array, text};
use repository::read;

#[test]
fn panels_lead_to_every_entry_of_the_runbook_and_nowhere_else() {
    let dashboard = Dashboard::read();
    let anchors: BTreeSet<_> = entries().iter().map(|entry| entry.to_lowercase()).collect();
    let of_panels = dashboard.panels().filter_map(|panel| panel.get("links"));
    let of_dashboard = [&dashboard.json["links"]];
    let mut led_to = BTreeSet::new();
    for link in of_panels.chain(of_dashboard).flat_map(array) {
        let address = text(&link["url"]);
        let place = address.strip_prefix("${runbook}").unwrap_or_else(|| panic!("{address}"));
        if let Some(anchor) = place.strip_prefix('#') {
            led_to.insert(anchor.to_owned());
        }
        assert_eq!(link["targetBlank"], true, "{address}: an incident stays on the screen");
    }
    assert_eq!(led_to, anchors, "each entry has a panel that leads to it");
}

#[test]
fn where_the_runbook_is_stands_in_one_place() {
    let dashboard = Dashboard::read();
    let runbook = dashboard.variable("runbook");
    assert_eq!(runbook["type"], "constant");
    // Prometheus of the compose stack serves it.
    assert_eq!(runbook["query"], "http://localhost:9093/user/runbook.md");
}

#[test]
fn every_alert_that_is_named_is_one() {
    let alerts = entries();
    for panel in Dashboard::read().panels() {
        let named = names(text(&panel["description"])).filter(|name| is_alert(name));
        for alert in named {
            assert!(alerts.contains(alert), "{}: {alert}", panel["title"]);
        }
    }
}

#[test]
fn every_panel_that_is_named_is_one() {
    let dashboard = Dashboard::read();
    let titles: BTreeSet<_> = dashboard.panels().map(|panel| text(&panel["title"])).collect();
    let runbook = runbook();
    let paragraphs = runbook.lines().filter_map(|line| line.strip_prefix("**Look at.** "));
    let descriptions = dashboard.panels().map(|panel| text(&panel["description"]));
    let mut named = BTreeSet::new();
    for place in paragraphs.chain(descriptions) {
        // Between asterisks; what has an arrow is a page of Prometheus', and a log has small letters.
        let emphasised = place.split('*').skip(1).step_by(2);
        let is_panel = |name: &&str| !name.contains('→') && name.starts_with(char::is_uppercase);
        for name in emphasised.filter(is_panel) {
            assert!(titles.contains(name), "no panel is called {name}: {place}");
            named.insert(name);
        }
    }
    assert!(named.len() >= 12, "{named:?}");
}

#[test]
fn a_click_on_a_client_shows_that_client_alone() {
    let dashboard = Dashboard::read();
    let worst = dashboard.panels().find(|panel| panel["title"] == "The ten worst clients");
    let overrides = array(&worst.expect("the table")["fieldConfig"]["overrides"]);
    let of_client = overrides.iter().find(|each| each["matcher"]["options"] == "Client");
    let links = &of_client.expect("its column")["properties"][0];
    assert_eq!(links["id"], "links");
    let address = text(&links["value"][0]["url"]);
    assert!(address.starts_with("/d/flowguard?"), "{address}");
    // An id may hold `+`, `=` and `/`.
    assert!(address.contains("var-client=${__value.raw:percentencode}"), "{address}");
    for kept in [
        "${datasource:queryparam}",
        "${job:queryparam}",
        "${instance:queryparam}",
        "${__url_time_range}",
    ] {
        assert!(address.contains(kept), "{address}: {kept}");
    }
}

fn is_alert(name: &str) -> bool {
    let rest = name.strip_prefix("FlowGuard").unwrap_or_default();
    rest.starts_with(|character: char| character.is_ascii_uppercase())
}

/// The alerts, as the runbook has them; that it has all of them is another test.
fn entries() -> BTreeSet<String> {
    let runbook = runbook();
    let entries = runbook.lines().filter_map(|line| line.strip_prefix("## "));
    entries.map(str::to_owned).collect()
}

fn runbook() -> String {
    read("docs/runbook.md")
}

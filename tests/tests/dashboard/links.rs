//! Where it leads: to the runbook, from the runbook, and to one client.

use std::collections::BTreeSet;
use std::fs;

use harness::tools;
use repository::dashboard::{Dashboard, array, text};
use repository::golden_metrics::names;

#[test]
fn every_link_leads_to_an_entry_of_the_runbook_or_to_one_client() {
    let dashboard = Dashboard::read();
    let anchors: BTreeSet<_> = entries().iter().map(|entry| entry.to_lowercase()).collect();
    let of_panels = dashboard.panels().filter_map(|panel| panel.get("links"));
    let links: Vec<_> =
        of_panels.chain([&dashboard.json["links"]]).flat_map(|links| array(links)).collect();
    assert!(links.len() > 20, "{}", links.len());
    for link in links {
        let address = text(&link["url"]);
        let place = address.strip_prefix("${runbook}").unwrap_or_else(|| panic!("{address}"));
        assert!(place.is_empty() || anchors.contains(&place[1..]), "{address}");
        assert_eq!(link["targetBlank"], true, "{address}: an incident stays on the screen");
    }
}

#[test]
fn where_the_runbook_is_stands_in_one_place() {
    let dashboard = Dashboard::read();
    let runbook = dashboard.variable("runbook");
    assert_eq!(runbook["type"], "constant");
    let address = text(&runbook["query"]);
    assert!(address.starts_with("https://") && address.ends_with("/runbook.md"), "{address}");
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
        // Between asterisks; what has an arrow is a page of Prometheus'.
        let emphasised = place.split('*').skip(1).step_by(2).filter(|name| !name.contains('→'));
        for name in emphasised {
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
    runbook.lines().filter_map(|line| line.strip_prefix("## ")).map(str::to_owned).collect()
}

fn runbook() -> String {
    fs::read_to_string(tools::workspace().join("docs/runbook.md")).expect("the runbook")
}

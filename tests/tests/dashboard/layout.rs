//! Where things stand, and how they look.

use std::collections::BTreeSet;

use repository::dashboard::Dashboard;
use repository::json::{array, text};
use serde_json::Value;

#[test]
fn the_dashboard_can_be_found_and_refreshes_in_the_readers_time_zone() {
    let Dashboard { json: dashboard } = Dashboard::read();
    assert_eq!(dashboard["uid"], "flowguard");
    assert_eq!(dashboard["title"], "FlowGuard");
    assert_eq!(dashboard["timezone"], "browser");
    assert_eq!(dashboard["refresh"], "10s");
    assert_eq!(dashboard["id"], Value::Null, "Grafana gives the id");
    assert!(!text(&dashboard["description"]).is_empty());
    assert!(!array(&dashboard["tags"]).is_empty());
}

#[test]
fn rows_go_from_what_is_wrong_to_who_to_why() {
    let dashboard = Dashboard::read();
    let rows = dashboard.panels_and_rows().iter().filter(|panel| panel["type"] == "row");
    let rows: Vec<_> = rows.map(|row| text(&row["title"])).collect();
    assert_eq!(
        rows,
        [
            "What is wrong now",
            "Who: the clients",
            "Which limit: those beside clients' own",
            "Why: the limiter",
            "Why: the shared store",
            "Why: the upstream and its responses",
            "Balances and tokens",
            "The control plane's process"
        ]
    );
}

#[test]
fn every_panel_has_a_title_of_its_own_and_says_what_it_shows_of_nothing() {
    let dashboard = Dashboard::read();
    let mut titles = BTreeSet::new();
    for panel in dashboard.panels() {
        let title = text(&panel["title"]);
        assert!(titles.insert(title), "two panels are called {title}");
        assert!(!text(&panel["fieldConfig"]["defaults"]["noValue"]).is_empty(), "{title}");
        // A title that does not fit is cut: some seven pixels a character, 40 or more a column.
        let columns = side(panel, "w");
        assert!(title.chars().count() as u64 <= columns * 6, "{title}: {columns} columns");
    }
}

#[test]
fn every_panel_is_large_enough_to_be_read() {
    for panel in Dashboard::read().panels() {
        let (width, height) = (side(panel, "w"), side(panel, "h"));
        let (least_width, least_height) = match text(&panel["type"]) {
            "stat" => (4, 4),
            "timeseries" => (6, 8),
            "table" => (8, 8),
            other => panic!("how large shall a {other} be?"),
        };
        assert!(width >= least_width && height >= least_height, "{}", panel["title"]);
    }
}

#[test]
fn panels_fill_the_grid_without_a_gap_and_without_sharing_an_id_or_a_place() {
    let dashboard = Dashboard::read();
    let (mut ids, mut cells, mut bottom) = (BTreeSet::new(), BTreeSet::new(), 0);
    for panel in dashboard.panels_and_rows() {
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{}", panel["title"]);
        let (left, top) = (side(panel, "x"), side(panel, "y"));
        let (right, below) = (left + side(panel, "w"), top + side(panel, "h"));
        assert!(right <= 24, "{} leaves the grid", panel["title"]);
        for x in left..right {
            for y in top..below {
                assert!(cells.insert((x, y)), "{} covers another panel", panel["title"]);
            }
        }
        bottom = bottom.max(below);
    }
    // Grafana moves panels up into gaps, and a reader looks for what is missing.
    assert_eq!(cells.len() as u64, 24 * bottom);
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

#[test]
fn what_is_changed_in_a_column_is_a_column_of_its_table() {
    for panel in Dashboard::read().panels().filter(|panel| panel["type"] == "table") {
        let transformations = array(&panel["transformations"]);
        let organize = transformations.iter().find(|each| each["id"] == "organize");
        let options = &organize.expect("columns have names and an order")["options"];
        let columns = options["renameByName"].as_object().expect("names");
        let order = options["indexByName"].as_object().expect("an order");
        assert!(columns.keys().eq(order.keys()), "{}", panel["title"]);
        let shown: BTreeSet<_> = columns.values().map(text).collect();
        let overrides = array(&panel["fieldConfig"]["overrides"]).iter();
        let changed = overrides.map(|each| text(&each["matcher"]["options"]));
        let sorted = array(&panel["options"]["sortBy"]).iter().map(|by| text(&by["displayName"]));
        for column in changed.chain(sorted) {
            assert!(shown.contains(column), "{}: {column}", panel["title"]);
        }
    }
}

fn side(panel: &Value, name: &str) -> u64 {
    panel["gridPos"][name].as_u64().expect("a place")
}

//! Prometheus' configuration, recording rules and alerts, judged by its own promtool.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use harness::tools;
use repository::read;

/// Where an operator says that it is, or else where Prometheus serves it itself.
const RUNBOOK: &str = "{{ with $externalLabels.runbook_flowguard }}{{ . }}{{ else }}\
                       {{ $externalURL }}/user/runbook.md{{ end }}";

#[test]
fn promtool_accepts_the_configuration_and_the_rules() {
    let prometheus = project().join("prometheus");
    promtool(&["check", "config"], &[prometheus.join("prometheus.yml")]);
    promtool(&["check", "rules", "--lint=all", "--lint-fatal"], &yaml_files("prometheus/rules"));
}

#[test]
fn every_rule_computes_and_every_alert_says_what_promtools_tests_expect() {
    promtool(&["test", "rules"], &yaml_files("prometheus/tests"));
}

#[test]
fn every_alert_is_shown_to_fire_not_to_fire_and_to_clear() {
    let tests = read("prometheus/tests/alerts.yml");
    let mut shown: BTreeMap<&str, Shown> = BTreeMap::new();
    for test in tests.split("\n  - name: ") {
        let mut firing = BTreeSet::new();
        let mut lines = test.lines().map(str::trim);
        while let Some(line) = lines.next() {
            let Some(alert) = line.strip_prefix("alertname: ") else { continue };
            let shown = shown.entry(alert).or_default();
            match lines.next() {
                Some("exp_alerts:") => {
                    shown.fires = true;
                    firing.insert(alert);
                }
                Some("exp_alerts: []") => {
                    shown.stays_silent |= !firing.contains(alert);
                    shown.clears |= firing.contains(alert);
                }
                other => panic!("after alertname: {alert} comes {other:?}"),
            }
        }
    }
    let rules = read("prometheus/rules/alerts.yml");
    let all = Shown { fires: true, stays_silent: true, clears: true };
    let expected: BTreeMap<_, _> = alerts(&rules).map(|alert| (alert, all)).collect();
    assert_eq!(shown, expected);
}

/// What promtool's tests show of an alert.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Shown {
    fires: bool,
    stays_silent: bool,
    /// In the same test it fires, and later it does not.
    clears: bool,
}

#[test]
fn every_alert_links_to_its_entry_in_the_runbook_which_says_what_to_do() {
    let rules = read("prometheus/rules/alerts.yml");
    let runbook = read("docs/runbook.md");
    for (alert, rule) in alerts(&rules).zip(rules.split("- alert: ").skip(1)) {
        for annotation in ["severity: ", "summary: ", "description: "] {
            assert!(rule.contains(annotation), "{alert} has no {annotation}");
        }
        let anchor = alert.to_lowercase();
        let link = format!("runbook_url: '{RUNBOOK}#{anchor}'\n");
        assert!(format!("{rule}\n").contains(&link), "{alert} has no {link}");
        assert!(runbook.contains(&format!("| [{alert}](#{anchor}) |")), "{alert} is not listed");
    }
    let mut entries = Vec::new();
    for entry in runbook.split("\n## ").skip(1) {
        let (title, text) = entry.split_once('\n').expect("an entry has a text");
        for part in ["**Means.** ", "**Look at.** ", "**Do.** "] {
            assert!(text.contains(part), "{title} has no {part}");
        }
        entries.push(title);
    }
    entries.sort_unstable();
    let mut expected: Vec<_> = alerts(&rules).collect();
    expected.sort_unstable();
    assert_eq!(entries, expected);
}

fn alerts(rules: &str) -> impl Iterator<Item = &str> {
    rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "))
}

fn promtool(command: &[&str], files: &[PathBuf]) {
    let output = tools::promtool().args(command).args(files).output();
    let output = output.unwrap_or_else(|error| panic!("can't run promtool: {error}"));
    assert!(
        output.status.success(),
        "promtool {}\n{}{}",
        command.join(" "),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn yaml_files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(project().join(folder)).expect("the folder is there");
    let files = entries.map(|entry| entry.expect("a readable folder").path());
    let files: Vec<_> = files.filter(|file| file.extension().is_some_and(|e| e == "yml")).collect();
    assert!(!files.is_empty(), "nothing in {folder}");
    files
}

fn project() -> PathBuf {
    tools::workspace()
}

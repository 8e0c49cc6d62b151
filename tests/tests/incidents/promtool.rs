//! Which alerts a recording makes, by Prometheus' own promtool.

use std::fs;

use harness::tools;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::recording::{Recording, SCRAPE_INTERVAL_S, SCRAPES_A_MINUTE};
use crate::runbook::Alert;

const FIRING: &str = r#"ALERTS{alertstate="firing"}"#;

/// Of an incident between these scrapes: before it nothing fires, then these alerts do, each when it is
/// said to, no other one does, and each is gone when it is said to be.
pub(crate) fn judge(recording: &Recording, began: usize, ended: usize, alerts: &[Alert]) {
    let last = recording.scrapes() - 1;
    let names: Vec<_> = alerts.iter().map(|alert| alert.name.as_str()).collect();
    let ever = format!("group by (alertname) (max_over_time({FIRING}[2h]))");
    let mut tests = vec![
        expression(&ever, began - 1, &[]),
        expression(&ever, last, &names),
        expression(&format!("group by (alertname) ({FIRING})"), last, &[]),
    ];
    for Alert { name, fires_in, gone_in } in alerts {
        let (fires, gone) =
            (began + fires_in * SCRAPES_A_MINUTE, ended + gone_in * SCRAPES_A_MINUTE);
        assert!(fires <= last && gone <= last, "{name}: the recording is too short");
        let one =
            format!(r#"group by (alertname) (ALERTS{{alertstate="firing", alertname="{name}"}})"#);
        // In that minute, and not by the end of the one before.
        tests.push(expression(&one, fires - SCRAPES_A_MINUTE - 1, &[]));
        tests.push(expression(&one, fires, &[name.as_str()]));
        tests.push(expression(&one, gone - SCRAPES_A_MINUTE - 1, &[name.as_str()]));
        tests.push(expression(&one, gone, &[]));
    }
    let rules = tools::workspace().join("prometheus/rules");
    run(&json!({
        "rule_files": [rules.join("recording.yml"), rules.join("alerts.yml")],
        "group_eval_order": ["flowguard-recording", "flowguard-alerts"],
        "evaluation_interval": format!("{SCRAPE_INTERVAL_S}s"),
        "tests": [{
            "interval": format!("{SCRAPE_INTERVAL_S}s"),
            "input_series": recording.as_input_series(),
            "promql_expr_test": tests,
        }],
    }));
}

fn expression(expression: &str, scrape: usize, alerts: &[&str]) -> Value {
    let samples = alerts
        .iter()
        .map(|alert| json!({"labels": format!(r#"{{alertname="{alert}"}}"#), "value": 1}));
    json!({
        "expr": expression,
        "eval_time": format!("{}s", scrape * SCRAPE_INTERVAL_S),
        "exp_samples": samples.collect::<Vec<_>>(),
    })
}

fn run(test: &Value) {
    let folder = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
    // JSON is YAML too.
    let file = folder.path().join("incident.yml");
    fs::write(&file, test.to_string()).expect("a file");
    let output = tools::promtool().args(["test", "rules"]).arg(&file).output();
    let output = output.unwrap_or_else(|error| panic!("can't run promtool: {error}"));
    let [told, failed] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    if !output.status.success() {
        let kept = folder.keep();
        panic!("{told}{failed}\nthe recording is kept in {}", kept.display());
    }
}

//! A metric that a dashboard, a rule or a document names is one that is scraped.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use harness::control_plane::Settings;
use harness::envoy::{Envoy, EnvoyPorts};
use harness::stack::envoy_config;
use harness::yaml_block::YamlBlock;
use harness::{TestStack, tools};
use repository::golden_metrics::{labels, names, type_of, types};
use repository::read;
use tempfile::TempDir;

/// What is FlowGuard's on Envoy's page, and what else of it dashboard and alerts read.
const PREFIXES: [&str; 6] = [
    "flowguard_",
    "envoy_wasm_flowguard_",
    "envoy_http_downstream_rq_xx",
    "envoy_server_uptime",
    "envoy_extension_config_discovery_http_filter_flowguard_update_rejected",
    "envoy_listener_manager_lds_update_rejected",
];

/// How Envoy's stats begin where their labels stand in their names.
const UNLABELLED: [&str; 4] = [
    "flowguard_decisions_outcome_",
    "flowguard_failures_cause_",
    "flowguard_stream_state_",
    "flowguard_workers_mode_",
];

#[tokio::test]
async fn envoys_page_has_the_metrics_of_the_golden_list() {
    let stack = TestStack::builder().following_files().start().await;
    stack.admin().put_client("a", None, None).await;
    stack.proxy().post("/").client("a").tokens(1).send().await;
    let mut shape = String::new();
    for prefix in PREFIXES {
        shape += &stack.envoy().metrics(prefix).await.shape();
    }
    let golden = tools::workspace().join("tests/tests/golden/envoy_metrics.txt");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&golden, &shape).expect("the golden file can be written");
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    assert_eq!(shape, expected, "renew {} by BLESS=1", golden.display());
}

#[test]
fn prometheus_keeps_of_envoys_page_what_is_on_the_golden_list() {
    let [of_compose, of_chart] =
        ["prometheus/prometheus.yml", "helm/flowguard/templates/monitoring.yaml"].map(kept);
    assert_eq!(of_compose, of_chart);
    let golden = read("tests/tests/golden/envoy_metrics.txt");
    for name in golden.lines().filter_map(|line| line.split(' ').next()) {
        assert!(of_compose.iter().any(|kept| name.starts_with(kept)), "{name} is thrown away");
    }
}

/// How the names begin that a file's one regular expression keeps.
fn kept(file: &str) -> Vec<String> {
    let text = read(file);
    let mut expressions = text.lines().filter_map(|line| line.trim().strip_prefix("regex: ("));
    let expression = expressions.next().unwrap_or_else(|| panic!("{file} keeps all"));
    assert_eq!(expressions.next(), None, "{file}");
    let names = expression.strip_suffix(")_.*").unwrap_or_else(|| panic!("{file}: {expression}"));
    names.split('|').map(|name| format!("{name}_")).collect()
}

/// The alert `FlowGuardEnvoyLabelsMissing` knows such stats by their names.
#[tokio::test]
async fn without_the_rules_of_envoys_configuration_the_labels_stand_in_the_names() {
    let folder = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
    let ports = EnvoyPorts::free();
    let upstream = ("UPSTREAM_URL".to_owned(), "http://127.0.0.1:9".to_owned());
    let config = envoy_config(&Settings::from([upstream]), ports).await;
    let rules = YamlBlock::find(&config, "stats_config:").expect("the rules");
    let mut envoy = Envoy::spawn("envoy", &rules.removed(), ports, 1, folder.path());
    envoy.wait_until_ready().await;
    let page = envoy.metrics("flowguard_").await;
    let names: BTreeSet<_> = page.samples.keys().map(|series| series.name.as_str()).collect();
    for name in [
        "flowguard_decisions_outcome_admitted",
        "flowguard_failures_cause_timeout",
        "flowguard_stream_state_open",
    ] {
        assert!(names.contains(name), "{names:?}");
    }
    let has_labels = |name: &&str| !name.starts_with("flowguard_decision_wait_microseconds");
    let rules = read("prometheus/rules/alerts.yml");
    for name in names.into_iter().filter(has_labels) {
        let family = UNLABELLED.into_iter().find(|family| name.starts_with(family));
        let family = family.unwrap_or_else(|| panic!("nobody knows {name}"));
        let known = family.trim_start_matches("flowguard_").trim_end_matches('_');
        assert!(rules.contains(known), "the alert does not know {name}");
    }
}

#[test]
fn every_metric_that_is_named_anywhere_is_scraped() {
    let (types, labels, recorded) = (types(), labels(), recorded());
    let mut checked = BTreeSet::new();
    for file in named_in() {
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{error}"));
        for name in names(&text) {
            let is_pattern = name.ends_with('_');
            let exists = if name.contains(':') && name.contains("flowguard_") {
                recorded.contains(name)
            } else if UNLABELLED.iter().any(|family| name.starts_with(family)) {
                continue;
            } else if is_metric(&file, name) && !is_pattern && !labels.contains(name) {
                type_of(&types, name).is_some()
            } else {
                continue;
            };
            assert!(exists, "{}: nobody has a metric {name}", file.display());
            checked.insert(name.to_owned());
        }
    }
    assert!(checked.len() > 25, "{checked:?}");
}

/// In documents, other things than metrics begin with `envoy_` or `process_` too.
fn is_metric(file: &Path, name: &str) -> bool {
    let is_document = file.extension().is_some_and(|extension| extension == "md");
    let prefixes: &[&str] =
        if is_document { &PREFIXES } else { &["flowguard_", "envoy_", "process_"] };
    prefixes.iter().any(|prefix| name.starts_with(prefix))
}

/// What the recording rules record.
fn recorded() -> BTreeSet<String> {
    let rules = read("prometheus/rules/recording.yml");
    let names = rules.lines().filter_map(|line| line.trim().strip_prefix("- record: "));
    names.map(str::to_owned).collect()
}

/// Every dashboard, rule and document.
fn named_in() -> Vec<PathBuf> {
    let project = tools::workspace();
    let mut files = Vec::new();
    for folder in ["prometheus/rules", "prometheus/tests", "grafana", "docs", "envoy"] {
        collect(&project.join(folder), &mut files);
    }
    for entry in fs::read_dir(&project).expect("the project's folder") {
        files.push(entry.expect("a readable folder").path());
    }
    files.retain(|file| {
        let extension = file.extension().and_then(|extension| extension.to_str());
        match extension {
            Some("json" | "md") => true,
            Some("yml") => file.starts_with(project.join("prometheus")),
            _ => false,
        }
    });
    files
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
    {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}

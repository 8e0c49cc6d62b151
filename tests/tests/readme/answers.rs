//! What commands of the README print and leave behind, as the README says it.

use std::path::Path;
use std::time::{Duration, Instant};

use harness::tools;
use repository::read;
use serde_json::{Value, json};
use tokio::process::Command;

use super::succeed;

pub(crate) fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

pub(crate) fn my_client() -> Value {
    json!({"client_id": "my-client", "rpm": 100, "tpm": 2000, "enabled": true})
}

/// Head and body of what `curl -i` prints.
pub(crate) fn split(answer: &str) -> (String, Value) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {answer}"));
    (head.to_ascii_lowercase(), parse(body))
}

pub(crate) fn check_admitted(answer: &str) {
    let (head, body) = split(answer);
    assert!(head.starts_with("http/1.1 200 "), "{answer}");
    assert_eq!(body["object"], json!("chat.completion"), "{answer}");
    assert!(head.contains("x-ratelimit-remaining-tokens: "), "{answer}");
}

/// So many models have said something, a line each.
pub(crate) fn check_answers(printed: &str, answers: usize) {
    let lines: Vec<_> = printed.lines().collect();
    assert_eq!(lines.len(), answers, "{printed}");
    assert!(lines.iter().all(|line| !line.trim().is_empty()), "{printed}");
}

pub(crate) fn check_streamed_with_usage(events: &str) {
    assert!(events.trim_end().ends_with("data: [DONE]"), "{events}");
    assert!(events.contains("\"total_tokens\":"), "{events}");
}

/// Shown this once; returned as it is.
pub(crate) fn check_key(answer: &str) -> String {
    let key = parse(answer)["key"].as_str().unwrap_or_default().to_owned();
    assert!(key.starts_with("fgk_"), "{answer}");
    key
}

pub(crate) fn check_never_fits(answer: &str) {
    let (head, body) = split(answer);
    assert!(head.starts_with("http/1.1 429 "), "{answer}");
    assert_eq!(body["error"], json!("tpm_exceeded"), "{answer}");
    assert!(head.contains("x-should-retry: false"), "{answer}");
    assert!(!head.contains("retry-after"), "{answer}");
}

/// 30 pass at once, which is the whole bucket, and half a request more in each second.
pub(crate) fn check_burst(printed: &str, started: Instant) {
    let elapsed = started.elapsed() + Duration::from_millis(1);
    let statuses: Vec<&str> = printed.split_whitespace().collect();
    let of = |wanted: &str| statuses.iter().filter(|status| **status == wanted).count();
    let refilled = usize::try_from(elapsed.as_millis() / 2000).expect("a short time");
    assert_eq!(of("200") + of("429"), 40, "{printed}");
    assert!((30..=30 + refilled).contains(&of("200")), "{elapsed:?}: {printed}");
    assert!(statuses.iter().take(30).all(|status| *status == "200"), "{printed}");
}

pub(crate) fn check_load(table: &str) {
    assert!(table.contains("admitted"), "{table}");
    assert!(!table.contains("MORE than the limit allows"), "{table}");
}

/// The one limit that both clients share refused most of what came for its model.
pub(crate) fn check_limits_of_load(table: &str) {
    assert!(table.contains("\n429     token_limit_exceeded shared "), "{table}");
    for client in ["demo-client", "premium-client"] {
        let limit = format!("\n{client} shared ");
        let row = table.split(&limit).nth(1).unwrap_or_else(|| panic!("no{limit}: {table}"));
        let row: Vec<&str> = row.split_whitespace().take(3).collect();
        assert_eq!(row[..2], ["tokens", "300"], "{table}");
        assert!(row[2].parse::<u64>().is_ok_and(|left| left < 100), "{table}");
    }
}

/// An operator's command is done, and says what the README says of it.
pub(crate) fn check_operators(command: &str, printed: &str) {
    let says = |text: &str| assert!(printed.contains(text), "{command}: {printed}");
    match command.trim_start_matches("target/release/flowguard ") {
        "explain acme --tokens 500" | "explain acme --tokens 3000" => says("would_pass  true"),
        "explain acme --tokens 3000 || test $? = 2" => says("would_pass  false"),
        "stats acme" => says("total_requests     20\n"),
        "limits stats org" => says("would_refuse"),
        "diff flowguard.yaml || test $? = 2" => says("\n-    rpm: 60\n+    rpm: 50\n"),
        "apply flowguard.yaml" => assert_eq!(printed, "replaced  client  acme\n"),
        "clients reset acme" => says("tpm_remaining      100000\n"),
        "context list" => says("here"),
        "decisions acme --limit 5" => says("passed"),
        "history acme" => says("REQUESTS"),
        "audit --object client/acme" => says("client/acme"),
        "system" => says("replica"),
        command if command.starts_with("preview ") => says("newly_refused"),
        command if command.starts_with("clients set ") => says("client_id  acme\n"),
        command if command.starts_with("limits set ") => says("name    org\n"),
        // Nothing differs, nothing was changed, or what is said is words.
        _ => assert_eq!(printed, "", "{command}"),
    }
}

/// Envoy accepts the file, with the filter that the test has in place of the reader's.
pub(crate) async fn check_envoy_config(file: &Path) {
    let config = std::fs::read_to_string(file).expect("the configuration");
    let reader_s = "/etc/envoy/filter.wasm";
    assert!(config.contains(reader_s), "{config}");
    let filter = tools::filter();
    let config = config.replace(reader_s, filter.to_str().expect("a path of text"));
    std::fs::write(file, config).expect("a file in the reader's folder");
    check_envoy_accepts(file).await;
}

/// Envoy accepts what it is started with, and finds this mode where that leads to.
pub(crate) async fn check_followed(folder: &Path, mode: &str) {
    check_envoy_accepts(&folder.join("envoy.yaml")).await;
    let read = |file| std::fs::read_to_string(folder.join(file)).expect("a file that is followed");
    let (listeners, filter) = (read("listeners.yaml"), read("filter.yaml"));
    assert!(listeners.contains(&*folder.join("filter.yaml").to_string_lossy()), "{listeners}");
    assert!(filter.contains(&format!("\"mode\": \"{mode}\"")), "{filter}");
}

pub(crate) async fn check_envoy_accepts(file: &Path) {
    let mut envoy = Command::from(tools::envoy());
    envoy.args(["--mode", "validate", "--use-dynamic-base-id", "-c"]).arg(file);
    succeed("envoy --mode validate", envoy).await;
}

/// Where there is an engine, `tests/compose/run.sh` shows that the containers of this command run.
pub(crate) fn check_scale(words: &str) {
    let file = read("compose.yaml");
    let compose: Value = serde_saphyr::from_str(&file).expect("YAML");
    let services = &compose["services"];
    for service in ["store", "control-plane-2", "envoy-2"] {
        assert_eq!(services[service]["profiles"], json!(["scale"]), "{service}");
    }
    let value = |name: &str| {
        let value = words.split_once(&format!("{name}=")).expect("the setting").1;
        value.split(' ').next().expect("a value")
    };
    for address in value("CONTROL_PLANES").split(',') {
        let (name, port) = address.split_once(':').expect("an address");
        assert_eq!(port, "9095");
        assert!(!services[name].is_null(), "no service {name}");
    }
    assert_eq!(value("STORE_URL"), "redis://store:6379");
    // Alone it would be a second limiter.
    let command = services["control-plane-2"]["command"].to_string();
    assert!(command.contains("--store-url\",\"${STORE_URL:-nothing, and"), "{command}");
    assert!(words.contains("docker compose --profile scale up"), "{words}");
    let prometheus = read("prometheus/prometheus.yml");
    for name in ["control-plane-2", "envoy-2"] {
        assert!(prometheus.contains(&format!("names: [{name}]")), "{name} is not watched");
    }
}

//! A real Prometheus as a child process, that scrapes often.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use http::StatusCode;
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::control_plane::loopback;
use crate::deadline::{eventually, eventually_equal};
use crate::http_client::HttpClient;
use crate::ports::free_port;
use crate::process::Process;
use crate::tools;

/// A running Prometheus.
#[derive(Debug)]
pub struct Prometheus {
    process: Process,
    http: HttpClient,
}

/// The labels and the value of one series of an answer.
pub type QueryResult = Vec<(BTreeMap<String, String>, f64)>;

impl Prometheus {
    /// Starts one that scrapes a control plane and the admin ports of Envoys, with the job names
    /// and the rules of the project's `prometheus/`, and waits until it is ready.
    pub async fn start(control_plane: SocketAddr, envoys: &[SocketAddr], folder: &Path) -> Self {
        Self::start_relabelling(control_plane, envoys, &json!([]), folder).await
    }

    /// The same of a control plane that speaks TLS, with a certificate that the authorities in a file
    /// have signed.
    pub async fn start_over_tls(
        control_plane: SocketAddr,
        ca_file: &Path,
        envoys: &[SocketAddr],
        folder: &Path,
    ) -> Self {
        let over_tls = json!({"scheme": "https", "tls_config": {"ca_file": ca_file}});
        Self::start_with(control_plane, &over_tls, envoys, &json!([]), folder).await
    }

    /// The same, with `metric_relabel_configs` for the job of the Envoys.
    pub async fn start_relabelling(
        control_plane: SocketAddr,
        envoys: &[SocketAddr],
        relabelings: &Value,
        folder: &Path,
    ) -> Self {
        Self::start_with(control_plane, &json!({}), envoys, relabelings, folder).await
    }

    /// `way`: what the job of the control plane has beside its name and its target.
    async fn start_with(
        control_plane: SocketAddr,
        way: &Value,
        envoys: &[SocketAddr],
        relabelings: &Value,
        folder: &Path,
    ) -> Self {
        let targets = |addresses: &[SocketAddr]| json!([{ "targets": addresses }]);
        let mut of_control_plane = json!({
            "job_name": "flowguard",
            "static_configs": targets(&[control_plane]),
        });
        for (name, value) in way.as_object().into_iter().flatten() {
            of_control_plane[name] = value.clone();
        }
        // JSON is YAML too. Envoy's page is long, and takes longer when the machine is busy.
        let config = json!({
            "global": {"scrape_interval": "200ms", "scrape_timeout": "200ms", "evaluation_interval": "200ms"},
            "rule_files": [tools::workspace().join("prometheus/rules/*.yml")],
            "scrape_configs": [
                of_control_plane,
                {
                    "job_name": "envoy",
                    "metrics_path": "/stats/prometheus",
                    "scrape_interval": "1s",
                    "scrape_timeout": "1s",
                    "static_configs": targets(envoys),
                    "metric_relabel_configs": relabelings,
                },
            ],
        });
        let file = folder.join("prometheus.yaml");
        std::fs::write(&file, config.to_string())
            .unwrap_or_else(|error| panic!("can't write {}: {error}", file.display()));
        let address = loopback(free_port());
        let mut command = tools::prometheus();
        tools::clean_environment(&mut command);
        command.arg(format!("--config.file={}", file.display()));
        command.arg(format!("--storage.tsdb.path={}", folder.join("prometheus").display()));
        command.arg(format!("--web.listen-address={address}"));
        let mut prometheus = Self {
            process: Process::spawn("prometheus", command, folder),
            http: HttpClient::one_connection_each(address),
        };
        prometheus.wait_until_ready().await;
        prometheus
    }

    /// Calls its API: the `data` of the answer.
    pub async fn api(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let query =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let answer = self.http.get(&format!("/api/v1/{path}?{query}")).send().await;
        assert_eq!(answer.status, StatusCode::OK, "{parameters:?}: {}", answer.text());
        answer.json()["data"].take()
    }

    /// Evaluates an expression now.
    pub async fn query(&self, expression: &str) -> QueryResult {
        let answer = self.api("query", &[("query", expression)]).await;
        let series = answer["result"].as_array().unwrap_or_else(|| panic!("{answer}"));
        series
            .iter()
            .map(|series| read_series(series).unwrap_or_else(|| panic!("{series}")))
            .collect()
    }

    /// Evaluates an expression until it has one series with this value.
    pub async fn wait_for(&self, expression: &str, expected: f64) {
        // A quotient may differ in its last digit.
        let rounded = |value: f64| if (value - expected).abs() < 1e-9 { expected } else { value };
        eventually_equal(expression, vec![expected], || async {
            self.query(expression).await.into_iter().map(|(_, value)| rounded(value)).collect()
        })
        .await;
    }

    async fn wait_until_ready(&mut self) {
        eventually("a ready Prometheus", || {
            let ended = self.process.exit_status();
            assert!(ended.is_none(), "Prometheus ended: {ended:?}\n{}", self.process.log_tail());
            let request = self.http.get("/-/ready");
            async move { request.try_send().await.ok().filter(|answer| answer.status == StatusCode::OK) }
        })
        .await;
    }
}

fn read_series(series: &Value) -> Option<(BTreeMap<String, String>, f64)> {
    let labels = series["metric"].as_object()?.iter();
    let labels = labels
        .map(|(label, value)| Some((label.clone(), value.as_str()?.to_owned())))
        .collect::<Option<_>>();
    Some((labels?, series["value"][1].as_str()?.parse().ok()?))
}

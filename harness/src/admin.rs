//! The REST API as an operator uses it, for tests whose subject is something else.

use std::net::SocketAddr;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::deadline::eventually_equal;
use crate::http_client::{Answer, HttpClient};

/// A client of the REST API. Each call has a connection of its own, so that it outlives restarts.
#[derive(Clone, Debug)]
pub struct Admin {
    http: HttpClient,
}

impl Admin {
    /// A client of the API at this address.
    pub fn new(server: SocketAddr) -> Self {
        Self { http: HttpClient::one_connection_each(server) }
    }

    /// The HTTP client, for calls of one's own.
    pub fn http(&self) -> &HttpClient {
        &self.http
    }

    /// Creates or replaces a client that is limited to so much a minute; `None` is no limit.
    pub async fn put_client(
        &self,
        id: &str,
        rpm: impl Into<Option<u64>>,
        tpm: impl Into<Option<u64>>,
    ) {
        let answer = self.put(id, &json!({"rpm": rpm.into(), "tpm": tpm.into()})).await;
        assert!(answer.status.is_success(), "{} {}", answer.status, answer.text());
    }

    /// Puts a limit beside clients' own in force.
    pub async fn put_limit(&self, name: &str, limit: &Value) {
        self.put_in_force(&format!("/api/v1/limits/{name}"), limit).await;
    }

    /// Says which names a model has.
    pub async fn put_model(&self, name: &str, patterns: &[&str]) {
        self.put_in_force(&format!("/api/v1/models/{name}"), &json!(patterns)).await;
    }

    async fn put_in_force(&self, path: &str, body: &Value) {
        let answer = self.http.request(Method::PUT, path).json(body).send().await;
        assert!(answer.status.is_success(), "{path}: {} {}", answer.status, answer.text());
    }

    /// Creates or replaces a client that is counted but not limited.
    pub async fn put_disabled_client(&self, id: &str, rpm: u64, tpm: u64) {
        let answer = self.put(id, &json!({"rpm": rpm, "tpm": tpm, "enabled": false})).await;
        assert!(answer.status.is_success(), "{} {}", answer.status, answer.text());
    }

    /// `PUT /api/v1/clients/{id}` with any body.
    pub async fn put(&self, id: &str, body: &Value) -> Answer {
        self.http.request(Method::PUT, &client_path(id)).json(body).send().await
    }

    /// `PATCH /api/v1/clients/{id}` with any body.
    pub async fn patch(&self, id: &str, body: &Value) -> Answer {
        self.http.request(Method::PATCH, &client_path(id)).json(body).send().await
    }

    /// `POST /api/v1/clients/{id}/reset`.
    pub async fn reset(&self, id: &str) -> Answer {
        self.http.post(&format!("{}/reset", client_path(id))).send().await
    }

    /// `GET /api/v1/clients/{id}`.
    pub async fn get(&self, id: &str) -> Answer {
        self.http.get(&client_path(id)).send().await
    }

    /// `DELETE /api/v1/clients/{id}`.
    pub async fn delete(&self, id: &str) -> Answer {
        self.http.request(Method::DELETE, &client_path(id)).send().await
    }

    /// The statistics of a client.
    pub async fn stats(&self, id: &str) -> ClientStats {
        let answer = self.http.get(&format!("{}/stats", client_path(id))).send().await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        ClientStats::read(&answer.json())
    }

    /// Waits until a client's admitted requests have all been reported as ended, by the number of
    /// them.
    pub async fn wait_for_tokens_used(&self, id: &str, expected: u64) {
        eventually_equal("tokens_used", expected, || async { self.stats(id).await.tokens_used })
            .await;
    }
}

/// A client's statistics.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "docs/contract.md says what each is")]
pub struct ClientStats {
    pub client_id: String,
    pub total_requests: u64,
    pub success_requests: u64,
    pub dropped_requests: u64,
    pub rpm_dropped: u64,
    pub tpm_dropped: u64,
    pub tokens_used: u64,
    pub rpm_remaining: Option<u64>,
    pub tpm_remaining: Option<u64>,
    pub last_request_time: Option<String>,
    pub avg_latency_ms: f64,
    /// Only once something is learned.
    pub learned_estimate: Option<u64>,
    /// Only with a limit of tokens.
    pub tpm_balance: Option<i64>,
}

impl ClientStats {
    /// Reads the statistics of one client, which must have exactly the fields of docs/contract.md.
    pub fn read(json: &Value) -> Self {
        let fields = json.as_object().unwrap_or_else(|| panic!("statistics are an object: {json}"));
        let number = |name: &str| json[name].as_u64().unwrap_or_else(|| panic!("{name} in {json}"));
        let learned_estimate =
            fields.contains_key("learned_estimate").then(|| number("learned_estimate"));
        let tpm_balance = fields
            .get("tpm_balance")
            .map(|balance| balance.as_i64().unwrap_or_else(|| panic!("tpm_balance in {json}")));
        let of_limits = ["limits", "limit_dropped"];
        let of_limits = of_limits.into_iter().filter(|name| fields.contains_key(*name)).count();
        let added = usize::from(learned_estimate.is_some())
            + usize::from(tpm_balance.is_some())
            + of_limits;
        assert_eq!(fields.len(), 11 + added, "{json}");
        let optional = |name: &str| match fields.get(name) {
            Some(Value::Null) => None,
            Some(value) => Some(value.as_u64().unwrap_or_else(|| panic!("{name} in {json}"))),
            None => panic!("no {name} in {json}"),
        };
        Self {
            client_id: json["client_id"]
                .as_str()
                .unwrap_or_else(|| panic!("client_id in {json}"))
                .to_owned(),
            total_requests: number("total_requests"),
            success_requests: number("success_requests"),
            dropped_requests: number("dropped_requests"),
            rpm_dropped: number("rpm_dropped"),
            tpm_dropped: number("tpm_dropped"),
            tokens_used: number("tokens_used"),
            rpm_remaining: optional("rpm_remaining"),
            tpm_remaining: optional("tpm_remaining"),
            last_request_time: json["last_request_time"].as_str().map(str::to_owned),
            avg_latency_ms: json["avg_latency_ms"]
                .as_f64()
                .unwrap_or_else(|| panic!("avg_latency_ms in {json}")),
            learned_estimate,
            tpm_balance,
        }
    }
}

fn client_path(id: &str) -> String {
    format!("/api/v1/clients/{id}")
}

//! What answers look like: the JSON of section 3 of docs/contract.md, key by key.

use serde::Serialize;

use crate::{
    clients::ClientJson,
    operator::{Change, ClientStats, Removal},
    rfc3339::rfc3339,
};

#[derive(Serialize)]
pub(super) struct Stats<'a> {
    client_id: &'a str,
    total_requests: u64,
    success_requests: u64,
    dropped_requests: u64,
    rpm_dropped: u64,
    tpm_dropped: u64,
    tokens_used: u64,
    rpm_remaining: Option<u64>,
    tpm_remaining: Option<u64>,
    last_request_time: Option<String>,
    avg_latency_ms: f64,
    /// Only where estimates are learned.
    #[serde(skip_serializing_if = "Option::is_none")]
    learned_estimate: Option<u64>,
    /// Only with a limit of tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    tpm_balance: Option<i64>,
}

impl<'a> From<&'a ClientStats> for Stats<'a> {
    fn from(stats: &'a ClientStats) -> Self {
        Self {
            client_id: stats.id.as_str(),
            total_requests: stats.total_requests,
            success_requests: stats.success_requests,
            dropped_requests: stats.dropped_requests,
            rpm_dropped: stats.rpm_dropped,
            tpm_dropped: stats.tpm_dropped,
            tokens_used: stats.tokens_used,
            rpm_remaining: stats.rpm_remaining,
            tpm_remaining: stats.tpm_remaining,
            last_request_time: stats.last_request.and_then(rfc3339),
            avg_latency_ms: stats.avg_latency_ms,
            learned_estimate: stats.learned_estimate,
            tpm_balance: stats.tpm_balance,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Done<'a> {
    success: bool,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<ClientJson<'a>>,
}

impl<'a> Done<'a> {
    pub(super) fn changed(change: &'a Change) -> Self {
        let config = Some(ClientJson::from(&change.config));
        Self { success: true, message: change.to_string(), config }
    }

    pub(super) fn removed(removal: &Removal) -> Self {
        Self { success: true, message: removal.to_string(), config: None }
    }
}

//! What answers look like: the JSON of section 3 of docs/contract.md, key by key.

use jiff::Timestamp;
use limiter::{PerMinute, Tokens, UnixMillis};
use serde::Serialize;

use crate::{
    clients::ClientConfig,
    operator::{Change, ClientStats, Removal},
};

#[derive(Serialize)]
pub(super) struct Config<'a> {
    client_id: &'a str,
    rpm: Option<u64>,
    tpm: Option<u64>,
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_estimate: Option<u64>,
}

impl<'a> From<&'a ClientConfig> for Config<'a> {
    fn from(config: &'a ClientConfig) -> Self {
        Self {
            client_id: config.id.as_str(),
            rpm: config.limits.rpm.map(PerMinute::get),
            tpm: config.limits.tpm.map(PerMinute::get),
            enabled: config.enabled,
            min_estimate: config.min_estimate.map(Tokens::get),
        }
    }
}

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

/// To the millisecond, in UTC; `None` for a time beyond the year 9999.
fn rfc3339(time: UnixMillis) -> Option<String> {
    let time = Timestamp::from_millisecond(i64::try_from(time.0).ok()?).ok()?;
    Some(format!("{time:.3}"))
}

#[derive(Serialize)]
pub(super) struct Done<'a> {
    success: bool,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<Config<'a>>,
}

impl<'a> Done<'a> {
    pub(super) fn changed(change: &'a Change) -> Self {
        let config = Some(Config::from(&change.config));
        Self { success: true, message: change.to_string(), config }
    }

    pub(super) fn removed(removal: &Removal) -> Self {
        Self { success: true, message: removal.to_string(), config: None }
    }
}

//! Between the wire types and the control plane's own.

use limiter::Limit;
use prost_types::FieldMask;
use proto::api;
use tonic::{Code, Status};

use crate::{
    ledger::ClientConfig,
    operator::{ClientStats, Draft, OperatorError, Shown},
};

impl From<&api::ClientConfig> for Draft {
    fn from(config: &api::ClientConfig) -> Self {
        let enabled = config.enabled.unwrap_or(true);
        let min_estimate = config.min_estimate.map(|tokens| tokens.to_string());
        Self { min_estimate, ..Self::new(&config.client_id, config.rpm, config.tpm, enabled) }
    }
}

/// The fields of `config` that `mask` names, and nothing of all others.
pub(super) fn masked(config: &api::ClientConfig, mask: &FieldMask) -> Result<Draft, Status> {
    const NULL: &str = "null";
    let whole = Draft::from(config);
    let mut masked = Draft::default();
    for path in &mask.paths {
        let (field, value) = match path.as_str() {
            "rpm" => (&mut masked.rpm, &whole.rpm),
            "tpm" => (&mut masked.tpm, &whole.tpm),
            "enabled" => (&mut masked.enabled, &whole.enabled),
            "min_estimate" => (&mut masked.min_estimate, &whole.min_estimate),
            other => {
                let path = Shown::new(&format!("\"{other}\""));
                return Err(Status::invalid_argument(format!(
                    "update_mask must name fields among rpm, tpm, enabled and min_estimate, not {path}"
                )));
            }
        };
        *field = Some(value.clone().unwrap_or_else(|| NULL.to_owned()));
    }
    Ok(masked)
}

impl From<&ClientConfig> for api::ClientConfig {
    fn from(config: &ClientConfig) -> Self {
        Self {
            client_id: config.id.to_string(),
            rpm: config.limits.rpm.map(|limit| signed(Limit::per_minute(limit))),
            tpm: config.limits.tpm.map(|limit| signed(Limit::per_minute(limit))),
            enabled: Some(config.enabled),
            min_estimate: config.min_estimate.map(|tokens| signed(tokens.get())),
        }
    }
}

impl From<&ClientStats> for api::ClientStats {
    fn from(stats: &ClientStats) -> Self {
        Self {
            client_id: stats.id.to_string(),
            total_requests: signed(stats.total_requests),
            success_requests: signed(stats.success_requests),
            dropped_requests: signed(stats.dropped_requests),
            rpm_dropped: signed(stats.rpm_dropped),
            tpm_dropped: signed(stats.tpm_dropped),
            tokens_used: signed(stats.tokens_used),
            rpm_remaining: stats.rpm_remaining.map(signed),
            tpm_remaining: stats.tpm_remaining.map(signed),
            last_request_time: stats.last_request.map_or(0, |at| signed(at.0 / 1_000)),
            avg_latency_ms: stats.avg_latency_ms,
            learned_estimate: stats.learned_estimate.map(signed),
            tpm_balance: stats.tpm_balance,
        }
    }
}

/// The wire has signed integers only.
fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl From<OperatorError> for Status {
    fn from(error: OperatorError) -> Self {
        let code = match &error {
            OperatorError::Invalid(_) => Code::InvalidArgument,
            OperatorError::ClientNotFound => Code::NotFound,
            OperatorError::TooManyClients { .. } => Code::ResourceExhausted,
            OperatorError::Store(_) | OperatorError::Stopping => Code::Unavailable,
        };
        Self::new(code, error.to_string())
    }
}

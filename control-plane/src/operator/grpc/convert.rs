//! Between the wire types and the control plane's own.

use limiter::PerMinute;
use prost_types::FieldMask;
use proto::api;
use tonic::Status;

use crate::{
    clients::ClientConfig,
    excerpt::Excerpt,
    ledger::LimitStanding,
    operator::{ClientStats, Draft, Given, OperatorError},
};

/// A whole configuration: a number that is not there is none, and `enabled` is true.
impl From<&api::ClientConfig> for Draft {
    fn from(config: &api::ClientConfig) -> Self {
        Self {
            client_id: Given::Value(config.client_id.clone()),
            rpm: unsigned(config.rpm),
            tpm: unsigned(config.tpm),
            enabled: Given::Value(config.enabled.unwrap_or(true)),
            min_estimate: unsigned(config.min_estimate),
            group: Given::Value(config.group.clone()),
            plan: Given::Value(config.plan.clone()),
            identities: Given::Value(Some(
                config.identities.iter().cloned().map(Given::Value).collect(),
            )),
            ..Self::default()
        }
    }
}

/// The fields of `config` that `mask` names, and nothing of all others.
pub(super) fn masked(config: &api::ClientConfig, mask: &FieldMask) -> Result<Draft, Status> {
    let whole = Draft::from(config);
    let mut masked = Draft::default();
    for path in &mask.paths {
        match path.as_str() {
            "rpm" => masked.rpm.clone_from(&whole.rpm),
            "tpm" => masked.tpm.clone_from(&whole.tpm),
            "enabled" => masked.enabled.clone_from(&whole.enabled),
            "min_estimate" => masked.min_estimate.clone_from(&whole.min_estimate),
            "group" => masked.group.clone_from(&whole.group),
            "plan" => masked.plan.clone_from(&whole.plan),
            "identities" => masked.identities.clone_from(&whole.identities),
            other => {
                let path = Excerpt::new(&format!("\"{other}\""));
                return Err(Status::invalid_argument(format!(
                    "update_mask must name fields among rpm, tpm, enabled, min_estimate, group, \
                     plan and identities, not {path}"
                )));
            }
        }
    }
    Ok(masked)
}

pub(super) fn unsigned(number: Option<i64>) -> Given<Option<u64>> {
    match number.map(|number| u64::try_from(number).map_err(|_| number)) {
        None => Given::Value(None),
        Some(Ok(number)) => Given::Value(Some(number)),
        Some(Err(negative)) => Given::Wrong(Excerpt::new(&negative.to_string())),
    }
}

impl From<&ClientConfig> for api::ClientConfig {
    fn from(config: &ClientConfig) -> Self {
        Self {
            client_id: config.id.to_string(),
            rpm: config.limits.rpm.map(|limit| signed(PerMinute::get(limit))),
            tpm: config.limits.tpm.map(|limit| signed(PerMinute::get(limit))),
            enabled: Some(config.enabled),
            min_estimate: config.min_estimate.map(|tokens| signed(tokens.get())),
            group: config.group.as_ref().map(ToString::to_string),
            plan: config.plan.as_ref().map(ToString::to_string),
            identities: config
                .identities
                .as_slice()
                .iter()
                .map(|of| of.as_str().to_owned())
                .collect(),
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
            limits: stats.limits.iter().map(api::LimitStanding::from).collect(),
            limit_dropped: stats.limit_dropped_if_limited().map(signed),
        }
    }
}

impl From<&LimitStanding> for api::LimitStanding {
    fn from(limit: &LimitStanding) -> Self {
        let LimitStanding { name, measure, mode, left, would_refuse, refused } = limit;
        Self {
            name: name.to_string(),
            measure: measure.word().to_owned(),
            limit: signed(measure.amount()),
            burst: measure.burst_below_amount().map(signed),
            remaining: signed(left.remaining),
            balance: left.debt(),
            full_in_ms: left.full_in_ms().map(signed),
            mode: mode.word_if_not_enforced().map(str::to_owned),
            would_refuse: signed(*would_refuse),
            refused: signed(*refused),
        }
    }
}

/// The wire has signed integers only.
pub(super) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl From<OperatorError> for Status {
    fn from(error: OperatorError) -> Self {
        Self::new(error.row().grpc, error.to_string())
    }
}

/// A client that is not there is an answer here, not an error.
pub(super) fn if_found<T>(answer: Result<T, OperatorError>) -> Result<Option<T>, Status> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(OperatorError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

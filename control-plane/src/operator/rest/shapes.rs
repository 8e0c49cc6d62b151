//! What answers look like: the JSON of section 3 of docs/contract.md, key by key.

use axum::response::{IntoResponse, Response};
use http::header;
use serde::Serialize;

use crate::{
    events::LimitFigures,
    ledger::LimitStanding,
    operator::{ClientStats, Tag},
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
    /// Only where limits beside the client's own apply to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    limits: Vec<LimitShape<'a>>,
    /// Only where there are such, or once there were.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_dropped: Option<u64>,
}

/// What is left of a limit beside the client's own, and what it did to its requests.
#[derive(Serialize)]
struct LimitShape<'a> {
    #[serde(flatten)]
    figures: LimitFigures<'a>,
    would_refuse: u64,
    refused: u64,
}

impl<'a> From<&'a LimitStanding> for LimitShape<'a> {
    fn from(limit: &'a LimitStanding) -> Self {
        let LimitStanding { would_refuse, refused, .. } = limit;
        Self { figures: limit.into(), would_refuse: *would_refuse, refused: *refused }
    }
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
            limits: stats.limits.iter().map(LimitShape::from).collect(),
            limit_dropped: stats.limit_dropped_if_limited(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Done<C> {
    success: bool,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<C>,
}

impl<C: Serialize> Done<C> {
    /// It is done, and this is configured now.
    pub(super) fn with(message: String, config: C) -> Self {
        Self { success: true, message, config: Some(config) }
    }
}

impl Done<()> {
    /// It is done, and nothing is left.
    pub(super) fn alone(message: String) -> Self {
        Self { success: true, message, config: None }
    }
}

/// An answer with the tag of what it is about.
pub(super) fn tagged(tag: &Tag, answer: impl IntoResponse) -> Response {
    ([(header::ETAG, tag.to_string())], answer).into_response()
}

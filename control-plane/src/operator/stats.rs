//! A client's statistics, as both APIs tell them.

use limiter::{Balance, ClientId, Tokens, UnixMillis};

use crate::ledger::{ClientSnapshot, LimitStanding};

/// What a client did, and what it has left.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientStats {
    /// Whose they are.
    pub id: ClientId,
    /// Admitted and dropped requests.
    pub total_requests: u64,
    /// Requests that were admitted.
    pub success_requests: u64,
    /// Requests that were refused.
    pub dropped_requests: u64,
    /// Requests that RPM refused.
    pub rpm_dropped: u64,
    /// Requests that TPM refused.
    pub tpm_dropped: u64,
    /// Requests that limits beside these two refused.
    pub limit_dropped: u64,
    /// Tokens of admitted requests that ended, as they were charged in the end.
    pub tokens_used: u64,
    /// Whole requests that are left, also while the limits are not in force; `None`: there is no RPM.
    pub rpm_remaining: Option<u64>,
    /// Whole tokens that are left, likewise; `None`: there is no TPM.
    pub tpm_remaining: Option<u64>,
    /// Whole tokens in its bucket, rounded down, below 0 when in debt; `None`: TPM is not limited.
    pub tpm_balance: Option<i64>,
    /// When it last asked.
    pub last_request: Option<UnixMillis>,
    /// Mean milliseconds from request to end of response, of admitted requests; 0 before the first.
    pub avg_latency_ms: f64,
    /// Tokens that a request reserves at least; `None` where estimates are not learned.
    pub learned_estimate: Option<u64>,
    /// The limits beside its own two that apply to it, in the order of their names.
    pub limits: Vec<LimitStanding>,
}

impl From<&ClientSnapshot> for ClientStats {
    fn from(client: &ClientSnapshot) -> Self {
        let ClientSnapshot { config, standing, record, limits } = client;
        let all = record.over_all_processes();
        let own_dropped = all.rpm_dropped.saturating_add(all.tpm_dropped);
        let dropped_requests = own_dropped.saturating_add(record.limit_dropped);
        Self {
            id: config.id.clone(),
            total_requests: all.admitted.saturating_add(dropped_requests),
            success_requests: all.admitted,
            dropped_requests,
            rpm_dropped: all.rpm_dropped,
            tpm_dropped: all.tpm_dropped,
            limit_dropped: record.limit_dropped,
            tokens_used: all.tokens_used,
            rpm_remaining: standing.requests.as_ref().map(Balance::remaining),
            tpm_remaining: standing.tokens.as_ref().map(Balance::remaining),
            tpm_balance: standing.tokens.as_ref().map(Balance::whole),
            last_request: Some(all.last_request).filter(|at| *at > 0).map(UnixMillis),
            avg_latency_ms: all.mean_ms(),
            learned_estimate: record.learned_estimate.map(Tokens::get),
            limits: limits.clone(),
        }
    }
}

impl ClientStats {
    /// What limits beside its own refused, where there are such, or once there were.
    pub(super) fn limit_dropped_if_limited(&self) -> Option<u64> {
        let is_limited = !self.limits.is_empty() || self.limit_dropped > 0;
        is_limited.then_some(self.limit_dropped)
    }
}

//! What the filter counts, as stats of its Envoy.
//!
//! `NAME.KEY=VALUE` becomes `NAME{KEY="VALUE"}` by the `stats_tags` of the generated Envoy
//! configuration. Never one per client: a stat lives as long as its Envoy.

use limiter::Dimension;

/// A histogram: how long each request waited for its verdict. Who waited in vain is counted as a
/// failure instead.
pub const DECISION_WAIT: &str = "flowguard_decision_wait_microseconds";

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Admitted by the control plane.
    Admitted,
    /// Refused for RPM.
    RpmExceeded,
    /// Refused for TPM.
    TpmExceeded,
    /// Denied because its client is not configured.
    UnknownClient,
    /// Its headers are missing or wrong.
    InvalidHeaders,
    /// Not decided in time, and refused.
    FailedClosed,
    /// Not decided in time, and let pass.
    FailedOpen,
    /// Passed without a client and a decision, as configured.
    Exempt,
}

impl Outcome {
    /// Of a request that this limit refused.
    pub fn of_refusal(limit: Dimension) -> Self {
        match limit {
            Dimension::Rpm => Self::RpmExceeded,
            Dimension::Tpm => Self::TpmExceeded,
        }
    }
}

/// Why something was not decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A request's verdict did not come in time.
    Timeout,
    /// A request's time ran out while there was no stream.
    Unreachable,
    /// A request stood in this worker's queue while the control plane answered others.
    Backlog,
    /// An open stream broke.
    StreamLost,
    /// An open stream stopped answering.
    StreamHung,
    /// The control plane sent what could not be understood.
    BadFrame,
}

/// Where a worker's stream is; a worker that never needed one is nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamState {
    /// Not there; to be opened when its back-off has passed.
    Down,
    /// Opened, and not welcomed yet.
    Opening,
    /// Answering.
    Open,
}

/// One stat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// Requests by outcome.
    Decisions(Outcome),
    /// Failures by cause.
    Failures(Cause),
    /// Workers by the state of their stream, a gauge.
    Streams(StreamState),
}

impl Counter {
    /// Every stat, so that each is there with 0 before it first happens.
    pub const ALL: [Self; 17] = [
        Self::Decisions(Outcome::Admitted),
        Self::Decisions(Outcome::RpmExceeded),
        Self::Decisions(Outcome::TpmExceeded),
        Self::Decisions(Outcome::UnknownClient),
        Self::Decisions(Outcome::InvalidHeaders),
        Self::Decisions(Outcome::FailedClosed),
        Self::Decisions(Outcome::FailedOpen),
        Self::Decisions(Outcome::Exempt),
        Self::Failures(Cause::Timeout),
        Self::Failures(Cause::Unreachable),
        Self::Failures(Cause::Backlog),
        Self::Failures(Cause::StreamLost),
        Self::Failures(Cause::StreamHung),
        Self::Failures(Cause::BadFrame),
        Self::Streams(StreamState::Down),
        Self::Streams(StreamState::Opening),
        Self::Streams(StreamState::Open),
    ];

    /// Its position in [`Counter::ALL`].
    pub fn index(self) -> usize {
        match self {
            Self::Decisions(outcome) => outcome as usize,
            Self::Failures(cause) => 8 + cause as usize,
            Self::Streams(state) => 14 + state as usize,
        }
    }

    /// The stat's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Decisions(Outcome::Admitted) => "flowguard_decisions.outcome=admitted",
            Self::Decisions(Outcome::RpmExceeded) => "flowguard_decisions.outcome=rpm_exceeded",
            Self::Decisions(Outcome::TpmExceeded) => "flowguard_decisions.outcome=tpm_exceeded",
            Self::Decisions(Outcome::UnknownClient) => "flowguard_decisions.outcome=unknown_client",
            Self::Decisions(Outcome::InvalidHeaders) => {
                "flowguard_decisions.outcome=invalid_headers"
            }
            Self::Decisions(Outcome::FailedClosed) => "flowguard_decisions.outcome=failed_closed",
            Self::Decisions(Outcome::FailedOpen) => "flowguard_decisions.outcome=failed_open",
            Self::Decisions(Outcome::Exempt) => "flowguard_decisions.outcome=exempt",
            Self::Failures(Cause::Timeout) => "flowguard_failures.cause=timeout",
            Self::Failures(Cause::Unreachable) => "flowguard_failures.cause=unreachable",
            Self::Failures(Cause::Backlog) => "flowguard_failures.cause=backlog",
            Self::Failures(Cause::StreamLost) => "flowguard_failures.cause=stream_lost",
            Self::Failures(Cause::StreamHung) => "flowguard_failures.cause=stream_hung",
            Self::Failures(Cause::BadFrame) => "flowguard_failures.cause=bad_frame",
            Self::Streams(StreamState::Down) => "flowguard_stream.state=down",
            Self::Streams(StreamState::Opening) => "flowguard_stream.state=opening",
            Self::Streams(StreamState::Open) => "flowguard_stream.state=open",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stat_is_at_its_index() {
        for (index, counter) in Counter::ALL.into_iter().enumerate() {
            assert_eq!(counter.index(), index, "{}", counter.name());
        }
    }
}

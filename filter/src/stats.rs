//! What the filter counts, as stats of its Envoy.
//!
//! `NAME.KEY=VALUE` becomes `NAME{KEY="VALUE"}` by the `stats_tags` of the generated Envoy
//! configuration. Never one per client: a stat lives as long as its Envoy.

use limiter::Dimension;
use proto::plugin_config::Mode;

use crate::verdict::Limit;

/// What a stat is to Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatKind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// It keeps how values are spread.
    Histogram,
}

/// The table of all stats: a stat, what it is to Envoy, its name there.
macro_rules! stats {
    ($($(#[$about:meta])* $stat:ident: $kind:ident = $name:literal,)+) => {
        /// One stat; as a number it is its place in [`Stat::ALL`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Stat {
            $($(#[$about])* $stat,)+
        }

        impl Stat {
            /// Every stat, so that each is there with 0 before it first happens.
            pub const ALL: &[Self] = &[$(Self::$stat,)+];

            /// What it is to Envoy.
            pub(crate) fn kind(self) -> StatKind {
                match self {
                    $(Self::$stat => StatKind::$kind,)+
                }
            }

            /// Its name in Envoy.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$stat => $name,)+
                }
            }
        }
    };
}

// How each request was answered, why something was not decided, in which state the workers' streams
// are and in which mode the workers, and how long requests waited.
stats! {
    /// Admitted by the control plane.
    Admitted: Counter = "flowguard_decisions.outcome=admitted",
    /// Refused for RPM.
    RpmExceeded: Counter = "flowguard_decisions.outcome=rpm_exceeded",
    /// Refused for TPM.
    TpmExceeded: Counter = "flowguard_decisions.outcome=tpm_exceeded",
    /// Refused by a limit beside these.
    LimitExceeded: Counter = "flowguard_decisions.outcome=limit_exceeded",
    /// Denied because its client is not configured.
    UnknownClient: Counter = "flowguard_decisions.outcome=unknown_client",
    /// Not known who asks.
    Unauthenticated: Counter = "flowguard_decisions.outcome=unauthenticated",
    /// Known, but nobody's identity.
    InvalidIdentity: Counter = "flowguard_decisions.outcome=invalid_identity",
    /// Its headers are missing or wrong.
    InvalidHeaders: Counter = "flowguard_decisions.outcome=invalid_headers",
    /// Not decided in time, and refused.
    FailedClosed: Counter = "flowguard_decisions.outcome=failed_closed",
    /// Not decided in time, and let pass.
    FailedOpen: Counter = "flowguard_decisions.outcome=failed_open",
    /// Passed without a client and a decision, as configured.
    Exempt: Counter = "flowguard_decisions.outcome=exempt",
    /// Passed without being looked at, in the mode that is the emergency exit.
    Passed: Counter = "flowguard_decisions.outcome=passed",

    /// A request's verdict did not come in time.
    Timeout: Counter = "flowguard_failures.cause=timeout",
    /// A request met the failure mode while there was no stream.
    Unreachable: Counter = "flowguard_failures.cause=unreachable",
    /// A request stood in this worker's queue while the control plane answered others.
    Backlog: Counter = "flowguard_failures.cause=backlog",
    /// An open stream broke.
    StreamLost: Counter = "flowguard_failures.cause=stream_lost",
    /// An open stream stopped answering.
    StreamHung: Counter = "flowguard_failures.cause=stream_hung",
    /// The control plane sent what could not be understood.
    BadFrame: Counter = "flowguard_failures.cause=bad_frame",
    /// A request ended while the control plane was away for so long that its end could not be kept.
    EndForgotten: Counter = "flowguard_failures.cause=end_forgotten",

    /// Workers whose stream is not there; it is opened when its back-off has passed.
    StreamsDown: Gauge = "flowguard_stream.state=down",
    /// Workers whose stream is opened, and not welcomed yet.
    StreamsOpening: Gauge = "flowguard_stream.state=opening",
    /// Workers whose stream answers.
    StreamsOpen: Gauge = "flowguard_stream.state=open",

    /// Workers that have served, by their mode: so many have `enforce`.
    WorkersEnforcing: Gauge = "flowguard_workers.mode=enforce",
    /// So many have `shadow`.
    WorkersInShadow: Gauge = "flowguard_workers.mode=shadow",
    /// So many have `pass`.
    WorkersPassing: Gauge = "flowguard_workers.mode=pass",
    /// So many have `off`.
    WorkersOff: Gauge = "flowguard_workers.mode=off",

    /// How long each request waited for its verdict. Who waited in vain is counted as a failure.
    DecisionWait: Histogram = "flowguard_decision_wait_microseconds",
}

impl Stat {
    /// Workers that have served in this mode.
    pub(crate) fn workers_in(mode: Mode) -> Self {
        match mode {
            Mode::Enforce => Self::WorkersEnforcing,
            Mode::Shadow => Self::WorkersInShadow,
            Mode::Pass => Self::WorkersPassing,
            Mode::Off => Self::WorkersOff,
        }
    }

    /// The value in its name, where it has one.
    pub(crate) fn value(self) -> &'static str {
        self.name().split_once('=').map_or("", |(_, value)| value)
    }

    /// Requests that this limit refused.
    pub(crate) fn refused_by(limit: Limit<'_>) -> Self {
        match limit {
            Limit::Own(Dimension::Rpm) => Self::RpmExceeded,
            Limit::Own(Dimension::Tpm) => Self::TpmExceeded,
            Limit::Named(_) => Self::LimitExceeded,
        }
    }
}

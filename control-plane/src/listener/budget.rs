//! How many connections the ports may have open, so that all of them together leave the process
//! file descriptors for everything else.

use std::time::Duration;

/// The port of the decision stream: each worker of each Envoy has one connection.
pub(crate) const DECISION_CONNECTIONS_MAX: usize = 512;

/// Each of the operator's ports.
pub(crate) const OPERATOR_CONNECTIONS_MAX: usize = 128;

/// Streams of events, which are counted by request: so many places the port of REST has beyond the
/// others', so that whoever listens takes none from who asks.
pub(crate) const EVENT_STREAMS_MAX: usize = 32;

/// REST, gRPC and metrics.
const OPERATOR_PORTS: usize = 3;

/// The port of health alone: those who ask do so once in a few seconds, and go.
pub(crate) const HEALTH_CONNECTIONS_MAX: usize = 32;

/// What a process usually has.
const DESCRIPTORS_MAX: usize = 1_024;

/// What is open beside connections: sockets that listen, a connection of each that has no place
/// yet, the log, the runtime's own, files.
const OTHER_DESCRIPTORS_MAX: usize = 64;

/// How long a peer may leave unread what was sent to it: longer than any network stands still whose
/// users still wait.
pub const UNREAD_TIMEOUT: Duration = Duration::from_secs(30);

const _: () = assert!(
    DECISION_CONNECTIONS_MAX
        + OPERATOR_PORTS * OPERATOR_CONNECTIONS_MAX
        + EVENT_STREAMS_MAX
        + HEALTH_CONNECTIONS_MAX
        + OTHER_DESCRIPTORS_MAX
        <= DESCRIPTORS_MAX,
    "the ports may use up the file descriptors of the process"
);

/// What a listener's connections may use.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// How many are open at once.
    pub connections_max: usize,
    /// How long the peer may say nothing while the server waits for it; `None` where the protocol
    /// itself sees to that.
    pub read_timeout: Option<Duration>,
    /// How long a connection may be open without being [at work], whatever its peer says meanwhile;
    /// `None` where it may be so for ever.
    ///
    /// [at work]: super::ConnectionHandle::at_work
    pub idle_timeout: Option<Duration>,
    /// How long the peer may leave unread what was sent to it, wherever that waits: [`UNREAD_TIMEOUT`].
    pub unread_timeout: Duration,
}

//! One client's configuration.

use limiter::{ClientId, PerMinute, Tokens};

/// What an operator wants of one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientConfig {
    /// Who is limited.
    pub id: ClientId,
    /// To what.
    pub limits: Limits,
    /// `false`: counted, but not limited.
    pub enabled: bool,
    /// The tokens that a request which generates some reserves at least, capped at the client's
    /// tokens per minute; `None`: what holds for all.
    pub min_estimate: Option<Tokens>,
}

/// A client's own limits; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Requests per minute.
    pub rpm: Option<PerMinute>,
    /// Tokens per minute.
    pub tpm: Option<PerMinute>,
}

impl ClientConfig {
    /// The limits in force.
    pub(crate) fn limits_in_force(&self) -> Limits {
        if self.enabled { self.limits } else { Limits::default() }
    }
}

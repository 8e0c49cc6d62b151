//! One client's configuration.

use limiter::{ClientId, Dimension, PerMinute, Tokens};

use super::Identities;
use crate::limits::{Group, Name, Subject};

/// How many clients can be configured.
pub const CLIENTS_MAX: usize = 1_000_000;

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
    /// The group that it is in.
    pub group: Option<Group>,
    /// The plan that it is on.
    pub plan: Option<Name>,
    /// What its requests are known by where they are verified: by these alone, if there are any.
    pub identities: Identities,
}

/// A client's own limits; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Requests per minute.
    pub rpm: Option<PerMinute>,
    /// Tokens per minute.
    pub tpm: Option<PerMinute>,
}

impl Limits {
    /// Those in force: none of a client that is not enabled.
    pub(crate) fn in_force(self, is_enabled: bool) -> Self {
        if is_enabled { self } else { Self::default() }
    }
}

impl ClientConfig {
    /// A client with these limits of its own, and nothing else said.
    pub fn new(id: ClientId, limits: Limits) -> Self {
        Self {
            id,
            limits,
            enabled: true,
            min_estimate: None,
            group: None,
            plan: None,
            identities: Identities::default(),
        }
    }

    /// What its requests are known by.
    pub fn subject(&self) -> Subject<'_> {
        Subject { client: &self.id, group: self.group.as_ref(), plan: self.plan.as_ref() }
    }

    /// Its own limits, also where they are not in force: they may be again at any time.
    pub fn own_limits(&self) -> &'static [Dimension] {
        match (self.limits.rpm, self.limits.tpm) {
            (Some(_), Some(_)) => &[Dimension::Rpm, Dimension::Tpm],
            (Some(_), None) => &[Dimension::Rpm],
            (None, Some(_)) => &[Dimension::Tpm],
            (None, None) => &[],
        }
    }

    /// The limits in force.
    pub(crate) fn limits_in_force(&self) -> Limits {
        self.limits.in_force(self.enabled)
    }
}

//! Something that was refused to somebody.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::Actor;

/// What was refused, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Who it was, as far as that is known.
    pub actor: Actor,
    /// From where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<SocketAddr>,
    /// What was asked for, such as `PUT /api/v1/clients/{id}`: a route, and nothing of what the caller
    /// chose.
    pub call: String,
    /// The status that it was answered with.
    pub status: u16,
    /// The error's code.
    pub error: String,
}

impl Refusal {
    /// Who counts as one: an address, whatever its port.
    pub(super) fn from(&self) -> Option<IpAddr> {
        self.address.map(|address| address.ip())
    }
}

//! What a caller may do.

use super::{Principal, Refusal};
use crate::credentials::{Digest, Scope, Scopes};

/// What was found of a call's caller; in the call's extensions where the port is locked.
#[derive(Clone, Debug)]
pub(crate) struct Pass {
    pub(crate) principal: Principal,
    /// What it was made of, by which it is looked up again.
    pub(super) digest: Digest,
    pub(super) scopes: Scopes,
}

impl Pass {
    /// Whether the caller may do what takes `scope`.
    pub(crate) fn require(&self, scope: Scope) -> Result<(), Refusal> {
        if self.scopes.has(scope) {
            return Ok(());
        }
        Err(Refusal::InsufficientScope { wanted: scope, had: self.scopes })
    }
}

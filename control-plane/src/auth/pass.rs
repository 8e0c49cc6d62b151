//! What a caller may do.

use limiter::UnixMillis;

use super::{Principal, Refusal};
use crate::credentials::{Digest, Scope, Scopes};

/// What was found of a call's caller; in the call's extensions where the port is locked.
#[derive(Clone, Debug)]
pub(crate) struct Pass {
    pub(crate) principal: Principal,
    pub(super) scopes: Scopes,
    pub(super) proof: Proof,
}

/// By what it is found again.
#[derive(Clone, Copy, Debug)]
pub(super) enum Proof {
    /// A token of FlowGuard's own, which may be revoked.
    Token(Digest),
    /// A token of an issuer, which is good until then.
    Until(UnixMillis),
}

impl Pass {
    /// What the caller may do.
    pub(crate) fn scopes(&self) -> Scopes {
        self.scopes
    }

    /// Whether the caller may do what takes `scope`.
    pub(crate) fn require(&self, scope: Scope) -> Result<(), Refusal> {
        if self.scopes.has(scope) {
            return Ok(());
        }
        let whose = self.principal.clone();
        Err(Refusal::InsufficientScope { whose, wanted: scope, had: self.scopes })
    }
}

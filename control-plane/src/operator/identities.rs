//! Whether a client may list what it lists.

use limiter::ClientId;

use super::{Operator, OperatorError};
use crate::{clients::ClientConfig, excerpt::Excerpt};

impl Operator {
    /// Refuses an identity that another client lists which `stays` as it is.
    pub(super) fn judge_identities(
        &self,
        config: &ClientConfig,
        stays: impl Fn(&ClientId) -> bool,
    ) -> Result<(), OperatorError> {
        for identity in config.identities.as_slice() {
            let owner = self.ledger.client_of_identity(identity.as_str());
            if let Some(owner) = owner.filter(|owner| *owner != config.id && stays(owner)) {
                let identity = Excerpt::quoted(identity.as_str());
                return Err(OperatorError::IdentityTaken { identity, owner });
            }
        }
        Ok(())
    }
}

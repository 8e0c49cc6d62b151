//! What is found in a store that control planes share, while none of them uses it.

use limiter::UnixMillis;

use super::DataError;
use crate::{
    ledger::{Ledger, ManualClock, Policy, UnknownClients},
    operator::put_rules_in_force,
    store::{
        ConfigStore as _,
        shared::{SharedStore, Standing},
    },
};

/// A store, of which all is known but what is left: that is read when its turn comes.
pub(super) struct FoundShared {
    pub(super) ledger: Ledger,
    pub(super) at: UnixMillis,
}

impl FoundShared {
    pub(super) async fn read(store: &SharedStore, policy: Policy) -> Result<Self, DataError> {
        let at = Standing::of_unused(store.link()).await?.now;
        let contents = store.configuration.load().await.map_err(DataError::Configuration)?;
        let ledger =
            Ledger::sharing(with_denied(policy), ManualClock::at(at), store.clone(), false);
        let limits = contents.limits.into_iter().map(|(limit, _)| limit);
        let models = contents.models.into_iter().map(|(model, _)| model);
        put_rules_in_force(limits, models.collect(), &ledger)?;
        for (config, _) in &contents.clients {
            ledger.configure(config);
        }
        Ok(Self { ledger, at })
    }
}

/// What was counted of ids that are denied now is written down all the same.
fn with_denied(policy: Policy) -> Policy {
    match policy.unknown_clients {
        UnknownClients::Deny => Policy { unknown_clients: UnknownClients::Allow, ..policy },
        UnknownClients::Shared { .. } | UnknownClients::Each { .. } | UnknownClients::Allow => {
            policy
        }
    }
}

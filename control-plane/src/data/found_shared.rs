//! What is found in a store that control planes share, while none of them uses it.

use limiter::UnixMillis;

use super::{DataError, Declared};
use crate::{
    config_file::Loaded,
    ledger::{Ledger, ManualClock, Policy, UnknownClients},
    operator::{Wanted, put_rules_in_force},
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
    pub(super) async fn read(store: &SharedStore, declared: &Declared) -> Result<Self, DataError> {
        let file = declared.config_file.clone().map(Loaded::read).transpose()?;
        let of_file = file.map(|file| Wanted::from(file.document().clone())).unwrap_or_default();
        let at = Standing::of_unused(store.link()).await?.now;
        let contents = store.configuration.load().await.map_err(DataError::Configuration)?;
        let ledger = Ledger::sharing(policy(declared), ManualClock::at(at), store.clone(), false);
        // What the file says goes before what is stored, as it does when both are served.
        let limits = contents.limits.into_iter().map(|(limit, _)| limit).chain(of_file.limits);
        let models = contents.models.into_iter().map(|(model, _)| model).chain(of_file.models);
        put_rules_in_force(limits, models.collect(), &ledger)?;
        for config in contents.clients.iter().map(|(config, _)| config).chain(&of_file.clients) {
            ledger.configure(config);
        }
        Ok(Self { ledger, at })
    }
}

/// What was counted of ids that are denied now is written down all the same.
fn policy(declared: &Declared) -> Policy {
    let policy = declared.policy;
    match policy.unknown_clients {
        UnknownClients::Deny => Policy { unknown_clients: UnknownClients::Allow, ..policy },
        UnknownClients::Shared { .. } | UnknownClients::Allow => policy,
    }
}

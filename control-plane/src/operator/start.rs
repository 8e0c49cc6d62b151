//! What is done with the configuration when the process starts, before anybody asks.

use std::sync::Arc;

use super::{Caller, Draft, IfMatch, Operator, OperatorError, rules::put_rules_in_force};
use crate::{
    clients::Revision,
    store::{Contents, Edit},
};

/// The clients of a first start, so that there is something to try: id, RPM and TPM.
const DEMO_CLIENTS: [(&str, u64, u64); 3] =
    [("demo-client", 60, 1_000), ("test-client", 30, 500), ("premium-client", 120, 2_000)];

/// What a start found in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// How many clients are configured.
    pub clients: usize,
    /// Whether nobody has ever written there.
    pub is_first_start: bool,
}

/// Puts everything in force that is stored.
pub async fn load(operator: &Arc<Operator>) -> Result<Found, OperatorError> {
    let loading = Arc::clone(operator);
    let load = async move {
        let contents = loading.store.load().await?;
        loading.revisions.loaded(&contents);
        let Contents { clients, limits, models, newest, lost: _ } = contents;
        let limits = limits.into_iter().map(|(limit, _)| limit);
        let models = models.into_iter().map(|(model, _)| model).collect();
        put_rules_in_force(limits, models, &loading.ledger)?;
        for (config, _) in &clients {
            loading.ledger.configure(config);
        }
        Ok(Found { clients: clients.len(), is_first_start: newest == Revision::NONE })
    };
    operator.writer.run(load).await
}

/// Has those who share the store agree on the limits of ids that nobody configured. It takes a turn also
/// where these are denied, for there is none while an import is under way.
pub async fn declare_unknown(operator: &Arc<Operator>) -> Result<(), OperatorError> {
    let unknown = operator.ledger.unknown_config();
    let declaring = Arc::clone(operator);
    let declare = async move {
        let Some(unknown) = unknown else { return Ok(()) };
        let declared = declaring.store.declare(&[Edit::PutClient(unknown)]).await?;
        declaring.revisions.has_stored(declared);
        Ok(())
    };
    operator.in_turn(declare).await
}

/// Configures the demo clients when no client is configured.
pub async fn seed_demo_clients(operator: &Arc<Operator>) -> Result<(), OperatorError> {
    if !operator.ledger.is_empty() {
        return Ok(());
    }
    for (id, rpm, tpm) in DEMO_CLIENTS {
        let draft = Draft::new(id, Some(rpm), Some(tpm));
        operator.set(draft, IfMatch::Anything, &Caller::Process).await?;
    }
    Ok(())
}

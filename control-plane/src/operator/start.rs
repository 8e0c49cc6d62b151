//! What is done with the configuration when the process starts, before anybody asks.

use std::sync::Arc;

use super::{Caller, Draft, Operator, OperatorError, Precondition, rules::put_rules_in_force};
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
    /// Whether nobody has ever written there, but for tokens.
    pub is_first_start: bool,
}

/// Puts everything in force that is stored.
pub async fn load(operator: &Arc<Operator>) -> Result<Found, OperatorError> {
    let loading = Arc::clone(operator);
    let load = async move {
        let contents = loading.store.load().await?;
        loading.revisions.loaded(&contents);
        let is_of_tokens_alone = has_tokens_alone(&contents);
        let Contents { clients, limits, models, keys, tokens, newest, lost: _ } = contents;
        let limits = limits.into_iter().map(|(limit, _)| limit);
        let models = models.into_iter().map(|(model, _)| model).collect();
        put_rules_in_force(limits, models, &loading.ledger)?;
        for (config, _) in &clients {
            loading.ledger.configure(config);
        }
        for (key, _) in keys {
            loading.ledger.put_key(key);
        }
        for (token, _) in tokens {
            loading.ledger.tokens().put(token);
        }
        let is_first_start = newest == Revision::NONE || is_of_tokens_alone;
        Ok(Found { clients: clients.len(), is_first_start })
    };
    operator.writer.run(load).await
}

/// Whether all that was ever written are tokens that were made before the first start, each by itself.
fn has_tokens_alone(contents: &Contents) -> bool {
    let Contents { clients, limits, models, keys, tokens, newest, lost: _ } = contents;
    let has_others =
        !(clients.is_empty() && limits.is_empty() && models.is_empty() && keys.is_empty());
    !has_others && u64::try_from(tokens.len()) == Ok(newest.get())
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
        operator.set(draft, Precondition::Anything, &Caller::Process).await?;
    }
    Ok(())
}

//! What is supposed to have been in force.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;
use limiter::ClientId;

use crate::{
    clients::ClientConfig,
    ledger::Ledger,
    limits::{Limit, ModelName, Models, Name, Patterns},
};

/// What is supposed in place of what was in force. All of it was judged like a write.
#[derive(Debug)]
pub enum Supposed {
    /// All was as it was.
    Nothing,
    /// One client was configured so.
    Client(ClientConfig),
    /// One limit was there and was so. Where its model was not known by then, it is known by these
    /// patterns.
    Limit(Limit, Option<Patterns>),
    /// All was so.
    Everything {
        /// All limits.
        limits: Vec<Limit>,
        /// All models.
        models: Models,
        /// The clients that are not as they are now; `None`: there is no such client.
        clients: HashMap<ClientId, Option<ClientConfig>, RandomState>,
    },
}

/// How a client is configured where something is supposed.
pub(super) enum SupposedClient {
    /// As it was.
    AsItWas,
    /// So.
    Configured(Box<ClientConfig>),
    /// Not at all.
    Unknown,
}

impl Supposed {
    /// How a client is configured; `ledger` has those that are as they are now.
    pub(super) fn client(&self, id: &ClientId, ledger: &Ledger) -> SupposedClient {
        let now = match self {
            Self::Client(config) if config.id == *id => Some(config.clone()),
            Self::Nothing | Self::Client(_) | Self::Limit(..) => return SupposedClient::AsItWas,
            Self::Everything { clients, .. } => match clients.get(id) {
                Some(changed) => changed.clone(),
                None => ledger.config(id.as_str()),
            },
        };
        now.map_or(SupposedClient::Unknown, |config| SupposedClient::Configured(Box::new(config)))
    }

    /// Which limits and models are in force where these were; `None`: those that are already.
    pub(super) fn rules(&self, limits: Vec<Limit>, models: &Models) -> (Vec<Limit>, Models) {
        match self {
            Self::Nothing | Self::Client(_) => (limits, models.clone()),
            Self::Limit(supposed, patterns) => {
                let others = limits.into_iter().filter(|limit| limit.name != supposed.name);
                let limits = others.chain([supposed.clone()]).collect();
                (limits, with_model(models, supposed, patterns.as_ref()))
            }
            Self::Everything { limits, models, .. } => (limits.clone(), models.clone()),
        }
    }

    /// Whether limits and models are the same all the time.
    pub(super) fn has_rules_of_its_own(&self) -> bool {
        matches!(self, Self::Everything { .. })
    }

    /// Whether a limit is as it was.
    pub(super) fn leaves(&self, limit: &str) -> bool {
        match self {
            Self::Nothing | Self::Client(_) => true,
            Self::Limit(supposed, _) => supposed.name.as_str() != limit,
            Self::Everything { .. } => false,
        }
    }
}

/// The models, with the one that a limit is for, as far as it can stand beside the others.
fn with_model(models: &Models, limit: &Limit, patterns: Option<&Patterns>) -> Models {
    let (Some(ModelName::Named(name)), Some(patterns)) = (&limit.matches.model, patterns) else {
        return models.clone();
    };
    if models.get(name.as_str()).is_some() {
        return models.clone();
    }
    let mut with: BTreeMap<Name, Patterns> = models.to_map();
    with.insert(name.clone(), patterns.clone());
    Models::new(with).unwrap_or_else(|_| models.clone())
}

//! What is supposed to have been in force.

use std::collections::BTreeMap;

use limiter::ClientId;

use crate::{
    clients::ClientConfig,
    ledger::shared::SharedName,
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
        /// All clients.
        clients: SupposedClients,
    },
}

/// All clients that there are.
#[derive(Debug, Default)]
pub struct SupposedClients(Vec<ClientConfig>);

impl From<Vec<ClientConfig>> for SupposedClients {
    fn from(mut clients: Vec<ClientConfig>) -> Self {
        clients.sort_unstable_by(|a, b| a.id.as_str().cmp(b.id.as_str()));
        Self(clients)
    }
}

impl SupposedClients {
    /// How a client is configured; `None`: it is not.
    pub fn get(&self, id: &str) -> Option<&ClientConfig> {
        let found = self.0.binary_search_by(|client| client.id.as_str().cmp(id));
        self.0.get(found.ok()?)
    }
}

/// How a client is configured where something is supposed.
pub(super) enum SupposedClient<'a> {
    /// As it was.
    AsItWas,
    /// So.
    Configured(&'a ClientConfig),
    /// Not at all.
    Unknown,
}

impl Supposed {
    /// How a client is configured.
    pub(super) fn client(&self, id: &ClientId) -> SupposedClient<'_> {
        match self {
            Self::Client(config) if config.id == *id => SupposedClient::Configured(config),
            Self::Nothing | Self::Client(_) | Self::Limit(..) => SupposedClient::AsItWas,
            Self::Everything { clients, .. } => {
                clients.get(id.as_str()).map_or(SupposedClient::Unknown, SupposedClient::Configured)
            }
        }
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

    /// Whether a bucket that was made anew then, since nobody was in its group or on its plan any more, is
    /// made anew here.
    pub(super) fn remakes(&self, bucket: &SharedName) -> bool {
        let SharedName { limit, group, plan, .. } = bucket;
        match self {
            Self::Nothing => true,
            Self::Client(config) => {
                let is_in_it = group.is_none() || *group == config.group;
                !(is_in_it && (plan.is_none() || *plan == config.plan))
            }
            Self::Limit(supposed, _) => supposed.name != *limit,
            Self::Everything { .. } => false,
        }
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

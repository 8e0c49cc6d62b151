//! Which requests a limit is for, and which of them share a bucket.

use limiter::ClientId;
use serde::{Deserialize, Serialize};

use super::{Group, Name};

/// Which requests a limit is for: all that is given has to hold, and nothing given is every request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    /// One client; `unknown` is the one that all share who are not configured.
    pub client: Option<ClientId>,
    /// Everybody in this group and beneath it.
    pub group: Option<Group>,
    /// Everybody on this plan.
    pub plan: Option<Name>,
    /// Requests for this model; `other` is every model without a name, and none.
    pub model: Option<ModelName>,
}

/// For each value of which a limit has a bucket of its own; for none of them it has one bucket, which
/// all its requests share.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "any of them may be among them")]
pub struct Each {
    /// Each client.
    pub client: bool,
    /// Each client's own group, not its parents.
    pub group: bool,
    /// Each plan.
    pub plan: bool,
    /// Each named model, and `other`.
    pub model: bool,
}

/// What a request is known by: who asks, and for which model.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The client, or `unknown`.
    pub client: &'a ClientId,
    /// Its group.
    pub group: Option<&'a Group>,
    /// Its plan.
    pub plan: Option<&'a Name>,
}

/// A model that a limit can name: one that is configured, or all others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ModelName {
    /// A configured one.
    Named(Name),
    /// Every other, and a request without one.
    Other,
}

impl ModelName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Named(name) => name.as_str(),
            Self::Other => ClientId::OTHER,
        }
    }
}

impl Match {
    /// Whether requests of `subject` are among them, for some model.
    pub fn includes(&self, subject: &Subject<'_>) -> bool {
        let is_client = self.client.as_ref().is_none_or(|client| client == subject.client);
        let is_in_group = self
            .group
            .as_ref()
            .is_none_or(|above| subject.group.is_some_and(|group| group.is_within(above)));
        let is_on_plan = self.plan.as_ref().is_none_or(|plan| subject.plan == Some(plan));
        is_client && is_in_group && is_on_plan
    }
}

impl Each {
    /// What can be among them, in the order in which it is written.
    pub const WORDS: [&'static str; 4] = ["client", "group", "plan", "model"];

    /// Adds what is called so. Refuses what is there already, and what cannot be.
    pub fn add(&mut self, word: &str) -> Result<(), InvalidEach> {
        let flag = match word {
            "client" => &mut self.client,
            "group" => &mut self.group,
            "plan" => &mut self.plan,
            "model" => &mut self.model,
            _ => return Err(InvalidEach::Unknown),
        };
        if *flag {
            return Err(InvalidEach::Repeated);
        }
        *flag = true;
        Ok(())
    }

    /// What they are called wherever they are named.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        let flags = [self.client, self.group, self.plan, self.model];
        Self::WORDS.into_iter().zip(flags).filter_map(|(word, is_set)| is_set.then_some(word))
    }

    /// Whether `subject` has a value for all of them. Every request has a model.
    pub fn is_known_of(self, subject: &Subject<'_>) -> bool {
        (!self.group || subject.group.is_some()) && (!self.plan || subject.plan.is_some())
    }
}

/// What is not one more of those for which a limit has buckets of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEach {
    /// There is nothing of that name.
    #[error("must be client, group, plan or model")]
    Unknown,
    /// It was given before.
    #[error("must be given once")]
    Repeated,
}

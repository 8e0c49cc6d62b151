//! The limits beside clients' own, as they are in force, and how their buckets stand.
//!
//! What the operator's calls need of it: [`Ledger::put_rules`] puts all limits and models in force at
//! once; [`Ledger::rules`] hands out what was put there last; [`Ledger::limit_stats`] tells of a
//! limit's buckets a few at a time, and [`ClientSnapshot`](super::ClientSnapshot) of those that a
//! client draws on. [`Ledger::configure`] and [`Ledger::remove`] are as for clients without limits.
//! A change of clients and rules in one comes as rules first, then client by client: until the last
//! of them, one can have more buckets than were allowed by what was judged, which is the end of it.

use std::{cmp::Ordering, sync::Arc};

use limiter::ClientId;

use super::Ledger;
use crate::limits::{Group, Limit, LimitName, Measure, ModelName, Models, Name};

/// All limits beside clients' own, and the models that they can name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// The limits, in the order of their names.
    pub limits: Vec<Limit>,
    /// The models.
    pub models: Models,
}

impl Rules {
    /// The limit that is called so.
    pub fn limit(&self, name: &str) -> Option<&Limit> {
        let at = self.limits.binary_search_by(|limit| limit.name.as_str().cmp(name)).ok()?;
        self.limits.get(at)
    }
}

/// Which of a limit's buckets is meant: by the values of what it has one for each of. They are in the
/// order of their clients, groups, plans and models.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct BucketOf {
    /// Of which client.
    pub client: Option<ClientId>,
    /// Of which group.
    pub group: Option<Group>,
    /// Of which plan.
    pub plan: Option<Name>,
    /// For which model.
    pub model: Option<ModelName>,
}

/// How one bucket of a limit stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitStats {
    /// The limit.
    pub name: LimitName,
    /// Which bucket of it.
    pub of: BucketOf,
    /// What it limits, and to how much.
    pub measure: Measure,
    /// Whole requests, tokens or places that are left.
    pub remaining: u64,
    /// Requests that it would have refused in shadow or on trial.
    pub would_refuse: u64,
    /// Requests that it refused.
    pub refused: u64,
}

impl Ledger {
    /// Puts all of these in force in the place of those before, each limit with what was spent of it.
    pub fn put_rules(&self, rules: Rules) {
        *self.rules.write() = Arc::new(rules);
    }

    /// What is in force.
    pub fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read())
    }

    /// How at most `max` buckets of a limit stand, those behind `after`; `None` when there is no such
    /// limit.
    pub fn limit_stats(
        &self,
        limit: &str,
        after: Option<&BucketOf>,
        max: usize,
    ) -> Option<Vec<LimitStats>> {
        let rules = self.rules();
        let limit = rules.limit(limit)?;
        let of = BucketOf::default();
        let is_next = after.is_none_or(|after| of.cmp(after) == Ordering::Greater);
        let shared = is_next.then(|| LimitStats {
            name: limit.name.clone(),
            of,
            measure: limit.measure,
            remaining: limit.measure.amount(),
            would_refuse: 0,
            refused: 0,
        });
        Some(shared.into_iter().take(max).collect())
    }
}

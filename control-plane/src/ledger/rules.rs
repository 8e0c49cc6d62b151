//! A stand-in: it keeps limits and models, and decides nothing by them.

use parking_lot::RwLock;

use super::{BucketOf, BucketStanding, Ledger, LimitStats};
use crate::limits::{Limit, Models};

/// What was put in force last.
#[derive(Debug, Default)]
pub(super) struct Rules(RwLock<(Vec<Limit>, Models)>);

impl Ledger {
    /// Puts these limits and models in force in place of all others; what was spent stays spent.
    pub fn put_rules(&self, limits: Vec<Limit>, models: Models) {
        *self.rules.0.write() = (limits, models);
    }

    /// The limits in force beside clients' own, in the order of their names.
    pub fn limits(&self) -> Vec<Limit> {
        self.rules.0.read().0.clone()
    }

    /// The models in force.
    pub fn models(&self) -> Models {
        self.rules.0.read().1.clone()
    }

    /// How a limit stands, with at most `max` of its buckets, those behind `after`; `None` when there
    /// is no such limit.
    pub fn limit_stats(
        &self,
        limit: &str,
        after: Option<&BucketOf>,
        max: usize,
    ) -> Option<LimitStats> {
        let limit = self.limits().into_iter().find(|known| known.name.as_str() == limit)?;
        let of = BucketOf::default();
        let is_next = after.is_none_or(|after| of > *after);
        let remaining = limit.measure.amount();
        let shared = is_next.then_some(BucketStanding { of, remaining, trial_remaining: None });
        let buckets = shared.into_iter().take(max).collect();
        Some(LimitStats { limit, refused: 0, would_refuse: 0, buckets })
    }
}

//! A limit as it is in force now.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use limiter::{Tokens, UnixMillis};

use super::{ModelNumber, shelf::Shelves};
use crate::{
    ledger::{
        keys::{BesideKey, Part, SharedKey},
        stock::{Stock, Stocks},
    },
    limits::{Limit, LimitMode, Measure},
};

/// The number of a limit, which no other limit gets while the process runs. One that counts another
/// thing than before, or shares it otherwise, is another limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::ledger) struct LimitNumber(pub(super) u32);

/// A limit, and what there is of it beside its buckets.
#[derive(Debug)]
pub(in crate::ledger) struct InForce {
    pub(in crate::ledger) number: LimitNumber,
    pub(in crate::ledger) config: Limit,
    /// What it is to be on trial.
    trial: Option<Measure>,
    /// Since when its numbers hold.
    since: UnixMillis,
    pub(in crate::ledger) counted: Arc<Counted>,
    /// Its buckets that clients share.
    pub(super) shelves: Arc<Shelves>,
}

/// How often a limit refused, or would have.
#[derive(Debug, Default)]
pub(in crate::ledger) struct Counted {
    /// Requests that it refused.
    pub(in crate::ledger) enforced: AtomicU64,
    /// That it would have refused, were it or the request's filter not in shadow.
    pub(in crate::ledger) shadow: AtomicU64,
    /// That it would have refused by the number on trial.
    pub(in crate::ledger) trial: AtomicU64,
}

impl InForce {
    /// A limit that was not there before.
    pub(super) fn new(
        number: LimitNumber,
        config: Limit,
        counted: Arc<Counted>,
        now: UnixMillis,
    ) -> Self {
        Self {
            number,
            trial: config.on_trial(),
            config,
            since: now,
            counted,
            shelves: Arc::default(),
        }
    }

    /// The same limit with another configuration, where what was spent of it means the same there.
    pub(super) fn with(&self, config: &Limit, now: UnixMillis) -> Option<Self> {
        (self.config.kind() == config.kind()).then(|| Self {
            number: self.number,
            trial: config.on_trial(),
            config: config.clone(),
            since: now,
            counted: Arc::clone(&self.counted),
            shelves: Arc::clone(&self.shelves),
        })
    }

    /// What it limits to, by the number that is meant.
    pub(in crate::ledger) fn measure(&self, part: Part) -> Option<Measure> {
        match part {
            Part::Main => Some(self.config.measure),
            Part::Trial => self.trial,
        }
    }

    /// The same; for a number on trial that is no more, the one that is there.
    pub(in crate::ledger) fn measure_or_main(&self, part: Part) -> Measure {
        self.measure(part).unwrap_or(self.config.measure)
    }

    /// Whether it refuses by the number that is meant.
    pub(in crate::ledger) fn refuses_by(&self, part: Part) -> bool {
        part == Part::Main && self.config.mode == LimitMode::Enforce
    }

    /// What is left of a bucket by the number that is meant, of which `stock` was left when it was
    /// last looked at. `None`: it has no such number.
    pub(in crate::ledger) fn stock(
        &self,
        part: Part,
        stock: Option<&Stock>,
        now: UnixMillis,
    ) -> Option<Stock> {
        let measure = self.measure(part)?;
        Some(match stock.copied() {
            None => Stock::full(measure, now),
            Some(mut stock) => {
                stock.change(measure, self.since);
                stock
            }
        })
    }

    /// Goes on with what is left of a bucket under other numbers, from `now` on. What a number on trial
    /// left stays when that goes, for requests that are under way, and for the number that comes back.
    pub(in crate::ledger) fn change(&self, stocks: &mut Stocks, now: UnixMillis) {
        for part in [Part::Main, Part::Trial] {
            if let (Some(stock), Some(measure)) = (stocks.get_mut(part), self.measure(part)) {
                stock.change(measure, now);
            }
        }
    }

    /// Whether what is left of a bucket is under its numbers already.
    pub(in crate::ledger) fn is_as_it_stands(&self, stocks: &Stocks) -> bool {
        [Part::Main, Part::Trial].into_iter().all(|part| {
            let stock = stocks.get(part);
            stock.zip(self.measure(part)).is_none_or(|(stock, measure)| stock.is_under(measure))
        })
    }

    /// The same, since its numbers hold.
    pub(in crate::ledger) fn bring_up(&self, stocks: &mut Stocks) {
        self.change(stocks, self.since);
    }

    /// Goes on at `now` with what was taken back of a bucket as it stood at `last`; whether that made
    /// anything else of it than the time alone does.
    pub(in crate::ledger) fn go_on(
        &self,
        stocks: &mut Stocks,
        last: UnixMillis,
        now: UnixMillis,
    ) -> bool {
        let mut is_changed = false;
        for part in [Part::Main, Part::Trial] {
            if let Some(stock) = stocks.get_mut(part) {
                is_changed |= stock.go_on(self.measure(part), last, now);
            }
        }
        is_changed
    }

    /// Whether it counts requests or tokens in windows, and not requests at a time.
    pub(in crate::ledger) fn counts_windows(&self) -> bool {
        !matches!(self.config.measure, Measure::Concurrent(_))
    }

    /// Its buckets that clients share.
    pub(in crate::ledger) fn shared_keys(&self) -> Vec<SharedKey> {
        self.shelves.keys()
    }

    /// The most tokens that one request can have; `None`: it refuses none for its tokens.
    pub(in crate::ledger) fn tokens_at_once(&self) -> Option<Tokens> {
        match self.config.measure {
            Measure::Tokens(quota) if self.refuses_by(Part::Main) => {
                Tokens::new(quota.burst()).ok()
            }
            _ => None,
        }
    }

    /// Whether each client has buckets of its own.
    pub(in crate::ledger) fn is_clients_own(&self) -> bool {
        self.config.each.client
    }

    /// A client's own bucket, of a request for `model`.
    pub(in crate::ledger) fn beside_key(&self, model: ModelNumber) -> BesideKey {
        BesideKey { limit: self.number, model: self.config.each.model.then_some(model) }
    }

    /// It refused requests, or would have if their filter were not in shadow.
    pub(in crate::ledger) fn count_refused(&self, requests: u64, in_shadow: bool) {
        let counted = if in_shadow { &self.counted.shadow } else { &self.counted.enforced };
        counted.fetch_add(requests, Ordering::Relaxed);
    }

    /// It would have refused a request by the number that is meant, but nobody was refused.
    pub(in crate::ledger) fn count_overdrawn(&self, part: Part) {
        match part {
            Part::Main => &self.counted.shadow,
            Part::Trial => &self.counted.trial,
        }
        .fetch_add(1, Ordering::Relaxed);
    }
}

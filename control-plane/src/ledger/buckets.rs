//! What the ledger tells of a limit's buckets.

use std::sync::atomic::Ordering;

use limiter::ClientId;

use super::{
    Client, Ledger,
    keys::Part,
    rules::{InForce, Named},
    slots::Books,
    stock::Stocks,
};
use crate::{
    clients::CLIENTS_AT_A_TIME,
    limits::{Each, Group, Limit, LimitMode, ModelName, Name},
};

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
pub struct BucketStanding {
    /// Which one.
    pub of: BucketOf,
    /// Whole requests, tokens or places that are left.
    pub remaining: u64,
    /// The same of the number on trial; `None`: there is none.
    pub trial_remaining: Option<u64>,
}

/// How a limit stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitStats {
    /// As it is configured.
    pub limit: Limit,
    /// Requests that it refused.
    pub refused: u64,
    /// Requests that it would have refused in shadow or by the number on trial.
    pub would_refuse: u64,
    /// Some of its buckets.
    pub buckets: Vec<BucketStanding>,
}

impl Ledger {
    /// How a limit stands, with at most `max` of its buckets, those behind `after`; `None` when there
    /// is no such limit.
    pub fn limit_stats(
        &self,
        limit: &str,
        after: Option<&BucketOf>,
        max: usize,
    ) -> Option<LimitStats> {
        let limit = self.rules.limit(limit)?;
        let buckets = if limit.config.mode == LimitMode::Off {
            Vec::new()
        } else if limit.is_clients_own() {
            self.clients_buckets(&limit, after, max)
        } else {
            self.shared_buckets(&limit, after, max)
        };
        let count = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
        let counted = &limit.counted;
        Some(LimitStats {
            limit: limit.config.clone(),
            refused: count(&counted.enforced),
            would_refuse: count(&counted.shadow).saturating_add(count(&counted.trial)),
            buckets,
        })
    }

    fn shared_buckets(
        &self,
        limit: &InForce,
        after: Option<&BucketOf>,
        max: usize,
    ) -> Vec<BucketStanding> {
        let read = limit.shared_keys().into_iter().filter_map(|key| {
            let books = self.shared.books_of(key)?;
            let name = books.name.as_ref()?;
            let (group, plan, model) = (name.group.clone(), name.plan.clone(), name.model.clone());
            let of = BucketOf { client: None, group, plan, model };
            let is_next = after.is_none_or(|after| of > *after);
            is_next.then(|| self.bucket_standing(limit, of, &books.stocks))
        });
        let mut buckets: Vec<_> = read.collect();
        if buckets.is_empty() && after.is_none() && limit.config.each == Each::default() {
            // There is one, which nobody could draw on yet.
            buckets.push(self.bucket_standing(limit, BucketOf::default(), &Stocks::default()));
        }
        buckets.sort_by(|a, b| a.of.cmp(&b.of));
        buckets.truncate(max);
        buckets
    }

    /// Of a limit that has a bucket for each client: of each client to which it applies, a few at a
    /// time.
    fn clients_buckets(
        &self,
        limit: &InForce,
        after: Option<&BucketOf>,
        max: usize,
    ) -> Vec<BucketStanding> {
        let named = self.rules.named();
        let read = |client: &Client| self.buckets_of_client(limit, client, &named);
        let mut buckets = Vec::new();
        let mut last = after.and_then(|after| after.client.clone());
        // Of the client at which the page before ended there may be more.
        if let Some(client) = last.as_ref().and_then(|last| self.clients.get(last.as_str())) {
            buckets = read(&client);
            buckets.retain(|bucket| after.is_some_and(|after| bucket.of > *after));
        }
        while buckets.len() < max {
            let clients = self.clients.after(last.as_ref(), CLIENTS_AT_A_TIME, |client| {
                (client.id.clone(), read(client))
            });
            let Some((next, _)) = clients.last() else { break };
            last = Some(next.clone());
            buckets.extend(clients.into_iter().flat_map(|(_, buckets)| buckets));
        }
        buckets.truncate(max);
        buckets
    }

    fn buckets_of_client(
        &self,
        limit: &InForce,
        client: &Client,
        named: &Named,
    ) -> Vec<BucketStanding> {
        let subject = client.subject();
        if !limit.config.concerns(&subject) {
            return Vec::new();
        }
        let each = limit.config.each;
        let of = |model| BucketOf {
            client: Some(client.id.clone()),
            group: subject.group.filter(|_| each.group).cloned(),
            plan: subject.plan.filter(|_| each.plan).cloned(),
            model,
        };
        let full = || {
            // Those for models that were never asked for are not there.
            let one =
                (!each.model).then(|| self.bucket_standing(limit, of(None), &Stocks::default()));
            one.into_iter().collect()
        };
        let Some(slot) = client.entry.slot.get() else { return full() };
        let Books { balances, .. } = &*self.slots.books(slot);
        let own = balances.beside.iter().filter(|(key, _)| key.limit == limit.number);
        let mut buckets: Vec<_> = own
            .map(|(key, stocks)| {
                let model = key.model.and_then(|model| named.model(model)).cloned();
                self.bucket_standing(limit, of(model), stocks)
            })
            .collect();
        if buckets.is_empty() {
            return full();
        }
        buckets.sort_by(|a, b| a.of.cmp(&b.of));
        buckets
    }

    fn bucket_standing(&self, limit: &InForce, of: BucketOf, stocks: &Stocks) -> BucketStanding {
        let now = self.clock.now();
        let left = |part| Some(limit.stock(part, stocks.get(part), now)?.remaining(now));
        BucketStanding {
            of,
            remaining: left(Part::Main).unwrap_or_default(),
            trial_remaining: left(Part::Trial),
        }
    }
}

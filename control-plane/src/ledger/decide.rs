//! The way into the ledger: asks are decided and, when they pass, charged.

use std::sync::atomic::Ordering;

use limiter::{Dimension, Tokens, UnixMillis};

use super::{
    Answer, Ask, Client, Ledger, RequestKind, Reservation, Unknown, policy::EstimateSource,
    record::Record,
};

impl Ledger {
    /// Decides over each of `asks` in turn, charges what passes and counts all.
    ///
    /// One decision is one atomic step over all limits of its client, whoever else asks.
    #[expect(clippy::unused_async, reason = "a store that is shared is a round trip away")]
    pub async fn decide(&self, asks: &[Ask<'_>]) -> Vec<Answer> {
        let now = self.clock.now();
        asks.iter().map(|ask| self.decide_one(ask, now)).collect()
    }

    /// Counts requests that were refused where they arrived, for a limit that had just refused
    /// others of their client.
    pub fn count_dropped(&self, client: &str, limit: Dimension, requests: u64) {
        let now = self.clock.now();
        if let Some(client) = self.clients.get(client) {
            return self.count_dropped_of(&client, limit, requests, now);
        }
        match &self.unknown {
            Unknown::Shared(client) => self.count_dropped_of(client, limit, requests, now),
            // Nothing refused them but a limit that was there a moment ago.
            Unknown::Denied { count } => {
                count.fetch_add(requests, Ordering::Relaxed);
            }
        }
    }

    fn count_dropped_of(&self, client: &Client, limit: Dimension, requests: u64, now: UnixMillis) {
        let slot = client.slot.get_or_take(&self.slots);
        self.slots.books(slot).record.dropped(limit, requests, now);
    }

    #[inline]
    fn decide_one(&self, ask: &Ask<'_>, now: UnixMillis) -> Answer {
        if let Some(client) = self.clients.get(ask.client) {
            return self.decide_for(&client, ask, now);
        }
        match &self.unknown {
            Unknown::Shared(client) => self.decide_for(client, ask, now),
            Unknown::Denied { count } => {
                count.fetch_add(1, Ordering::Relaxed);
                Answer::UnknownClient
            }
        }
    }

    #[inline]
    fn decide_for(&self, client: &Client, ask: &Ask<'_>, now: UnixMillis) -> Answer {
        let slot = client.slot.get_or_take(&self.slots);
        let mut books = self.slots.books(slot);
        let reserved = self.estimate(client, &books.record, ask, now);
        let limits = client.config.limits_in_force();
        let (decided, standing) = books.balances.decide(limits, reserved, now);
        match decided {
            Ok(charges) => {
                books.record.admitted(now);
                let reservation = Reservation {
                    owner: ask.owner,
                    id: ask.id,
                    slot: books.key(slot),
                    kind: ask.kind,
                    charges,
                    reserved,
                };
                Answer::Admitted { reservation, standing }
            }
            Err(refusal) => {
                books.record.dropped(refusal.limit, 1, now);
                Answer::Refused { refusal, reserved, standing }
            }
        }
    }

    /// How many tokens a request reserves.
    ///
    /// What its client did not say itself (the learned, the default and the least estimate) is capped
    /// at what a full bucket holds: a client whose usual request is larger than its limit waits for
    /// the full bucket, and is not locked out for ever.
    #[inline]
    fn estimate(&self, client: &Client, record: &Record, ask: &Ask<'_>, now: UnixMillis) -> Tokens {
        let policy = &self.policy.estimate;
        let within_limit = |tokens: Tokens| match client.config.limits.tpm {
            Some(limit) => tokens.min(limit.into()),
            None => tokens,
        };
        let learned = match policy.source {
            EstimateSource::Header => None,
            EstimateSource::Learned => record.learned_estimate(now),
        };
        let estimate = ask
            .estimate
            .max(learned.map(within_limit))
            .unwrap_or_else(|| within_limit(policy.default));
        match ask.kind {
            RequestKind::Generates => {
                let min = client.config.min_estimate.unwrap_or(policy.min);
                estimate.max(within_limit(min))
            }
            RequestKind::Reads | RequestKind::Counts => estimate,
        }
    }
}

//! The way into the ledger: asks are decided and, when they pass, charged.

use std::sync::atomic::Ordering;

use limiter::{Dimension, Tokens, UnixMillis};
use parking_lot::MutexGuard;

use super::{
    Answer, Ask, Client, Ledger, RequestKind, Reservation, RetryAfter, Unknown, Worker, WorkerId,
    journal::Pen, policy::EstimateSource, record::Record, worker::Held, written::opened,
};

/// A worker that asks, and what is written down of it meanwhile.
struct Asking<'a> {
    worker: WorkerId,
    held: MutexGuard<'a, Held>,
    pen: Pen<'a>,
    now: UnixMillis,
}

impl Ledger {
    /// Decides over each of a worker's `asks` in turn, charges what passes and counts all. What is
    /// answered is written down by then, and so is all that has ended before.
    ///
    /// One decision is one atomic step over all limits of its client, whoever else asks. A request
    /// that is asked for again, since its worker knows of no answer, is answered with what was decided.
    #[expect(clippy::unused_async, reason = "a store that is shared is a round trip away")]
    pub async fn decide(&self, worker: &Worker, asks: &[Ask<'_>]) -> Vec<Answer> {
        let now = self.clock.now();
        let mut held = worker.lock();
        held.begin_frame();
        let mut asking = Asking { worker: worker.id(), held, pen: self.journal.pen(), now };
        let answers = asks.iter().map(|ask| self.decide_one(ask, &mut asking)).collect();
        self.journal.write(asking.pen, &self.slots, now);
        answers
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
            Unknown::Denied(denied) => {
                denied.refused.fetch_add(requests, Ordering::Relaxed);
            }
        }
    }

    fn count_dropped_of(&self, client: &Client, limit: Dimension, requests: u64, now: UnixMillis) {
        let slot = client.slot.get_or_take(&self.slots, &client.config.id);
        self.slots.books(slot).record.dropped(limit, requests, now);
        self.touch(slot);
    }

    #[inline]
    fn decide_one(&self, ask: &Ask<'_>, asking: &mut Asking<'_>) -> Answer {
        let answer = match self.decided(ask, asking) {
            Some(answer) => answer,
            None => self.decide_anew(ask, asking),
        };
        asking.held.note(ask.id, &answer);
        answer
    }

    #[inline]
    fn decide_anew(&self, ask: &Ask<'_>, asking: &mut Asking<'_>) -> Answer {
        if let Some(client) = self.clients.get(ask.client) {
            // In shadow it passes, and nobody comes back at a moment of its own.
            let in_shadow = asking.held.is_in_shadow;
            let retry_after = if in_shadow { RetryAfter::Exact } else { self.policy.retry_after };
            return self.decide_for(&client, true, ask, retry_after, asking);
        }
        match &self.unknown {
            Unknown::Shared(client) => {
                self.unconfigured.note(ask.client, "it counts as `unknown`", asking.now);
                // Moments of their own would be kept to by some of them, and be taken by others.
                self.decide_for(client, false, ask, RetryAfter::Exact, asking)
            }
            Unknown::Denied(denied) => {
                let (what, count) = if asking.held.is_in_shadow {
                    ("it is denied, and passes in shadow", &denied.in_shadow)
                } else {
                    ("it is denied", &denied.refused)
                };
                self.unconfigured.note(ask.client, what, asking.now);
                count.fetch_add(1, Ordering::Relaxed);
                Answer::UnknownClient
            }
        }
    }

    /// What was decided over a request that is asked for again.
    #[inline]
    fn decided(&self, ask: &Ask<'_>, asking: &mut Asking<'_>) -> Option<Answer> {
        let Some(reservation) = asking.held.reservations.get(&ask.id) else {
            return asking.held.repeat(ask.id);
        };
        let standing = self.with_client(ask.client, |client| {
            let books = self.slots.books_of(reservation.slot)?;
            Some(books.balances.standing(client.config.limits_in_force(), asking.now))
        });
        let standing = standing.flatten().unwrap_or_default();
        Some(Answer::Admitted {
            reserved: reservation.reserved,
            is_followed: true,
            is_configured: self.clients.get(ask.client).is_some(),
            standing,
        })
    }

    #[inline]
    fn decide_for(
        &self,
        client: &Client,
        is_configured: bool,
        ask: &Ask<'_>,
        retry_after: RetryAfter,
        asking: &mut Asking<'_>,
    ) -> Answer {
        let Asking { worker, held, pen, now } = asking;
        let now = *now;
        let slot = client.slot.get_or_take(&self.slots, &client.config.id);
        pen.touch(slot);
        let mut books = self.slots.books(slot);
        let reserved = self.estimate(client, &books.record, ask, now);
        let limits = client.config.limits_in_force();
        let (decided, standing) = books.balances.decide(limits, reserved, retry_after, now);
        match decided {
            Ok(charges) => {
                books.record.admitted(now);
                let is_followed = self.workers.take_place(held.reservations.len());
                if is_followed {
                    let slot = books.key(slot);
                    let reservation = Reservation { slot, kind: ask.kind, charges, reserved };
                    pen.note(|| opened(*worker, ask.id, &client.config.id, &reservation));
                    held.reservations.insert(ask.id, reservation);
                } else {
                    books.record.lost(reserved);
                }
                Answer::Admitted { reserved, is_followed, is_configured, standing }
            }
            Err(refusal) => {
                if held.is_in_shadow {
                    books.record.refused_in_shadow(refusal.limit, now);
                } else {
                    books.record.dropped(refusal.limit, 1, now);
                }
                Answer::Refused { refusal, reserved, is_configured, standing }
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

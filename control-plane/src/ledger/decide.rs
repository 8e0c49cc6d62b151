//! The way into the ledger: asks are decided and, when they pass, charged.

use std::sync::{Arc, atomic::Ordering};

use arc_swap::Guard;
use limiter::{Tokens, UnixMillis};
use parking_lot::MutexGuard;

use super::{
    Answer, Ask, Client, Ledger, RequestKind, Reservation, RetryAfter, Unknown, Worker, WorkerId,
    charges::Charges,
    cost::Cost,
    journal::Pen,
    policy::EstimateSource,
    record::Record,
    rules::{Applied, ModelNumber, Row},
    slot_key::SlotNumber,
    slots::Books,
    strangers::PairStamp,
    together::{Beset, Decided, count_refused},
    worker::Held,
    written::push_opened,
};
use crate::limits::LimitKey;

/// A worker that asks, and what is written down of it meanwhile.
struct Asking<'a> {
    worker: WorkerId,
    held: MutexGuard<'a, Held>,
    pen: Pen<'a>,
    now: UnixMillis,
    /// Who it is that is decided, where each stranger has buckets of its own.
    stranger: Option<PairStamp>,
    /// Whether the end of the request that was decided last is waited for.
    is_followed: bool,
}

impl Ledger {
    /// Decides over each of a worker's `asks` in turn, charges what passes and counts all. What is
    /// answered is written down by then, and so is all that has ended before.
    ///
    /// One decision is one atomic step over all limits of its client, whoever else asks. A request
    /// that is asked for again, since its worker knows of no answer, is answered with what was decided.
    pub async fn decide(&self, worker: &Worker, asks: &[Ask<'_>]) -> Vec<Answer> {
        match &self.replica {
            None => self.decide_here(worker, asks),
            Some(replica) => self.decide_shared(replica, worker, asks).await,
        }
    }

    fn decide_here(&self, worker: &Worker, asks: &[Ask<'_>]) -> Vec<Answer> {
        let now = self.clock.now();
        let mut held = worker.lock();
        held.begin_frame();
        let (worker, pen) = (worker.id(), self.pen());
        let mut asking = Asking { worker, held, pen, now, stranger: None, is_followed: true };
        let answers = asks.iter().map(|ask| self.decide_one(ask, &mut asking)).collect();
        self.write(asking.pen, now);
        answers
    }

    /// Counts requests that were refused where they arrived, for a limit that had just refused
    /// others of their client.
    pub fn count_dropped(&self, client: &str, limit: &LimitKey, requests: u64) {
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

    fn count_dropped_of(&self, client: &Client, limit: &LimitKey, requests: u64, now: UnixMillis) {
        let slot = client.entry.slot.get_or_take(&self.slots, &client.id);
        let mut books = self.slots.books(slot);
        books.record.dropped(limit, requests, now);
        if let LimitKey::Named(name) = limit
            && let Some(limit) = self.rules.limit(name.as_str())
        {
            limit.count_refused(requests, false);
            books.record.refused_by(limit.number, requests);
        }
        // The journal is locked before any books.
        drop(books);
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
                let answer = self.as_stranger(client, ask.client, |pair| {
                    asking.stranger = pair.as_deref().copied();
                    let answer = self.decide_for(client, false, ask, RetryAfter::Exact, asking);
                    if let (Some(pair), Some(noted)) = (pair, asking.stranger.take()) {
                        *pair = noted;
                    }
                    answer
                });
                if self.strangers.is_some() && matches!(answer, Answer::Admitted { .. }) {
                    asking.held.note_stranger(ask.id, ask.client);
                }
                answer
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
        let reserved = reservation.reserved;
        let now = asking.now;
        let stands = self.with_client(ask.client, |client| {
            let books = self.slots.books_of(reservation.slot)?;
            let applied = client.entry.class.applied();
            let request = beset(client, applied.as_ref(), ask, reserved);
            Some(self.tightest_together(&books, request, now))
        });
        let (tightest, is_short) = stands.flatten().unwrap_or_default();
        let is_configured = self.clients.get(ask.client).is_some();
        Some(Answer::Admitted { reserved, is_followed: true, is_configured, tightest, is_short })
    }

    /// Decides over a request of `client`, and keeps what was decided.
    #[inline]
    fn decide_for(
        &self,
        client: &Client,
        is_configured: bool,
        ask: &Ask<'_>,
        retry_after: RetryAfter,
        asking: &mut Asking<'_>,
    ) -> Answer {
        let slot = client.entry.slot.get_or_take(&self.slots, &client.id);
        asking.is_followed = true;
        if let Some(ring) = asking.pen.ring() {
            ring.begin(asking.now);
        }
        let answer = self.decide_in(slot, client, is_configured, ask, retry_after, asking);
        let (now, in_shadow, is_followed) =
            (asking.now, asking.held.is_in_shadow, asking.is_followed);
        if let Some(ring) = asking.pen.ring() {
            let stranger = asking.stranger.map(|pair| pair.number);
            ring.decided((slot, ask.model), (&answer, is_followed), in_shadow, stranger, now);
        }
        answer
    }

    #[inline]
    fn decide_in(
        &self,
        slot: SlotNumber,
        client: &Client,
        is_configured: bool,
        ask: &Ask<'_>,
        retry_after: RetryAfter,
        asking: &mut Asking<'_>,
    ) -> Answer {
        let (now, in_shadow) = (asking.now, asking.held.is_in_shadow);
        asking.pen.touch(slot);
        let mut books = self.slots.books(slot);
        if let Some(ring) = asking.pen.ring() {
            ring.look_at(slot, &mut books, Some(client), now);
            if let Some(pair) = &mut asking.stranger {
                ring.look_at_stranger(pair, &books, now);
            }
        }
        let applied = client.entry.class.applied();
        let mut request = beset(client, applied.as_ref(), ask, Tokens::ZERO);
        let reserved = self.estimate(client, &books.record, ask, request.rows, now);
        request.cost = reserved;
        if !request.rows.is_empty() {
            let retry_after = (retry_after, in_shadow);
            let decided =
                self.decide_together(&mut books, request, retry_after, &mut asking.pen, now);
            return self.decided_together(
                client,
                is_configured,
                ask,
                (slot, books),
                (request, decided),
                asking,
            );
        }
        // Nothing here is in a form that would do for both: to move it costs as much as the decision.
        match books.balances.decide(request.limits, reserved, retry_after, now) {
            Ok(charges) => {
                let is_followed = self.workers.take_place(asking.held.reservations.len());
                self.hold(
                    client,
                    ask,
                    (slot, &mut books),
                    (charges, reserved),
                    is_followed,
                    asking,
                );
                let tightest = books.balances.tightest(request.limits, now);
                let is_short = tightest.is_short(reserved);
                Answer::Admitted { reserved, is_followed, is_configured, tightest, is_short }
            }
            Err(refusal) => {
                books.record.not_admitted(&refusal.limit, in_shadow, now);
                let tightest = books.balances.tightest(request.limits, now);
                Answer::Refused { refusal, reserved, is_configured, tightest }
            }
        }
    }

    /// What becomes of a request that limits beside its client's own two have decided, too.
    fn decided_together(
        &self,
        client: &Client,
        is_configured: bool,
        ask: &Ask<'_>,
        (slot, mut books): (SlotNumber, MutexGuard<'_, Books>),
        (request, decided): (Beset<'_>, Decided),
        asking: &mut Asking<'_>,
    ) -> Answer {
        let (now, in_shadow) = (asking.now, asking.held.is_in_shadow);
        let reserved = request.cost;
        let Decided { outcome, tightest, is_short } = decided;
        match outcome {
            Ok(charges) => {
                let is_followed = self.workers.take_place(asking.held.reservations.len());
                asking.is_followed = is_followed;
                if !is_followed && let Some((limit, refusal)) = request.no_place() {
                    // Nobody would know when to give its place back.
                    let nothing = Some(Cost::Nothing);
                    self.end_charges(Some(&mut books), &charges, nothing, &mut asking.pen, now);
                    count_refused(limit, &mut books.record, in_shadow);
                    books.record.not_admitted(&refusal.limit, in_shadow, now);
                    let (tightest, _) = self.tightest_together(&books, request, now);
                    return Answer::Refused { refusal, reserved, is_configured, tightest };
                }
                self.hold(
                    client,
                    ask,
                    (slot, &mut books),
                    (charges, reserved),
                    is_followed,
                    asking,
                );
                Answer::Admitted { reserved, is_followed, is_configured, tightest, is_short }
            }
            Err(refusal) => {
                books.record.not_admitted(&refusal.limit, in_shadow, now);
                Answer::Refused { refusal, reserved, is_configured, tightest }
            }
        }
    }

    /// Holds what a request was charged until it ends; where its end is not waited for, it stands.
    #[inline]
    fn hold(
        &self,
        client: &Client,
        ask: &Ask<'_>,
        (slot, books): (SlotNumber, &mut Books),
        (charges, reserved): (Charges, Tokens),
        is_followed: bool,
        asking: &mut Asking<'_>,
    ) {
        let Asking { worker, held, pen, now, is_followed: followed, .. } = asking;
        *followed = is_followed;
        books.record.admitted(*now);
        if !is_followed {
            self.end_charges(Some(books), &charges, None, pen, *now);
            books.record.lost(reserved);
            return;
        }
        let number = pen.ring().map_or(0, |ring| ring.next_number());
        let slot = books.key(slot);
        let reservation = Reservation { slot, kind: ask.kind, charges, reserved, number };
        pen.note_with(|push| {
            let names = (&**self.rules.named(), &self.shared);
            push_opened((*worker, ask.id), &client.id, &reservation, names, push);
        });
        held.reservations.insert(ask.id, reservation);
    }

    /// How many tokens a request reserves.
    ///
    /// What its client did not say itself (the learned, the default and the least estimate) is capped
    /// at what the smallest full bucket holds: a client whose usual request is larger than its limits
    /// waits for that, and is not locked out for ever.
    #[inline]
    pub(super) fn estimate(
        &self,
        client: &Client,
        record: &Record,
        ask: &Ask<'_>,
        rows: &[Row],
        now: UnixMillis,
    ) -> Tokens {
        let policy = &self.policy.estimate;
        let within_limits = |tokens: Tokens| {
            let own = client.limits.tpm.map(Tokens::from);
            let beside = rows.iter().filter_map(|row| row.limit.tokens_at_once());
            own.into_iter().chain(beside).fold(tokens, Tokens::min)
        };
        let learned = match policy.source {
            EstimateSource::Header => None,
            EstimateSource::Learned => record.learned_estimate(now),
        };
        let estimate = ask
            .estimate
            .max(learned.map(within_limits))
            .unwrap_or_else(|| within_limits(policy.default));
        match ask.kind {
            RequestKind::Generates => {
                let min = client.min_estimate.unwrap_or(policy.min);
                estimate.max(within_limits(min))
            }
            RequestKind::Reads | RequestKind::Counts => estimate,
        }
    }
}

/// A request and the limits that apply to it.
#[inline]
pub(super) fn beset<'a>(
    client: &Client,
    applied: Option<&'a Guard<Arc<Applied>>>,
    ask: &Ask<'_>,
    cost: Tokens,
) -> Beset<'a> {
    let limits = client.limits_in_force();
    match applied {
        Some(applied) => {
            let (model, rows) = applied.rows(ask.model);
            Beset { models: Some(applied.models()), rows, model, limits, cost }
        }
        None => Beset { models: None, rows: &[], model: ModelNumber::OTHER, limits, cost },
    }
}

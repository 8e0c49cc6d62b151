//! Requests are asked for, and what was decided is answered.

use std::sync::{Arc, atomic::Ordering};

use limiter::UnixMillis;

use super::{Replica, asked::Asked, worker_name};
use crate::{
    ledger::{Answer, Ask, Ledger, Tightest, Unknown, Worker, past::Ring, worker::Held},
    store::shared::{Done, Wish, WorkerName},
};

/// A request, as far as it is decided here.
enum Prepared {
    Answered(Box<Answer>),
    Asked(Box<Asked>),
}

impl Ledger {
    /// Decides over each of a worker's `asks`, each by itself and all of them together with what others
    /// ask.
    pub(in crate::ledger) async fn decide_shared(
        &self,
        replica: &Replica,
        worker: &Worker,
        asks: &[Ask<'_>],
    ) -> Vec<Answer> {
        let name = worker_name(worker);
        let prepared: Vec<_> = {
            let mut held = worker.lock();
            held.begin_frame();
            let now = self.clock.now();
            asks.iter().map(|ask| self.prepare(replica, (&name, &mut held), ask, now)).collect()
        };
        let wishes = prepared.iter().filter_map(|prepared| match prepared {
            Prepared::Asked(asked) => Some(Wish::Decide(Arc::clone(&asked.wish))),
            Prepared::Answered(_) => None,
        });
        let mut done = replica.store.committer.carry_out(wishes.collect()).await.into_iter();
        let mut unfollowed = Vec::new();
        let answers = {
            let mut held = worker.lock();
            let mut ring = self.past.lock();
            let now = self.clock.now();
            let answers = asks.iter().zip(prepared).map(|(ask, prepared)| {
                let answer = match prepared {
                    Prepared::Answered(answer) => *answer,
                    Prepared::Asked(asked) => {
                        let number = ring.as_deref_mut().map_or(0, |ring| ring.begin_one(now));
                        let answer = match done.next() {
                            Some(Ok(Done::Decided(decided))) => {
                                let explained = self.explain(
                                    replica,
                                    (worker.id(), &mut held),
                                    (ask, number),
                                    &asked,
                                    &decided,
                                );
                                unfollowed.extend(explained.unfollowed);
                                explained.answer
                            }
                            _ if replica.fails_open => Answer::Admitted {
                                reserved: asked.reserved,
                                is_followed: false,
                                is_configured: asked.is_configured,
                                tightest: Tightest::default(),
                                is_short: false,
                            },
                            _ => Answer::Unavailable,
                        };
                        if let Some(ring) = &mut ring {
                            self.keep(ring, (ask, &asked), &answer, held.is_in_shadow, now);
                        }
                        answer
                    }
                };
                held.note(ask.id, &answer);
                answer
            });
            answers.collect()
        };
        if !unfollowed.is_empty() {
            let _ = replica.store.committer.carry_out(unfollowed).await;
        }
        answers
    }

    /// Keeps what was decided, so that it can be told.
    fn keep(
        &self,
        ring: &mut Ring,
        (ask, asked): (&Ask<'_>, &Asked),
        answer: &Answer,
        in_shadow: bool,
        now: UnixMillis,
    ) {
        let slot = asked.slot;
        // What is left of its limits is the store's to know, and nobody decides it again.
        ring.look_at(slot, &mut self.slots.books(slot), None, now);
        let is_followed = matches!(answer, Answer::Admitted { is_followed: true, .. });
        ring.decided((slot, ask.model), (answer, is_followed), in_shadow, None, now);
    }

    fn prepare(
        &self,
        replica: &Replica,
        (worker, held): (&Arc<WorkerName>, &mut Held),
        ask: &Ask<'_>,
        now: UnixMillis,
    ) -> Prepared {
        if let Some(reservation) = held.reservations.get(&ask.id) {
            // It was admitted, and its worker does not know.
            return Prepared::Answered(Box::new(Answer::Admitted {
                reserved: reservation.reserved,
                is_followed: true,
                is_configured: self.clients.get(ask.client).is_some(),
                tightest: Tightest::default(),
                is_short: false,
            }));
        }
        if let Some(answer) = held.repeat(ask.id) {
            return Prepared::Answered(Box::new(answer));
        }
        if let Some(client) = self.clients.get(ask.client) {
            return Prepared::Asked(Box::new(self.asked(replica, (&client, true), (worker, ask))));
        }
        match &self.unknown {
            Unknown::Shared(client) => {
                self.unconfigured.note(ask.client, "it counts as `unknown`", now);
                Prepared::Asked(Box::new(self.asked(replica, (client, false), (worker, ask))))
            }
            Unknown::Denied(denied) => {
                let (what, count) = if held.is_in_shadow {
                    ("it is denied, and passes in shadow", &denied.in_shadow)
                } else {
                    ("it is denied", &denied.refused)
                };
                self.unconfigured.note(ask.client, what, now);
                count.fetch_add(1, Ordering::Relaxed);
                Prepared::Answered(Box::new(Answer::UnknownClient))
            }
        }
    }
}

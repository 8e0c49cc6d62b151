//! What becomes of a call, and of everybody whose wish went with it.

use std::{collections::HashMap, time::Duration};

use limiter::Decision;
use tokio::time::Instant;
use tracing::error;

use super::{
    call::{Asked, Call},
    desk::{Desk, pause},
};
use crate::store::shared::{
    Batch, Receipt, Reply,
    client::{Client, Failure},
    wish::{Done, Unavailable, Wish},
};

/// How long until what did not happen is asked again.
const RETRY_INTERVAL: Duration = Duration::from_millis(5);

impl Desk {
    /// Everybody hears what was decided.
    pub(super) fn answer(&mut self, call: Call, batch: &Batch, reply: &Reply) {
        let done = match call.replay(batch, reply) {
            Ok(done) => done,
            Err(mismatch) => {
                self.shared.metrics.disagreements.inc();
                error!("the shared store is not believed: {mismatch}");
                call.note_unheard(&mut self.shared.known.lock().places);
                for (asked, _) in call.sent {
                    let _ = asked.answer.send(Err(Unavailable));
                }
                return;
            }
        };
        {
            let known = &mut *self.shared.known.lock();
            known.hears_time(reply.now);
            for (key, value) in batch.bucket_keys().zip(&reply.after) {
                known.seen.note(key, *value, reply.now);
            }
            if !known.unreadable.is_empty() {
                let now = Instant::now();
                for (what, key) in batch.keys_of_what() {
                    known.unreadable.can_be_read(what, key, now);
                }
            }
            for ((asked, _), done) in call.sent.iter().zip(&done) {
                if let (Wish::Decide(wish), Done::Decided(decided)) = (&asked.wish, done) {
                    known.take_places(wish, decided);
                }
            }
            call.note_heard(&mut known.places, reply, &done);
        }
        for ((Asked { mut wish, answer }, _), done) in call.sent.into_iter().zip(done).rev() {
            // Whoever hears that it was told may say so at once.
            if let Wish::End(end) = &mut wish {
                end.receipt = Receipt::default();
            }
            let Err(unread) = answer.send(Ok(done)) else { continue };
            // Whoever asked waits no more: what was charged for it is given back.
            if let (Wish::Decide(wish), Ok(Done::Decided(decided))) = (&wish, unread)
                && decided.decision == Decision::Admitted
            {
                self.shared.known.lock().leave_places(wish, &decided);
                let undone = wish.undone(Some(&decided.charged));
                self.waiting.push_front(Asked::by_nobody(Wish::End(Box::new(undone))));
            }
        }
    }

    /// What may be asked again waits, and everybody else hears that nobody knows.
    pub(super) async fn has_failed(&mut self, client: &Client, failure: &Failure, call: Call) {
        if failure.is_of_the_call() {
            call.note_passed_over(&mut self.shared.known.lock().places);
        } else {
            call.note_unheard(&mut self.shared.known.lock().places);
        }
        let operations = call.sent.len();
        for (asked, _) in call.sent.into_iter().rev() {
            match asked.wish {
                // An end takes effect once, however often it is told. What is charged twice errs on the
                // safe side, and what is not at all does not.
                Wish::End(_) | Wish::Charge(_) => self.waiting.push_front(asked),
                Wish::Decide(_) if failure.is_to_be_repeated() => self.waiting.push_front(asked),
                Wish::Decide(wish) => {
                    let _ = asked.answer.send(Err(Unavailable));
                    // In its place, so that it comes before the same request when that is asked again.
                    if failure.may_have_happened() {
                        let undone = wish.undone(None);
                        self.waiting.push_front(Asked::by_nobody(Wish::End(Box::new(undone))));
                    }
                }
            }
        }
        if failure.is_to_be_repeated() {
            return pause(RETRY_INTERVAL).await;
        }
        if failure.is_of_the_call() && self.try_out(client.clone()).await.is_ok() {
            self.look_for_what_cannot_be_done(failure, operations);
            return pause(RETRY_INTERVAL).await;
        }
        self.goes_away(failure).await;
    }

    /// Some keys cannot be read, by their numbers in the call: what is of them cannot be done, and all else
    /// can.
    pub(super) fn leave_out(&mut self, numbers: &[usize], call: Call, batch: &Batch) {
        let keys: Vec<_> = batch.keys_of_what().collect();
        let numbered = |number: &usize| keys.get(number.checked_sub(1)?).copied();
        let left_out: HashMap<&[u8], &str> =
            numbers.iter().filter_map(numbered).map(|(what, key)| (key, what)).collect();
        let is_left_out = |key: &[u8]| left_out.contains_key(key);
        {
            let known = &mut *self.shared.known.lock();
            let now = Instant::now();
            for (key, what) in &left_out {
                known.unreadable.meets(what, key, now);
            }
            call.note_left_out(&mut known.places, is_left_out);
        }
        for (Asked { wish, answer }, _) in call.sent.into_iter().rev() {
            // Whoever names none of its keys would say the same for ever.
            let rest = if left_out.is_empty() { None } else { wish.without(is_left_out) };
            match rest {
                Some(wish) => self.waiting.push_front(Asked { wish, answer }),
                None => {
                    let _ = answer.send(Err(Unavailable));
                }
            }
        }
    }

    /// The store does other calls: somewhere in this one is what it cannot do. Half of it at a time it is
    /// found, and given up, so that it is in nobody's way.
    fn look_for_what_cannot_be_done(&mut self, failure: &Failure, operations: usize) {
        if operations <= 1 {
            self.cannot_tell(failure);
            if operations == 1
                && let Some(asked) = self.waiting.pop_front()
            {
                let _ = asked.answer.send(Err(Unavailable));
            }
        }
        self.operations_max = (operations / 2).max(1);
    }
}

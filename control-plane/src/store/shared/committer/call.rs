//! One call: wishes as operations of a batch, and what became of each.

use std::sync::Arc;

use limiter::Decision;
use smallvec::SmallVec;
use tokio::sync::oneshot;

use super::{
    known::Known,
    places::{HeldPlaces, Word},
};
use crate::store::shared::{
    Batch, BatchError, Charged, Correction, Decide, Demand, End, Exact, Mismatch, Opening,
    Operation, Replay, Reply, Step, Wanted, WordIndex,
    wish::{
        ChargeWish, DecideWish, Decided, Done, EndWish, Hold, RequestName, Stands, Thing,
        Unavailable, Wish, WorkerName,
    },
};

/// What somebody asked.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) wish: Wish,
    pub(super) answer: oneshot::Sender<Result<Done, Unavailable>>,
}

/// A batch, and the wishes of which it is made.
#[derive(Debug, Default)]
pub(super) struct Call {
    /// Later than all calls before.
    number: u32,
    pub(super) batch: Batch,
    pub(super) sent: Vec<(Asked, Sent)>,
    said: Vec<(Word, WordIndex)>,
}

/// Where the indices of a wish's demands are in its batch.
#[derive(Debug)]
pub(super) enum Sent {
    Decide(SmallVec<[Wanted; 4]>),
    End,
}

impl Asked {
    /// What nobody waits for.
    pub(super) fn by_nobody(wish: Wish) -> Self {
        let (answer, _) = oneshot::channel();
        Self { wish, answer }
    }

    /// Whether it is a decision that nobody waits for any more.
    pub(super) fn is_given_up(&self) -> bool {
        matches!(self.wish, Wish::Decide(_)) && self.answer.is_closed()
    }
}

impl Call {
    pub(super) fn new(number: u32) -> Self {
        Self { number, ..Self::default() }
    }

    /// Adds the operation of what is asked for. What does not fit changes nothing that matters: at most
    /// something is listed that no operation touches.
    pub(super) fn add(&mut self, wish: &Wish, known: &Known) -> Result<Sent, BatchError> {
        match wish {
            Wish::Decide(wish) => self.add_decide(wish, known),
            Wish::End(wish) => self.add_end(wish, known),
            Wish::Charge(ChargeWish { key, told, tokens }) => {
                let bucket = self.batch.bucket(key, *told, known.seen.to_tell(key))?;
                self.batch.push(Operation::Charge { bucket, tokens: *tokens })?;
                Ok(Sent::End)
            }
        }
    }

    fn add_decide(&mut self, wish: &DecideWish, known: &Known) -> Result<Sent, BatchError> {
        let worker = &wish.request.worker;
        let mut demands = SmallVec::<[Demand; 8]>::new();
        let mut wanted = SmallVec::new();
        for demand in &wish.demands {
            let one = match &demand.of {
                Thing::Tokens(key, told, cost) => {
                    let bucket = self.batch.bucket(key, *told, known.seen.to_tell(key))?;
                    Wanted::Tokens(bucket, *cost)
                }
                Thing::Place(key, max) => {
                    let count = known.places.of_worker(key, worker);
                    let (key, worker) = (Arc::clone(key), Arc::clone(worker));
                    Wanted::Place(self.say(Word { key, worker, max: *max, count })?)
                }
            };
            wanted.push(one);
            demands.push(Demand { wanted: one, is_watched: demand.is_watched });
        }
        let opening = Opening {
            worker: self.batch.worker(&worker.key, worker.stream())?,
            request: wish.request.id,
            note: wish.note.clone(),
        };
        self.batch.push(Operation::Decide(Decide { demands, opening: Some(opening) }))?;
        Ok(Sent::Decide(wanted))
    }

    /// Its places are said with all others that have changed.
    fn add_end(&mut self, wish: &EndWish, known: &Known) -> Result<Sent, BatchError> {
        let mut corrections = SmallVec::new();
        for hold in &wish.holds {
            if let Hold::Tokens { key, told, charge, epoch, used } = hold {
                let bucket = self.batch.bucket(key, *told, known.seen.to_tell(key))?;
                let (charge, epoch, used) = (*charge, *epoch, *used);
                corrections.push(Correction { bucket, charge, epoch, used });
            }
        }
        let RequestName { worker, id: request } = &wish.request;
        let worker = self.batch.worker(&worker.key, worker.stream())?;
        self.batch.push(Operation::End(End { worker, request: *request, corrections }))?;
        Ok(Sent::End)
    }

    /// Says how many places a worker holds.
    pub(super) fn say(&mut self, word: Word) -> Result<WordIndex, BatchError> {
        let number = number_of(&word.worker, self.number);
        let Word { key, worker, max, count } = &word;
        let index = self.batch.word(key, *max, &worker.name, (number, *count))?;
        if !self.said.iter().any(|(_, said)| *said == index) {
            self.said.push((word, index));
        }
        Ok(index)
    }

    /// What became of each wish, by the same rule once more.
    pub(super) fn replay(&self, batch: &Batch, reply: &Reply) -> Result<Vec<Done>, Mismatch> {
        let mut again = Replay::of(batch, reply)?;
        let mut all = Vec::with_capacity(self.sent.len());
        for (_, asked) in &self.sent {
            let next = match again.step() {
                Some(step) => step?,
                None => return Err(Mismatch::Shape),
            };
            all.push(match (next, asked) {
                (Step::Decided { decision, charged }, Sent::Decide(demands)) => {
                    let left = demands.iter().filter_map(|demand| match demand {
                        Wanted::Tokens(bucket, _) => {
                            again.bucket(*bucket).map(|value| Stands::Bucket(value.bucket))
                        }
                        Wanted::Place(word) => again.places(*word).copied().map(Stands::Places),
                    });
                    let (left, now) = (left.collect(), again.now());
                    let charged = charged.into_iter().collect();
                    Done::Decided(Box::new(Decided { now, decision, charged, left }))
                }
                (Step::OpenAlready, _) => Done::OpenAlready,
                (Step::Gone, _) => Done::Gone,
                (Step::EndedBefore, _) => Done::EndedBefore,
                _ => Done::Ended,
            });
        }
        again.finish()?;
        Ok(all)
    }

    /// Notes what the store has heard of places: what was said, and each that was taken after it.
    pub(super) fn note_heard(&self, places: &mut HeldPlaces, reply: &Reply, done: &[Done]) {
        for (word, index) in &self.said {
            if !reply.is_news(*index) {
                places.passed_over(&word.key, &word.worker);
                continue;
            }
            let taken = self.sent.iter().zip(done).filter(|((_, sent), done)| {
                let (Sent::Decide(demands), Done::Decided(decided)) = (sent, done) else {
                    return false;
                };
                let takes = |(demand, charged): (&Wanted, &Option<Charged>)| {
                    *demand == Wanted::Place(*index) && *charged == Some(Charged::Place)
                };
                decided.decision == Decision::Admitted
                    && demands.iter().zip(&decided.charged).any(takes)
            });
            let taken = u32::try_from(taken.count()).unwrap_or(u32::MAX);
            places.heard(&word.key, &word.worker, word.count.saturating_add(taken));
        }
    }

    /// Nobody knows whether the store heard it.
    pub(super) fn note_unheard(&self, places: &mut HeldPlaces) {
        for (Word { key, worker, max, .. }, _) in &self.said {
            places.unheard(key, worker, *max);
        }
    }

    /// What is of these keys the store cannot hear, and is told again after a while; all else at once.
    pub(super) fn note_left_out(
        &self,
        places: &mut HeldPlaces,
        is_left_out: impl Fn(&[u8]) -> bool,
    ) {
        for (Word { key, worker, max, .. }, _) in &self.said {
            if is_left_out(key) {
                places.passed_over(key, worker);
            } else {
                places.unheard(key, worker, *max);
            }
        }
    }

    /// The store cannot hear it, and is told again after a while.
    pub(super) fn note_passed_over(&self, places: &mut HeldPlaces) {
        for (Word { key, worker, .. }, _) in &self.said {
            places.passed_over(key, worker);
        }
    }
}

/// The number of what is said in a call: later than all that was said before of the worker, by
/// whichever control plane.
fn number_of(worker: &WorkerName, call: u32) -> Exact {
    let stream = worker.stream.min((1 << 21) - 1);
    Exact::try_from((stream << 32) | u64::from(call)).unwrap_or_default()
}

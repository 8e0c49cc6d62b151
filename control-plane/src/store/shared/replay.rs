//! The same once more with `limiter`: what a batch did to the buckets that the script found, with the
//! waits and balances that it did not compute, and whether both are equal to the unit.

use std::num::NonZeroU64;

use limiter::{Charge, Decision, Places, Tokens, UnixMillis, decide};
use smallvec::SmallVec;
use thiserror::Error;

use super::{
    Batch, BucketIndex, Decide, End, Exact, Operation, Reply, Value, Verdict, Wanted, WordIndex,
    batch::find,
};

/// A batch that is carried out once more, an operation at a time.
#[derive(Debug)]
pub struct Replay<'a> {
    batch: &'a Batch,
    reply: &'a Reply,
    buckets: Vec<Value>,
    places: Vec<Places>,
    done: usize,
}

/// What became of one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A request was decided.
    Decided {
        /// The decision, whose demands are those of the request in their order.
        decision: Decision,
        /// What each demand was charged; `None` where it was not.
        charged: Vec<Option<Charged>>,
    },
    /// A request was decided before and is open: only that is known of it.
    OpenAlready,
    /// A request was not decided, since its worker asks on a later stream by now.
    Gone,
    /// A request ended, and what it held is corrected.
    Ended,
    /// It had ended before, and nothing happened.
    EndedBefore,
    /// What was used was charged.
    Charged,
}

/// What an admitted request holds of one of its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charged {
    /// Tokens of a bucket, charged in one of its epochs.
    Tokens(Charge, Exact),
    /// A place.
    Place,
}

/// The script and `limiter` are not of one opinion, so that neither is to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Mismatch {
    /// An operation came out differently.
    #[error("the store decided operation {0} differently from the same numbers")]
    Verdict(usize),
    /// A bucket did.
    #[error("the store left another balance in bucket {0} than follows from the same numbers")]
    Balance(usize),
    /// The answer is to another batch.
    #[error("an answer to another call")]
    Shape,
}

impl<'a> Replay<'a> {
    /// Begins with what the script found.
    pub fn of(batch: &'a Batch, reply: &'a Reply) -> Result<Self, Mismatch> {
        let is_of_the_batch = reply.verdicts.len() == batch.operations.len()
            && reply.before.len() == batch.buckets.len()
            && reply.after.len() == batch.buckets.len()
            && reply.taken.len() == batch.places.len()
            && reply.news.len() == batch.words.len();
        if !is_of_the_batch {
            return Err(Mismatch::Shape);
        }
        let now = reply.now;
        let buckets = batch
            .buckets
            .values()
            .zip(&reply.before)
            .map(|(listed, before)| Value::going_on((*before, listed.seen), &listed.told, now));
        let places = batch.places.values().zip(&reply.taken);
        let places = places.map(|(max, taken)| Places::with_taken(*max, *taken));
        Ok(Self { batch, reply, buckets: buckets.collect(), places: places.collect(), done: 0 })
    }

    /// The store's time.
    pub fn now(&self) -> UnixMillis {
        self.reply.now
    }

    /// A bucket after the steps that were done.
    pub fn bucket(&self, index: BucketIndex) -> Option<&Value> {
        find(&self.buckets, index.0)
    }

    /// The places that a word is of, after the steps that were done.
    pub fn places(&self, index: WordIndex) -> Option<&Places> {
        find(&self.places, self.batch.places_of(index)?)
    }

    /// Does the next operation; `None` after the last one.
    pub fn step(&mut self) -> Option<Result<Step, Mismatch>> {
        let (operation, _) = self.batch.operations.get(self.done)?;
        let verdict = *self.reply.verdicts.get(self.done)?;
        self.done += 1;
        Some(self.replay(operation, verdict))
    }

    /// After all steps: whether the script left the same balances.
    pub fn finish(mut self) -> Result<(), Mismatch> {
        while let Some(step) = self.step() {
            step?;
        }
        let mut unequal = self.buckets.iter().zip(&self.reply.after).enumerate();
        match unequal.find(|(_, (replayed, after))| replayed != after) {
            Some((index, _)) => Err(Mismatch::Balance(index)),
            None => Ok(()),
        }
    }

    fn replay(&mut self, operation: &Operation, verdict: Verdict) -> Result<Step, Mismatch> {
        match (operation, verdict) {
            (Operation::Decide(decide), Verdict::DoneBefore) if decide.opening.is_some() => {
                Ok(Step::OpenAlready)
            }
            (Operation::Decide(decide), Verdict::Gone) if decide.opening.is_some() => {
                Ok(Step::Gone)
            }
            (Operation::Decide(decide), _) => self.decide(decide, verdict),
            (Operation::End(_), Verdict::DoneBefore) => Ok(Step::EndedBefore),
            (Operation::End(end), Verdict::Done { charged: 0 }) => {
                self.end(end);
                Ok(Step::Ended)
            }
            (Operation::Charge { bucket, tokens, .. }, Verdict::Done { charged: 0 }) => {
                let now = self.reply.now;
                if let Some(value) = find_mut(&mut self.buckets, bucket.0) {
                    value.bucket.settle(Charge::of(Tokens::ZERO, NonZeroU64::MIN, 0), *tokens, now);
                }
                Ok(Step::Charged)
            }
            (Operation::End(_) | Operation::Charge { .. }, _) => Err(self.another_verdict()),
        }
    }

    fn decide(&mut self, asked: &Decide, verdict: Verdict) -> Result<Step, Mismatch> {
        let mut sources: SmallVec<[Source; 8]> =
            asked.demands.iter().filter_map(|demand| self.source(&demand.wanted)).collect();
        let mut demands: SmallVec<[limiter::Demand<'_>; 8]> = sources
            .iter_mut()
            .zip(&asked.demands)
            .map(|(source, demand)| {
                let limited = match (source, demand.wanted) {
                    (Source::Bucket(value), Wanted::Tokens(_, tokens)) => {
                        limiter::Demand::new(&mut value.bucket, tokens)
                    }
                    (Source::Bucket(value), Wanted::Place(_)) => {
                        limiter::Demand::new(&mut value.bucket, Tokens::ONE)
                    }
                    (Source::Places(places), _) => limiter::Demand::place(places),
                };
                if demand.is_watched { limited.watched() } else { limited }
            })
            .collect();
        let decision = decide(&mut demands, self.reply.now);
        let is_admitted = decision == Decision::Admitted;
        let said: SmallVec<[(bool, Option<Charge>); 8]> =
            demands.iter().map(|demand| (demand.is_covered(), demand.charge())).collect();
        drop(demands);

        let mut charged = Vec::with_capacity(said.len());
        let mut bits = 0_u16;
        for (index, ((is_covered, charge), source)) in said.iter().zip(&sources).enumerate() {
            let held = match (source, charge) {
                _ if !is_admitted || !is_covered => None,
                (Source::Bucket(value), Some(charge)) => {
                    Some(Charged::Tokens(*charge, value.epoch))
                }
                _ => Some(Charged::Place),
            };
            bits |= u16::from(held.is_some()) << index;
            charged.push(held);
        }
        let expected = if is_admitted { Verdict::Done { charged: bits } } else { Verdict::Refused };
        if verdict != expected {
            return Err(self.another_verdict());
        }
        if is_admitted {
            for (source, demand) in sources.into_iter().zip(&asked.demands) {
                self.put(&demand.wanted, source);
            }
        }
        Ok(Step::Decided { decision, charged })
    }

    fn end(&mut self, end: &End) {
        for correction in &end.corrections {
            let Some(value) = find_mut(&mut self.buckets, correction.bucket.0) else { continue };
            if value.epoch == correction.epoch {
                value.bucket.settle(correction.charge, correction.used, self.reply.now);
            }
        }
    }

    /// A copy of what a demand is of: several of them are changed at once, or none.
    fn source(&self, wanted: &Wanted) -> Option<Source> {
        match wanted {
            Wanted::Tokens(bucket, _) => self.bucket(*bucket).copied().map(Source::Bucket),
            Wanted::Place(word) => {
                let is_news = *find(&self.reply.news, word.0)?;
                let places = *self.places(*word)?;
                // Who says what is older than what was heard gets no place, however many there are.
                let places = if is_news { places } else { Places::with_taken(NonZeroU64::MIN, 1) };
                Some(Source::Places(places))
            }
        }
    }

    fn put(&mut self, wanted: &Wanted, source: Source) {
        match (wanted, source) {
            (Wanted::Tokens(bucket, _), Source::Bucket(value)) => {
                if let Some(place) = find_mut(&mut self.buckets, bucket.0) {
                    *place = value;
                }
            }
            (Wanted::Place(word), Source::Places(places)) => {
                let is_news = find(&self.reply.news, word.0).is_some_and(|is_news| *is_news);
                let index = self.batch.places_of(*word).filter(|_| is_news);
                if let Some(place) = index.and_then(|index| find_mut(&mut self.places, index)) {
                    *place = places;
                }
            }
            (Wanted::Tokens(..), Source::Places(_)) | (Wanted::Place(_), Source::Bucket(_)) => {}
        }
    }

    /// Of the operation that was done last.
    fn another_verdict(&self) -> Mismatch {
        Mismatch::Verdict(self.done.saturating_sub(1))
    }
}

enum Source {
    Bucket(Value),
    Places(Places),
}

fn find_mut<T>(list: &mut [T], index: u16) -> Option<&mut T> {
    list.get_mut(usize::from(index).checked_sub(1)?)
}

//! What is sent in one call: what its operations touch, each once, and the operations in order.

use std::{hash::Hash, num::NonZeroU64};

use foldhash::fast::RandomState;
use indexmap::{IndexMap, IndexSet};
use limiter::UnixMillis;
use thiserror::Error;

use super::{
    BucketIndex, Decide, Exact, Inexact, Operation, Told, Value, Wanted, WordIndex, WorkerIndex,
    unreadable::{BUCKET, OF_PLACES, OF_WORKER},
};

/// The most distinct buckets of a call. With [`CHARGES_MAX`] it takes a server less than a millisecond,
/// in which it answers nobody else.
pub const BUCKETS_MAX: usize = 256;

/// The most charges and corrections of a call, where each of a request's limits is one.
pub const CHARGES_MAX: usize = 512;

/// The most operations of a call, of which some may charge nothing.
pub const OPERATIONS_MAX: usize = 512;

/// The most bytes that are remembered of a request: it has 16 limits at most, and names each.
pub const NOTE_LEN_MAX: usize = 8 * 1024;

/// The most bytes of a worker's name.
const NAME_LEN_MAX: usize = 255;

/// The index of the worker, and of its request, of an operation that has none: lists are counted from 1.
pub(super) const NONE: u16 = 0;

/// What is asked in one call.
#[derive(Debug, Default)]
pub struct Batch {
    pub(super) buckets: Listed<Vec<u8>, Bucket>,
    /// How many places there are in each bucket of them.
    pub(super) places: Listed<Vec<u8>, NonZeroU64>,
    pub(super) words: Listed<WordName, Word>,
    pub(super) workers: Listed<Vec<u8>, Worker>,
    /// Each with the index of its request among those of its worker.
    pub(super) operations: Vec<(Operation, u16)>,
    charges: usize,
}

/// Each once under its name, which is a key of the store where it has one, in the order in which they came.
type Listed<N, T> = IndexMap<N, T, RandomState>;

/// One bucket of a batch.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) told: Told,
    pub(super) seen: Option<Value>,
}

/// Who says it, and of which places.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct WordName {
    pub(super) places: u16,
    pub(super) worker: Vec<u8>,
}

/// What one worker says of its places in one bucket of them.
#[derive(Debug)]
pub(super) struct Word {
    pub(super) number: Exact,
    pub(super) held: u32,
}

/// One worker whose requests begin or end.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) stream: Exact,
    /// The names of those requests.
    pub(super) requests: IndexSet<u32, RandomState>,
}

/// What a batch does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BatchError {
    /// It belongs into the next one.
    #[error(
        "a call has room for no more: it may touch {BUCKETS_MAX} buckets, make {CHARGES_MAX} charges and do {OPERATIONS_MAX} operations"
    )]
    Full,
    /// One request is of distinct buckets, a bounded number of them.
    #[error("a request must be of at most {} distinct buckets and places", limiter::BUCKETS_MAX)]
    Demands,
    /// Names and notes have a bound.
    #[error("a name must be at most {NAME_LEN_MAX} bytes long, and a note {NOTE_LEN_MAX}")]
    TooLong,
    /// An index is of another batch.
    #[error("an operation must be on what its own batch lists")]
    NotListed,
    /// A number that the script could not hold.
    #[error(transparent)]
    Inexact(#[from] Inexact),
}

impl Batch {
    /// Lists a bucket under its key. A listed bucket is brought to the store's time and to what is told
    /// of it, also where no operation touches it.
    ///
    /// `seen` is what was last seen of it, where the server may have lost that.
    pub fn bucket(
        &mut self,
        key: &[u8],
        told: Told,
        seen: Option<Value>,
    ) -> Result<BucketIndex, BatchError> {
        let index = list(&mut self.buckets, key, BUCKETS_MAX, || Bucket { told, seen })?;
        Ok(BucketIndex(index))
    }

    /// Lists what a worker says of its places: the call numbered `number` of this worker says that it
    /// holds `held` now. Of what is asked of it later in the batch one place more is taken each time. Said
    /// again in the same call, the last word counts.
    ///
    /// The number is raised with every call, for ever: a call that arrives after a later one counts for
    /// nothing. `max` is how many places there are.
    pub fn word(
        &mut self,
        key: &[u8],
        max: NonZeroU64,
        worker: &[u8],
        (number, held): (Exact, u32),
    ) -> Result<WordIndex, BatchError> {
        check_name(worker)?;
        // Both are counted by a double in the script.
        Exact::try_from(max.get())?;
        let places = list(&mut self.places, key, BUCKETS_MAX, || max)?;
        let name = WordName { places, worker: worker.to_owned() };
        let index = list(&mut self.words, &name, CHARGES_MAX, || Word { number, held })?;
        if let Some(word) = find_mut(&mut self.words, index) {
            word.held = held;
        }
        Ok(WordIndex(index))
    }

    /// Lists the open requests of a worker, which are stored under this key, and the number of the stream
    /// on which it asks. Listed again, the later stream counts.
    pub fn worker(&mut self, key: &[u8], stream: Exact) -> Result<WorkerIndex, BatchError> {
        let new = || Worker { stream, requests: IndexSet::default() };
        let index = list(&mut self.workers, key, OPERATIONS_MAX, new)?;
        if let Some(worker) = find_mut(&mut self.workers, index) {
            worker.stream = worker.stream.max(stream);
        }
        Ok(WorkerIndex(index))
    }

    /// Adds an operation after those that are there.
    pub fn push(&mut self, operation: Operation) -> Result<(), BatchError> {
        let charges = match &operation {
            Operation::Decide(decide) => {
                self.check_decide(decide)?;
                decide.demands.len()
            }
            Operation::End(end) => {
                self.check_worker(end.worker)?;
                if end.corrections.len() > limiter::BUCKETS_MAX {
                    return Err(BatchError::Demands);
                }
                for correction in &end.corrections {
                    self.check_bucket(correction.bucket)?;
                }
                end.corrections.len()
            }
            Operation::Charge { bucket, .. } => {
                self.check_bucket(*bucket)?;
                1
            }
        };
        if self.operations.len() >= OPERATIONS_MAX || self.charges + charges > CHARGES_MAX {
            return Err(BatchError::Full);
        }
        let request = match &operation {
            Operation::Decide(Decide { opening: Some(opening), .. }) => {
                Some((opening.worker, opening.request))
            }
            Operation::End(end) => Some((end.worker, end.request)),
            Operation::Decide(Decide { opening: None, .. }) | Operation::Charge { .. } => None,
        };
        let request = match request {
            Some((worker, request)) => self.request(worker, request)?,
            None => NONE,
        };
        self.charges += charges;
        self.operations.push((operation, request));
        Ok(())
    }

    /// Whether it asks nothing and says nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.operations.is_empty() && self.words.is_empty()
    }

    /// The keys of the buckets, in the order in which an answer has them.
    pub(super) fn bucket_keys(&self) -> impl Iterator<Item = &[u8]> {
        self.buckets.keys().map(Vec::as_slice)
    }

    /// The index of the places of which a word is.
    pub(super) fn places_of(&self, word: WordIndex) -> Option<u16> {
        let (name, _) = self.words.get_index(position(word.0)?)?;
        Some(name.places)
    }

    /// All keys that the script touches, each with what it is of in the words of a log, in the order in
    /// which an answer counts them from 1.
    pub(super) fn keys_of_what(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        let buckets = self.buckets.keys().map(|key| (BUCKET, &**key));
        let places = self.places.keys().map(|key| (OF_PLACES, &**key));
        let workers = self.workers.keys().map(|key| (OF_WORKER, &**key));
        buckets.chain(places).chain(workers)
    }

    /// The keys that the script touches, each behind the prefix of the space.
    pub(super) fn keys(&self, prefix: &[u8]) -> impl Iterator<Item = Vec<u8>> {
        self.keys_of_what().map(move |(_, key)| [prefix, key].concat())
    }

    /// The time, where a test sets it.
    pub(super) fn time(now: Option<UnixMillis>) -> Vec<u8> {
        now.map(|now| now.0.to_string().into_bytes()).unwrap_or_default()
    }

    fn check_decide(&self, decide: &Decide) -> Result<(), BatchError> {
        let Decide { demands, opening } = decide;
        if let Some(opening) = opening {
            self.check_worker(opening.worker)?;
            if opening.note.len() > NOTE_LEN_MAX {
                return Err(BatchError::TooLong);
            }
        }
        if demands.len() > limiter::BUCKETS_MAX {
            return Err(BatchError::Demands);
        }
        for (index, demand) in demands.iter().enumerate() {
            let is_same = |other: &Wanted| match (&demand.wanted, other) {
                (Wanted::Tokens(bucket, _), Wanted::Tokens(other, _)) => bucket == other,
                (Wanted::Place(word), Wanted::Place(other)) => {
                    self.places_of(*word) == self.places_of(*other)
                }
                (Wanted::Tokens(..), Wanted::Place(_)) | (Wanted::Place(_), Wanted::Tokens(..)) => {
                    false
                }
            };
            if demands.iter().take(index).any(|before| is_same(&before.wanted)) {
                return Err(BatchError::Demands);
            }
            match demand.wanted {
                Wanted::Tokens(bucket, _) => self.check_bucket(bucket)?,
                Wanted::Place(word) => listed(&self.words, word.0)?,
            }
        }
        Ok(())
    }

    fn request(&mut self, worker: WorkerIndex, name: u32) -> Result<u16, BatchError> {
        let worker = find_mut(&mut self.workers, worker.0).ok_or(BatchError::NotListed)?;
        let (index, _) = worker.requests.insert_full(name);
        counted_from_1(index)
    }

    fn check_bucket(&self, bucket: BucketIndex) -> Result<(), BatchError> {
        listed(&self.buckets, bucket.0)
    }

    fn check_worker(&self, worker: WorkerIndex) -> Result<(), BatchError> {
        listed(&self.workers, worker.0)
    }
}

/// What a list has at an index. The script counts from 1, and so does every index.
pub(super) fn find<T>(list: &[T], index: u16) -> Option<&T> {
    list.get(position(index)?)
}

fn find_mut<N, T>(list: &mut Listed<N, T>, index: u16) -> Option<&mut T> {
    Some(list.get_index_mut(position(index)?)?.1)
}

fn position(index: u16) -> Option<usize> {
    usize::from(index).checked_sub(1)
}

/// Finds what is listed already, or lists it.
fn list<Q, T>(
    list: &mut Listed<Q::Owned, T>,
    name: &Q,
    max: usize,
    new: impl FnOnce() -> T,
) -> Result<u16, BatchError>
where
    Q: ToOwned<Owned: Hash + Eq> + Hash + Eq + ?Sized,
{
    let position = match list.get_index_of(name) {
        Some(position) => position,
        None if list.len() < max => list.insert_full(name.to_owned(), new()).0,
        None => return Err(BatchError::Full),
    };
    counted_from_1(position)
}

fn counted_from_1(position: usize) -> Result<u16, BatchError> {
    u16::try_from(position + 1).map_err(|_| BatchError::Full)
}

fn listed<N, T>(list: &Listed<N, T>, index: u16) -> Result<(), BatchError> {
    let is_there = position(index).is_some_and(|position| position < list.len());
    if is_there { Ok(()) } else { Err(BatchError::NotListed) }
}

fn check_name(name: &[u8]) -> Result<(), BatchError> {
    if name.is_empty() || name.len() > NAME_LEN_MAX { Err(BatchError::TooLong) } else { Ok(()) }
}

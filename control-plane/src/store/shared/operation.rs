//! What is asked of the script: operations on what a batch lists.

use limiter::{Charge, Tokens};
use smallvec::SmallVec;

use super::Exact;

/// A bucket of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketIndex(pub(super) u16);

/// What a worker says of its places in a bucket of them, in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WordIndex(pub(super) u16);

/// A worker of a batch, whose open requests are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerIndex(pub(super) u16);

/// One step of a batch.
#[derive(Clone, Debug)]
pub enum Operation {
    /// A request is admitted or refused.
    Decide(Decide),
    /// An admitted request has ended.
    End(End),
    /// Tokens were used that nobody was asked for, while the store was away: they are charged, down to
    /// the floor of the bucket. Told twice it is charged twice.
    Charge {
        /// The bucket.
        bucket: BucketIndex,
        /// What was used.
        tokens: Tokens,
    },
}

/// All enforced demands are covered and charged, or nothing is.
#[derive(Clone, Debug, Default)]
pub struct Decide {
    /// What the request costs, in distinct buckets and places; at most
    /// [`limiter::BUCKETS_MAX`] of them.
    pub demands: SmallVec<[Demand; 8]>,
    /// What is remembered of it until it ends. With it the same request can be sent again: it is
    /// decided once.
    pub opening: Option<Opening>,
}

/// One limit of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// What has to be there.
    pub wanted: Wanted,
    /// Whether it refuses nothing: it is charged where it covers a request that is admitted, and left
    /// alone where it does not.
    pub is_watched: bool,
}

/// What has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// So many tokens of a bucket.
    Tokens(BucketIndex, Tokens),
    /// One place more for the worker.
    Place(WordIndex),
}

/// What is remembered of an admitted request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The worker that holds it.
    pub worker: WorkerIndex,
    /// The worker's name for it.
    pub request: u32,
    /// What the caller wants to know of it later. The store keeps it after two bytes that say which of
    /// the demands were charged: a bit for each, the first one's the least.
    pub note: Vec<u8>,
}

/// An admitted request has ended. Where it is not open any more this does nothing, so that it can be
/// told as often as one likes, and gives back once.
#[derive(Clone, Debug)]
pub struct End {
    /// The worker that holds it.
    pub worker: WorkerIndex,
    /// The worker's name for it.
    pub request: u32,
    /// What was charged, and what it should have been.
    pub corrections: SmallVec<[Correction; 4]>,
}

/// A charge that is corrected to what was used in the end: the difference is given back, or charged
/// further even into debt. In another epoch than that in which it was charged nothing happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Correction {
    /// The bucket.
    pub bucket: BucketIndex,
    /// What it was charged.
    pub charge: Charge,
    /// The bucket's epoch when it was charged.
    pub epoch: Exact,
    /// What was used.
    pub used: Tokens,
}

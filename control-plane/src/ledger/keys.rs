//! What buckets are found by.

use super::rules::{LimitNumber, ModelNumber};

/// One of the buckets of limits beside a client's own two that a request is charged to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum BucketKey {
    /// The client's own.
    Beside(BesideKey, Part),
    /// One that the client may share with others.
    Shared(SharedKey, Part),
}

/// Which of a client's buckets is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct BesideKey {
    pub(super) limit: LimitNumber,
    /// `None`: the limit has no bucket for each model.
    pub(super) model: Option<ModelNumber>,
}

/// A limit's bucket that clients share: once another limit has it, the key fits no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct SharedKey {
    pub(super) number: SharedNumber,
    /// Counts the limits that had it before.
    pub(super) tenancy: u32,
}

/// The number of a shared bucket, of whichever limit has it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SharedNumber(pub(super) u32);

/// A limit has two numbers at most: the one by which it limits, and one on trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Part {
    Main,
    Trial,
}

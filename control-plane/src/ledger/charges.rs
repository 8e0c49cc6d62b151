//! What a request was charged, bucket by bucket.

use limiter::{Charge, Dimension};
use smallvec::SmallVec;

/// What was charged to a client's buckets.
#[derive(Debug)]
pub(super) struct Charges {
    /// The buckets', when they were charged.
    pub(super) epoch: u32,
    /// Nothing where no limit was in force, so that nothing is given back that was never paid.
    pub(super) by_bucket: SmallVec<[(BucketKey, Charge); 2]>,
}

/// One of the buckets that a request is charged to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BucketKey {
    /// That of a limit of the client's own.
    Own(Dimension),
}

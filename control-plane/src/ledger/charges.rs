//! What a request was charged, bucket by bucket.

use limiter::{Charge, Dimension, Tokens};
use smallvec::SmallVec;

use super::{cost::Cost, keys::BucketKey};

/// What a request was charged.
#[derive(Debug)]
pub(super) struct Charges {
    /// That of the client's own buckets, when they were charged.
    pub(super) epoch: u32,
    /// Nothing where no limit was in force, so that nothing is given back that was never paid.
    pub(super) by_bucket: SmallVec<[(BucketKey, Held); 2]>,
}

/// What an admitted request holds of one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// A request of a window.
    Requests(Charge),
    /// Tokens of a window.
    Tokens(Charge),
    /// A place among requests at a time.
    Place,
}

impl Held {
    /// What a request holds of one of its client's own two limits.
    pub(super) fn own(limit: Dimension, charge: Charge) -> Self {
        match limit {
            Dimension::Rpm => Self::Requests(charge),
            Dimension::Tpm => Self::Tokens(charge),
        }
    }

    /// What of it was used in the end; `None`: it stands as it was charged.
    pub(super) fn used(&self, cost: Cost) -> Option<Tokens> {
        match (self, cost) {
            (Self::Requests(_), Cost::RequestAnd(_)) | (Self::Place, _) => None,
            (Self::Requests(_), Cost::Nothing) => Some(Tokens::ZERO),
            (Self::Tokens(_), cost) => Some(cost.tokens()),
        }
    }
}

/// Most requests are under two limits.
const _: () = assert!(size_of::<(BucketKey, Held)>() <= 48);

//! What a request was charged, bucket by bucket.

use limiter::{Charge, Dimension, Tokens};

use super::{cost::Cost, keys::BucketKey};

/// What a request was charged. `None` and nothing where no limit was in force, so that nothing is given
/// back that was never paid.
#[derive(Debug)]
pub(super) struct Charges {
    /// That of the client's own buckets, when they were charged.
    pub(super) epoch: u32,
    /// To the client's own requests per minute.
    pub(super) requests: Option<Charge>,
    /// To the client's own tokens per minute.
    pub(super) tokens: Option<Charge>,
    /// To limits beside these two: most requests are under none.
    pub(super) beside: Vec<(BucketKey, Held)>,
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

impl Charges {
    /// Nothing yet.
    pub(super) fn none(epoch: u32) -> Self {
        Self { epoch, requests: None, tokens: None, beside: Vec::new() }
    }

    /// What was charged to one of the client's own two limits.
    pub(super) fn own_mut(&mut self, limit: Dimension) -> &mut Option<Charge> {
        match limit {
            Dimension::Rpm => &mut self.requests,
            Dimension::Tpm => &mut self.tokens,
        }
    }

    /// What the request holds of the client's own two limits.
    pub(super) fn own(&self) -> impl Iterator<Item = (Dimension, Held)> {
        let requests = self.requests.map(|charge| (Dimension::Rpm, Held::Requests(charge)));
        let tokens = self.tokens.map(|charge| (Dimension::Tpm, Held::Tokens(charge)));
        requests.into_iter().chain(tokens)
    }
}

impl Held {
    /// What of it was used in the end; `None`: it stands as it was charged.
    pub(super) fn used(&self, cost: Cost) -> Option<Tokens> {
        match (self, cost) {
            (Self::Requests(_), Cost::RequestAnd(_)) | (Self::Place, _) => None,
            (Self::Requests(_), Cost::Nothing) => Some(Tokens::ZERO),
            (Self::Tokens(_), cost) => Some(cost.tokens()),
        }
    }
}

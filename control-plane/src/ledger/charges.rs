//! What a request was charged, bucket by bucket.

use std::hash::{BuildHasher as _, Hash as _, Hasher as _};

use foldhash::fast::FixedState;
use limiter::{Charge, Dimension, Tokens};

use super::{cost::Cost, keys::BucketKey, slot_key::SlotKey};

/// What a request was charged. `None` and nothing where no limit was in force, so that nothing is given
/// back that was never paid.
#[derive(Clone, Debug)]
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

/// What many requests have in common: they are charged to the same buckets, each its own tokens.
impl Charges {
    /// The same for all that are charged to these buckets.
    pub(super) fn hash_of_buckets(&self, slot: SlotKey) -> u64 {
        let mut hasher = FixedState::default().build_hasher();
        slot.hash(&mut hasher);
        self.beside.iter().for_each(|(key, _)| key.hash(&mut hasher));
        hasher.finish()
    }

    /// Whether both are the same but for the tokens.
    pub(super) fn is_to_the_same(&self, other: &Self) -> bool {
        let own = |of: &Self| (of.epoch, of.requests.map(bucket_then), of.tokens.map(bucket_then));
        own(self) == own(other)
            && self.beside.len() == other.beside.len()
            && self.beside.iter().zip(&other.beside).all(|((key, held), (other_key, other))| {
                let is_same = match (held, other) {
                    (Held::Requests(a), Held::Requests(b)) | (Held::Tokens(a), Held::Tokens(b)) => {
                        bucket_then(*a) == bucket_then(*b)
                    }
                    (Held::Place, Held::Place) => true,
                    _ => false,
                };
                key == other_key && is_same
            })
    }

    /// The same of a request that reserved so many tokens.
    pub(super) fn with_tokens(&self, reserved: Tokens) -> Self {
        let with = |charge: Charge| Charge::of(reserved, charge.burst(), charge.revision());
        let beside = self.beside.iter().map(|(key, held)| match held {
            Held::Tokens(charge) => (*key, Held::Tokens(with(*charge))),
            Held::Requests(_) | Held::Place => (*key, *held),
        });
        Self {
            epoch: self.epoch,
            requests: self.requests,
            tokens: self.tokens.map(with),
            beside: beside.collect(),
        }
    }

    /// How many bytes it takes beside its own.
    pub(super) fn bytes_beside(&self) -> usize {
        size_of_val(&*self.beside)
    }
}

/// The bucket when it was charged.
fn bucket_then(charge: Charge) -> (std::num::NonZeroU64, u32) {
    (charge.burst(), charge.revision())
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

//! What is asked of the store, by names: whoever asks knows nothing of the call that it goes with.

use std::{num::NonZeroU64, sync::Arc};

use limiter::{Bucket, Charge, Decision, Places, Tokens, UnixMillis};
use smallvec::SmallVec;

use super::{Charged, Exact, Receipt, Told};

/// One operation.
#[derive(Clone, Debug)]
pub enum Wish {
    /// A request is decided.
    Decide(Arc<DecideWish>),
    /// An admitted request has ended.
    End(Box<EndWish>),
    /// Something was used that the store knows nothing of.
    Charge(ChargeWish),
}

/// Tokens of a bucket that were used while the store was away.
#[derive(Clone, Debug)]
pub struct ChargeWish {
    /// The bucket.
    pub key: Arc<[u8]>,
    /// What is known of its limit.
    pub told: Told,
    /// The tokens.
    pub tokens: Tokens,
}

/// A request that is to be decided over all its limits at once.
#[derive(Clone, Debug)]
pub struct DecideWish {
    /// Its limits, in the order in which a refusal names them.
    pub demands: SmallVec<[DemandWish; 4]>,
    /// Who holds it, if it is admitted.
    pub request: RequestName,
    /// What is kept with it until it ends.
    pub note: Vec<u8>,
}

/// One limit of a request.
#[derive(Clone, Debug)]
pub struct DemandWish {
    /// What has to be there.
    pub of: Thing,
    /// Whether it refuses nothing.
    pub is_watched: bool,
}

/// What has to be there.
#[derive(Clone, Debug)]
pub enum Thing {
    /// So many tokens of a bucket.
    Tokens(Arc<[u8]>, Told, Tokens),
    /// A place, of so many.
    Place(Arc<[u8]>, NonZeroU64),
}

/// A request by its worker and its number.
#[derive(Clone, Debug)]
pub struct RequestName {
    /// The worker.
    pub worker: Arc<WorkerName>,
    /// Its number for it.
    pub id: u32,
}

/// A worker as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerName {
    /// Where its open requests are.
    pub key: Vec<u8>,
    /// Its name.
    pub name: [u8; 16],
    /// The number of its stream: what is said on a later one is later.
    pub stream: u64,
}

/// An admitted request that has ended.
#[derive(Clone, Debug)]
pub struct EndWish {
    /// The request.
    pub request: RequestName,
    /// Its charges, and what was used of each; places among them come back.
    pub holds: SmallVec<[Hold; 4]>,
    /// Is back when the store was told of it.
    pub receipt: Receipt,
}

/// What a request held of one limit.
#[derive(Clone, Debug)]
pub enum Hold {
    /// Tokens of a bucket, and how many of them were used.
    Tokens {
        /// The bucket.
        key: Arc<[u8]>,
        /// What is known of its limit.
        told: Told,
        /// What was charged.
        charge: Charge,
        /// In which epoch.
        epoch: Exact,
        /// What was used in the end.
        used: Tokens,
    },
    /// A place.
    Place(Arc<[u8]>, NonZeroU64),
}

/// What became of it.
#[derive(Clone, Debug)]
pub enum Done {
    /// A request was decided.
    Decided(Box<Decided>),
    /// It was decided before, and is open.
    OpenAlready,
    /// Its worker asks on a later stream by now, and again.
    Gone,
    /// A request has ended.
    Ended,
    /// It had ended before, and whoever told that has counted it.
    EndedBefore,
}

/// A decision, and how everything stands after it.
#[derive(Clone, Debug)]
pub struct Decided {
    /// The store's time.
    pub now: UnixMillis,
    /// The decision, by the demands in their order.
    pub decision: Decision,
    /// What each demand was charged.
    pub charged: SmallVec<[Option<Charged>; 4]>,
    /// What is left of each.
    pub left: SmallVec<[Stands; 4]>,
}

/// What is left of one limit.
#[derive(Clone, Copy, Debug)]
pub enum Stands {
    /// Of a window.
    Bucket(Bucket),
    /// Of places.
    Places(Places),
}

/// The store did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store does not answer")]
pub struct Unavailable;

impl WorkerName {
    /// The number of its stream, as the script has it.
    pub(super) fn stream(&self) -> Exact {
        Exact::try_from(self.stream).unwrap_or(Exact::MAX)
    }
}

impl DecideWish {
    /// The end of the request as if it had never been: what `charged` says is given back. Where that is
    /// not known, it is what an admitted request was charged for sure: what is only watched may not have
    /// been charged, and stands.
    ///
    /// Places are no part of it, since those of a request that was never told are nobody's.
    pub(super) fn undone(&self, charged: Option<&[Option<Charged>]>) -> EndWish {
        let of_demand = |(index, demand): (usize, &DemandWish)| {
            let Thing::Tokens(key, told, cost) = &demand.of else { return None };
            let (charge, epoch) = match charged.map(|charged| charged.get(index)) {
                None if demand.is_watched => return None,
                None => {
                    let burst = NonZeroU64::new(told.quota.burst())?;
                    (Charge::of(*cost, burst, told.revision), told.epoch)
                }
                Some(Some(Some(Charged::Tokens(charge, epoch)))) => (*charge, *epoch),
                Some(_) => return None,
            };
            let (key, told, used) = (Arc::clone(key), *told, Tokens::ZERO);
            Some(Hold::Tokens { key, told, charge, epoch, used })
        };
        EndWish {
            request: self.request.clone(),
            holds: self.demands.iter().enumerate().filter_map(of_demand).collect(),
            receipt: Receipt::default(),
        }
    }
}

impl Wish {
    /// What is left of it without these keys; `None`: nothing that could be done.
    pub(super) fn without(self, is_left_out: impl Fn(&[u8]) -> bool) -> Option<Self> {
        match self {
            Self::End(mut end) => {
                if is_left_out(&end.request.worker.key) {
                    return None;
                }
                end.holds
                    .retain(|hold| !matches!(hold, Hold::Tokens { key, .. } if is_left_out(key)));
                Some(Self::End(end))
            }
            Self::Decide(wish) => {
                let is_of = |demand: &DemandWish| match &demand.of {
                    Thing::Tokens(key, ..) | Thing::Place(key, _) => is_left_out(key),
                };
                let is_left_out =
                    is_left_out(&wish.request.worker.key) || wish.demands.iter().any(is_of);
                (!is_left_out).then_some(Self::Decide(wish))
            }
            Self::Charge(wish) => (!is_left_out(&wish.key)).then_some(Self::Charge(wish)),
        }
    }
}

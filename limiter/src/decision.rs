//! The decision over all limits of a request at once.

use crate::{Bucket, Charge, Refusal, Tokens, UnixMillis};

/// One bucket of a decision, and what the request costs in it.
#[derive(Debug)]
pub struct Demand<'a> {
    /// The bucket that has to cover the cost.
    pub bucket: &'a mut Bucket,
    /// The tokens that the request costs in it, or [`Tokens::ONE`] where it counts requests.
    pub cost: Tokens,
}

impl Demand<'_> {
    /// What the bucket was charged, when the request was admitted.
    #[inline]
    pub fn charge(&self) -> Charge {
        self.bucket.charge(self.cost)
    }
}

/// The answer to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// All buckets cover it, and all were charged.
    Admitted,
    /// At least one bucket does not, and nothing was charged.
    Refused(Refusal),
}

/// Decides over one request: all buckets cover what it costs and all are charged, or none is.
///
/// The demands are in the order in which they are to be named. More of them than
/// [`BUCKETS_MAX`](crate::BUCKETS_MAX) are decided by the same rule, but a refusal does not tell of
/// each. A request without any is admitted.
#[inline]
pub fn decide(demands: &mut [Demand<'_>], now: UnixMillis) -> Decision {
    let mut refusal: Option<Refusal> = None;
    for (index, demand) in demands.iter_mut().enumerate() {
        demand.bucket.refill(now);
        if let Some(wait) = demand.bucket.wait(demand.cost, now) {
            refusal = Some(match refusal {
                Some(refusal) => refusal.and(index, wait),
                None => Refusal::of(index, wait),
            });
        }
    }
    if let Some(refusal) = refusal {
        return Decision::Refused(refusal);
    }
    for demand in demands {
        demand.bucket.take(demand.cost);
    }
    Decision::Admitted
}

//! The decision over all limits of a request at once.

use crate::{Demand, Refusal, UnixMillis};

/// The answer to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// All demands that refuse cover it, and all were charged; so was each watched one that covers it.
    Admitted,
    /// At least one demand does not, and nothing was charged.
    Refused(Refusal),
}

/// Decides over one request: all demands cover what it costs and all are charged, or none is.
///
/// Those that are only watched have no part in that. When the request is admitted, each that covers
/// it is charged too, and one that does not is left alone; when it is refused, none is touched.
///
/// The demands are in the order in which they are to be named. More of them than
/// [`BUCKETS_MAX`](crate::BUCKETS_MAX) are decided by the same rule, but a refusal does not tell of
/// each that refuses. A request without any is admitted.
#[expect(
    clippy::inline_always,
    reason = "where the number of demands is known they then stay in registers: a third of the time"
)]
#[inline(always)]
pub fn decide(demands: &mut [Demand<'_>], now: UnixMillis) -> Decision {
    let mut refusal: Option<Refusal> = None;
    for (index, demand) in demands.iter_mut().enumerate() {
        if let Some(wait) = demand.refuses(now) {
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
        demand.admit(now);
    }
    Decision::Admitted
}

/// What [`decide`] would refuse the request for at the same time, if it would. Nothing is changed, and
/// nothing is asked for.
pub fn would_refuse(demands: &[Demand<'_>], now: UnixMillis) -> Option<Refusal> {
    let enforced = demands.iter().enumerate().filter(|(_, demand)| !demand.is_watched);
    enforced.filter_map(|(index, demand)| Some((index, demand.wait(now)?))).fold(
        None,
        |refusal, (index, wait)| {
            Some(match refusal {
                Some(refusal) => refusal.and(index, wait),
                None => Refusal::of(index, wait),
            })
        },
    )
}

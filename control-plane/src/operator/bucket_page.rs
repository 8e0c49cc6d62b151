//! A page of a limit's buckets, for whichever API shows it.

use super::{Caller, Operator, OperatorError, cursor};
use crate::ledger::{BucketOf, LimitStats};

/// How many buckets an answer has at most.
pub(super) const BUCKETS_AT_A_TIME_MAX: usize = 1_000;

/// How many it has where nobody says.
pub(super) const BUCKETS_AT_A_TIME: usize = 100;

/// A limit with some of its buckets.
#[derive(Debug)]
pub(super) struct BucketPage {
    pub(super) stats: LimitStats,
    /// Where to go on; `None`: there are no more.
    pub(super) next: Option<String>,
}

/// The page of at most `max` buckets behind `after`.
pub(super) async fn read(
    operator: &Operator,
    limit: &str,
    after: Option<&BucketOf>,
    max: usize,
    caller: &Caller,
) -> Result<BucketPage, OperatorError> {
    // Nobody has to ask again only to learn that there is nothing more.
    let mut stats = operator.limit_stats(limit, after, max.saturating_add(1), caller).await?;
    let has_more = stats.buckets.len() > max;
    stats.buckets.truncate(max);
    let last = stats.buckets.last().filter(|_| has_more);
    let next = last.map(|bucket| cursor::write(&bucket.of));
    Ok(BucketPage { stats, next })
}

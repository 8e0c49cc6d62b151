//! How tests ask.

use limiter::{Bucket, Charge, Decision, Demand, Tokens, UnixMillis, decide};

pub(crate) const START: u64 = 1_700_000_000_000;

pub(crate) fn tokens(tokens: u64) -> Tokens {
    Tokens::new(tokens).unwrap()
}

/// What one bucket was charged for a request that it has to admit.
pub(crate) fn charged(bucket: &mut Bucket, cost: u64, now: u64) -> Charge {
    let mut demands = [Demand::new(bucket, tokens(cost))];
    assert_eq!(decide(&mut demands, UnixMillis(now)), Decision::Admitted, "{cost} tokens");
    demands[0].charge().unwrap()
}

/// Decides over the chosen ones of all buckets, and tells what they were charged.
pub(crate) fn decide_over(
    buckets: &mut [Bucket],
    costs: &[(usize, u64)],
    now: u64,
) -> (Decision, Vec<Charge>) {
    let mut demands: Vec<_> = buckets
        .iter_mut()
        .enumerate()
        .filter_map(|(index, bucket)| {
            let (_, cost) = costs.iter().find(|(chosen, _)| *chosen == index)?;
            Some(Demand::new(bucket, tokens(*cost)))
        })
        .collect();
    let decision = decide(&mut demands, UnixMillis(now));
    (decision, demands.iter().filter_map(Demand::charge).collect())
}

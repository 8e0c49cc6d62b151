//! What is left: one client's own buckets, in this process.

use limiter::{Bucket, Decision, Demand, Dimension, PerMinute, Tokens, UnixMillis};
use smallvec::SmallVec;

use super::{
    Refusal, Shortage, Standing,
    charges::{BucketKey, Charges},
    cost::Cost,
    lines::{Costs, Lines},
    policy::RetryAfter,
};
use crate::{clients::Limits, limits::LimitKey};

/// A client's buckets. One that was never charged is not there, which is as good as full; one whose
/// limit is not in force stays, refills, and goes on where it was when the limit comes back.
#[derive(Debug, Default)]
pub(super) struct Balances {
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
    lines: Lines,
    /// Counts how often the buckets were thrown away: the client was deleted and created again, or
    /// reset.
    epoch: u32,
}

impl Balances {
    /// Decides over one request that costs so many tokens: all limits admit it and all are charged, or
    /// none is. A request that is refused is told when to come back by `retry_after`.
    #[inline]
    pub(super) fn decide(
        &mut self,
        limits: Limits,
        cost: Tokens,
        retry_after: RetryAfter,
        now: UnixMillis,
    ) -> (Result<Charges, Refusal>, Standing) {
        let epoch = self.epoch;
        let requests =
            limits.rpm.map(|rpm| Demand::new(in_use(&mut self.requests, rpm, now), Tokens::ONE));
        let tokens = limits.tpm.map(|tpm| Demand::new(in_use(&mut self.tokens, tpm, now), cost));
        // In the order in which a refusal names them.
        let mut decided = match (requests, tokens) {
            (Some(requests), Some(tokens)) => {
                decide(epoch, [Dimension::Rpm, Dimension::Tpm], [requests, tokens], now)
            }
            (Some(requests), None) => decide(epoch, [Dimension::Rpm], [requests], now),
            (None, Some(tokens)) => decide(epoch, [Dimension::Tpm], [tokens], now),
            (None, None) => decide(epoch, [], [], now),
        };
        let costs = Costs {
            requests: limits.rpm.and(self.requests.as_ref()).map(|bucket| (bucket, Tokens::ONE)),
            tokens: limits.tpm.and(self.tokens.as_ref()).map(|bucket| (bucket, cost)),
        };
        match &mut decided {
            Ok(_) => self.lines.follow(costs, now),
            Err(refusal) if retry_after == RetryAfter::Spread => {
                refusal.wait = self.lines.line_up(refusal.wait, costs, now);
            }
            Err(_) => {}
        }
        (decided, self.standing(limits, now))
    }

    /// Corrects what was charged to what the request costs in the end. Charges to buckets that have
    /// been thrown away since are not settled with new ones.
    #[inline]
    pub(super) fn settle(&mut self, charges: &Charges, cost: Cost, now: UnixMillis) {
        if charges.epoch != self.epoch {
            return;
        }
        for &(BucketKey::Own(limit), charge) in &charges.by_bucket {
            let (bucket, used) = match (limit, cost) {
                (Dimension::Rpm, Cost::RequestAnd(_)) => continue,
                (Dimension::Rpm, Cost::Nothing) => (&mut self.requests, Tokens::ZERO),
                (Dimension::Tpm, cost) => (&mut self.tokens, cost.tokens()),
            };
            if let Some(bucket) = bucket {
                bucket.settle(charge, used, now);
                self.lines.settle(limit, bucket, (charge, used), now);
            }
        }
    }

    /// Puts other limits in force: what was spent stays spent.
    pub(super) fn change_limits(&mut self, limits: Limits, now: UnixMillis) {
        for (bucket, limit) in [(&mut self.requests, limits.rpm), (&mut self.tokens, limits.tpm)] {
            if let (Some(bucket), Some(limit)) = (bucket, limit) {
                if bucket.quota() != limit.into() {
                    self.lines.begin_anew();
                }
                bucket.change(limit.into(), now);
            }
        }
    }

    /// Full buckets, whatever was spent or is owed.
    pub(super) fn begin_anew(&mut self) {
        *self = Self { epoch: self.epoch.wrapping_add(1), ..Self::default() };
    }

    /// The buckets that there are, by limit.
    pub(super) fn buckets(&self) -> [(Dimension, Option<&Bucket>); 2] {
        [(Dimension::Rpm, self.requests.as_ref()), (Dimension::Tpm, self.tokens.as_ref())]
    }

    /// Counts how often the buckets were thrown away.
    pub(super) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Takes back a bucket as it was written down; `None` is a full one.
    pub(super) fn restore(&mut self, limit: Dimension, epoch: u32, bucket: Option<Bucket>) {
        self.epoch = epoch;
        match limit {
            Dimension::Rpm => self.requests = bucket,
            Dimension::Tpm => self.tokens = bucket,
        }
    }

    /// Goes on at `now`, under `limits`, with what was taken back as it stood at `last`; whether
    /// that made anything else of it than the time alone does.
    pub(super) fn go_on(&mut self, limits: Limits, last: UnixMillis, now: UnixMillis) -> bool {
        let balances = |of: &Self| {
            [&of.requests, &of.tokens].map(|bucket| bucket.as_ref().map(|one| one.balance(now)))
        };
        let by_time_alone = balances(self);
        for bucket in [&mut self.requests, &mut self.tokens].into_iter().flatten() {
            bucket.go_on(last, now);
        }
        self.change_limits(limits, now);
        balances(self) != by_time_alone
    }

    /// What is left of each of `limits` at `now`.
    #[inline]
    pub(super) fn standing(&self, limits: Limits, now: UnixMillis) -> Standing {
        let balance = |bucket: &Option<Bucket>, limit: Option<PerMinute>| match (bucket, limit) {
            (_, None) => None,
            (Some(bucket), Some(_)) => Some(bucket.balance(now)),
            (None, Some(limit)) => Some(Bucket::full(limit.into(), now).balance(now)),
        };
        Standing {
            requests: balance(&self.requests, limits.rpm),
            tokens: balance(&self.tokens, limits.tpm),
        }
    }
}

#[inline]
fn in_use(bucket: &mut Option<Bucket>, limit: PerMinute, now: UnixMillis) -> &mut Bucket {
    bucket.get_or_insert_with(|| Bucket::full(limit.into(), now))
}

/// Decides over the buckets of `limits`, and tells what they were charged.
#[inline]
fn decide<const N: usize>(
    epoch: u32,
    limits: [Dimension; N],
    mut demands: [Demand<'_>; N],
    now: UnixMillis,
) -> Result<Charges, Refusal> {
    match limiter::decide(&mut demands, now) {
        Decision::Admitted => {
            let mut by_bucket = SmallVec::new();
            for (limit, demand) in limits.into_iter().zip(&demands) {
                by_bucket.extend(demand.charge().map(|charge| (BucketKey::Own(limit), charge)));
            }
            Ok(Charges { epoch, by_bucket })
        }
        Decision::Refused(refusal) => {
            let named = refusal.named();
            let balance = demands.get(named).and_then(|demand| demand.balance(now));
            let (Some(&dimension), Some(balance)) = (limits.get(named), balance) else {
                // One of them refused, or nothing would have.
                return Ok(Charges { epoch, by_bucket: SmallVec::new() });
            };
            Err(Refusal {
                limit: LimitKey::Own(dimension),
                shortage: match dimension {
                    Dimension::Rpm => Shortage::Requests(balance),
                    Dimension::Tpm => Shortage::Tokens(balance),
                },
                wait: refusal.wait(),
            })
        }
    }
}

//! What is left: one client's own buckets, in this process.

use limiter::{Balance, Bucket, Decision, Demand, Dimension, PerMinute, Tokens, UnixMillis, Wait};

use super::{
    Left, Refusal, Shortage, Standing, Tightest,
    beside::Beside,
    charges::{Charges, Held},
    cost::Cost,
    keys::{BesideKey, Part},
    lines::{Costs, Lines},
    policy::RetryAfter,
    stock::Stock,
};
use crate::{clients::Limits, limits::LimitKey};

/// A client's buckets. One that was never charged is not there, which is as good as full; one whose
/// limit is not in force stays, refills, and goes on where it was when the limit comes back.
#[derive(Debug, Default)]
pub(super) struct Balances {
    pub(super) requests: Option<Bucket>,
    pub(super) tokens: Option<Bucket>,
    pub(super) lines: Lines,
    /// Those of limits beside the two.
    pub(super) beside: Beside,
    /// Counts how often the buckets were thrown away: the client was deleted and created again, or
    /// reset.
    epoch: u32,
}

impl Balances {
    /// Decides over one request that costs so many tokens: both limits admit it and both are charged,
    /// or neither is. A request that is refused is told when to come back by `retry_after`.
    #[inline]
    pub(super) fn decide(
        &mut self,
        limits: Limits,
        cost: Tokens,
        retry_after: RetryAfter,
        now: UnixMillis,
    ) -> Result<Charges, Refusal> {
        let epoch = self.epoch;
        let requests =
            limits.rpm.map(|rpm| Demand::new(in_use(&mut self.requests, rpm, now), Tokens::ONE));
        let tokens = limits.tpm.map(|tpm| Demand::new(in_use(&mut self.tokens, tpm, now), cost));
        // In the order in which a refusal names them.
        let decided = match (requests, tokens) {
            (Some(requests), Some(tokens)) => {
                decide(epoch, [Dimension::Rpm, Dimension::Tpm], [requests, tokens], now)
            }
            (Some(requests), None) => decide(epoch, [Dimension::Rpm], [requests], now),
            (None, Some(tokens)) => decide(epoch, [Dimension::Tpm], [tokens], now),
            (None, None) => decide(epoch, [], [], now),
        };
        match decided {
            Ok(charges) => {
                self.follow(limits, cost, now);
                Ok(charges)
            }
            Err((limit, wait)) => {
                let wait = match retry_after {
                    RetryAfter::Exact => wait,
                    RetryAfter::Spread => self.line_up(wait, limits, cost, now),
                };
                Err(self.refusal(limit, limits, wait, now))
            }
        }
    }

    /// A request was admitted: who waits is told accordingly.
    #[inline]
    pub(super) fn follow(&mut self, limits: Limits, cost: Tokens, now: UnixMillis) {
        let Self { requests, tokens, lines, .. } = self;
        lines.follow(costs(requests.as_ref(), tokens.as_ref(), limits, cost), now);
    }

    /// When a request is told to come back that is refused and would pass in `exact`.
    pub(super) fn line_up(
        &mut self,
        exact: Wait,
        limits: Limits,
        cost: Tokens,
        now: UnixMillis,
    ) -> Wait {
        let Self { requests, tokens, lines, .. } = self;
        lines.line_up(exact, costs(requests.as_ref(), tokens.as_ref(), limits, cost), now)
    }

    /// Why a request does not pass which one of the two refuses.
    pub(super) fn refusal(
        &self,
        limit: Dimension,
        limits: Limits,
        wait: Wait,
        now: UnixMillis,
    ) -> Refusal {
        let standing = self.standing(limits, now);
        let shortage = match limit {
            Dimension::Rpm => standing.requests.map(Shortage::Requests),
            Dimension::Tpm => standing.tokens.map(Shortage::Tokens),
        };
        // A limit that is not in force refuses nobody.
        let shortage = shortage.unwrap_or(Shortage::Places(0));
        Refusal { limit: LimitKey::Own(limit), shortage, wait }
    }

    /// Corrects what was charged to the client's own two limits to what the request costs in the end.
    /// What was charged to buckets that have been thrown away since is not settled with new ones.
    #[inline]
    pub(super) fn settle(&mut self, charges: &Charges, cost: Cost, now: UnixMillis) {
        if charges.epoch != self.epoch {
            return;
        }
        for (limit, held) in charges.own() {
            let bucket = match limit {
                Dimension::Rpm => &mut self.requests,
                Dimension::Tpm => &mut self.tokens,
            };
            if let (Some(bucket), Some(used)) = (bucket, held.used(cost))
                && let Held::Requests(charge) | Held::Tokens(charge) = held
            {
                bucket.settle(charge, used, now);
                self.lines.settle(limit, bucket, (charge, used), now);
            }
        }
    }

    /// The same of a bucket of a limit beside the two, where the cost may not be known. Places are the
    /// request's own, and come back whichever buckets there are.
    pub(super) fn settle_beside(
        &mut self,
        epoch: u32,
        (key, part, held): (BesideKey, Part, &Held),
        cost: Option<Cost>,
        now: UnixMillis,
    ) {
        if epoch == self.epoch || *held == Held::Place {
            let stock = self.beside.get_mut(key).and_then(|stocks| stocks.get_mut(part));
            if let Some(stock) = stock {
                stock.settle(held, cost, now);
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

    /// Full buckets, whatever was spent or is owed. Places stay with the requests that have them.
    pub(super) fn begin_anew(&mut self) {
        let mut beside = std::mem::take(&mut self.beside);
        beside.begin_anew();
        *self = Self { epoch: self.epoch.wrapping_add(1), beside, ..Self::default() };
    }

    /// The buckets that there are, by limit.
    pub(super) fn buckets(&self) -> [(Dimension, Option<&Bucket>); 2] {
        [(Dimension::Rpm, self.requests.as_ref()), (Dimension::Tpm, self.tokens.as_ref())]
    }

    /// Counts how often the buckets were thrown away.
    pub(super) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// How much a minute the two buckets refill; 0 where there is none.
    pub(super) fn amounts(&self) -> [u64; 2] {
        [&self.requests, &self.tokens]
            .map(|bucket| bucket.as_ref().map_or(0, |bucket| bucket.quota().amount()))
    }

    /// One of the two buckets is so elsewhere.
    pub(super) fn put_own(&mut self, limit: Dimension, bucket: Option<Bucket>) {
        match limit {
            Dimension::Rpm => self.requests = bucket,
            Dimension::Tpm => self.tokens = bucket,
        }
    }

    /// Takes back a bucket as it was written down; `None` is a full one.
    pub(super) fn restore(&mut self, limit: Dimension, epoch: u32, bucket: Option<Bucket>) {
        self.restore_epoch(epoch);
        match limit {
            Dimension::Rpm => self.requests = bucket,
            Dimension::Tpm => self.tokens = bucket,
        }
    }

    /// Takes back a bucket of a limit beside the two.
    pub(super) fn restore_beside(
        &mut self,
        key: BesideKey,
        epoch: u32,
        part: Part,
        bucket: Bucket,
    ) {
        self.restore_epoch(epoch);
        self.beside.get_or_make(key).put(part, Stock::Window(bucket));
    }

    /// A request was charged in this epoch.
    pub(super) fn restore_epoch_of_charge(&mut self, epoch: u32) {
        self.epoch = self.epoch.max(epoch);
    }

    /// Between two epochs all buckets were thrown away, and not each of them is written down again.
    fn restore_epoch(&mut self, epoch: u32) {
        if epoch != self.epoch {
            self.begin_anew();
            self.epoch = epoch;
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
    pub(super) fn standing(&self, limits: Limits, now: UnixMillis) -> Standing {
        Standing {
            requests: limits.rpm.map(|limit| balance(self.requests.as_ref(), limit, now)),
            tokens: limits.tpm.map(|limit| balance(self.tokens.as_ref(), limit, now)),
        }
    }

    /// The same, as it is told where nothing but `limits` applies.
    #[inline]
    pub(super) fn tightest(&self, limits: Limits, now: UnixMillis) -> Tightest {
        let left = |own, bucket, limit| Left {
            limit: LimitKey::Own(own),
            balance: balance(bucket, limit, now),
        };
        Tightest {
            requests: limits.rpm.map(|limit| left(Dimension::Rpm, self.requests.as_ref(), limit)),
            tokens: limits.tpm.map(|limit| left(Dimension::Tpm, self.tokens.as_ref(), limit)),
        }
    }
}

#[inline]
fn balance(bucket: Option<&Bucket>, limit: PerMinute, now: UnixMillis) -> Balance {
    match bucket {
        Some(bucket) => bucket.balance(now),
        None => Bucket::full(limit.into(), now).balance(now),
    }
}

#[inline]
pub(super) fn in_use(
    bucket: &mut Option<Bucket>,
    limit: PerMinute,
    now: UnixMillis,
) -> &mut Bucket {
    bucket.get_or_insert_with(|| Bucket::full(limit.into(), now))
}

/// What a request costs in each bucket whose limit is in force.
#[inline]
fn costs<'a>(
    requests: Option<&'a Bucket>,
    tokens: Option<&'a Bucket>,
    limits: Limits,
    cost: Tokens,
) -> Costs<'a> {
    Costs {
        requests: limits.rpm.and(requests).map(|bucket| (bucket, Tokens::ONE)),
        tokens: limits.tpm.and(tokens).map(|bucket| (bucket, cost)),
    }
}

/// Decides over the buckets of `limits`, and tells what they were charged, or which one is named.
#[inline]
fn decide<const N: usize>(
    epoch: u32,
    limits: [Dimension; N],
    mut demands: [Demand<'_>; N],
    now: UnixMillis,
) -> Result<Charges, (Dimension, Wait)> {
    match limiter::decide(&mut demands, now) {
        Decision::Admitted => {
            let mut charges = Charges::none(epoch);
            for (limit, demand) in limits.into_iter().zip(&demands) {
                *charges.own_mut(limit) = demand.charge();
            }
            Ok(charges)
        }
        Decision::Refused(refusal) => {
            // One of them refused, or nothing would have.
            let named = limits.get(refusal.named()).copied().unwrap_or(Dimension::Rpm);
            Err((named, refusal.wait()))
        }
    }
}

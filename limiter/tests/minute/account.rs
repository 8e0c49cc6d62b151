//! A client's own two limits, as a ledger keeps them: a bucket each, which stays while its limit is
//! away.

use limiter::{
    Balance, Bucket, Decision, Demand, Dimension, PerMinute, Tokens, UnixMillis, Wait, decide,
};

/// What a client is limited to; `None` is no limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) rpm: Option<PerMinute>,
    pub(crate) tpm: Option<PerMinute>,
}

/// Why not, and until when.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) limit: Dimension,
    pub(crate) wait: Wait,
}

/// What an admitted request was charged; `None` where no limit was in force.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Charge {
    requests: Option<limiter::Charge>,
    tokens: Option<limiter::Charge>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    requests: Limited,
    tokens: Limited,
}

#[derive(Clone, Copy, Debug)]
struct Limited {
    /// `None` when there never was a limit.
    bucket: Option<Bucket>,
    in_force: bool,
}

impl Account {
    pub(crate) fn full(limits: &Limits, now: UnixMillis) -> Self {
        let full = |limit: Option<PerMinute>| Limited {
            bucket: limit.map(|limit| Bucket::full(limit.into(), now)),
            in_force: limit.is_some(),
        };
        Self { requests: full(limits.rpm), tokens: full(limits.tpm) }
    }

    pub(crate) fn decide(&mut self, tokens: Tokens, now: UnixMillis) -> Result<Charge, Refused> {
        let requests = self.requests.bucket.as_mut().filter(|_| self.requests.in_force);
        let limited = self.tokens.bucket.as_mut().filter(|_| self.tokens.in_force);
        let (mut demands, mut dimensions) = (Vec::new(), Vec::new());
        for (bucket, cost, dimension) in
            [(requests, Tokens::ONE, Dimension::Rpm), (limited, tokens, Dimension::Tpm)]
        {
            if let Some(bucket) = bucket {
                demands.push(Demand::new(bucket, cost));
                dimensions.push(dimension);
            }
        }
        match decide(&mut demands, now) {
            Decision::Refused(refusal) => {
                Err(Refused { limit: dimensions[refusal.named()], wait: refusal.wait() })
            }
            Decision::Admitted => {
                let charge = |dimension| {
                    let index = dimensions.iter().position(|other| *other == dimension)?;
                    demands[index].charge()
                };
                Ok(Charge { requests: charge(Dimension::Rpm), tokens: charge(Dimension::Tpm) })
            }
        }
    }

    pub(crate) fn settle(&mut self, charge: Charge, actual: Tokens, now: UnixMillis) {
        self.tokens.settle(charge.tokens, actual, now);
    }

    pub(crate) fn release(&mut self, charge: Charge, now: UnixMillis) {
        self.requests.settle(charge.requests, Tokens::ZERO, now);
        self.tokens.settle(charge.tokens, Tokens::ZERO, now);
    }

    pub(crate) fn change_limits(&mut self, limits: &Limits, now: UnixMillis) {
        self.requests.change(limits.rpm, now);
        self.tokens.change(limits.tpm, now);
    }

    pub(crate) fn balance(&self, dimension: Dimension, now: UnixMillis) -> Option<Balance> {
        let limited = match dimension {
            Dimension::Rpm => &self.requests,
            Dimension::Tpm => &self.tokens,
        };
        limited.bucket.filter(|_| limited.in_force).map(|bucket| bucket.balance(now))
    }
}

impl Limited {
    fn settle(&mut self, charge: Option<limiter::Charge>, used: Tokens, now: UnixMillis) {
        if let (Some(bucket), Some(charge)) = (&mut self.bucket, charge) {
            bucket.settle(charge, used, now);
        }
    }

    fn change(&mut self, limit: Option<PerMinute>, now: UnixMillis) {
        self.in_force = limit.is_some();
        match (&mut self.bucket, limit) {
            (Some(bucket), Some(limit)) => bucket.change(limit.into(), now),
            (bucket @ None, Some(limit)) => *bucket = Some(Bucket::full(limit.into(), now)),
            (_, None) => {}
        }
    }
}

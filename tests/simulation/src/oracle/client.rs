//! A client: its own two limits, and what is left of them.

use flowguard::operator::{Draft, Given};

use super::{
    bucket::{Balance, Bucket, Numbers, Payment},
    rules::Word,
};

/// What an operator wants of a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Requests per minute.
    pub(crate) rpm: Option<u64>,
    /// Tokens per minute.
    pub(crate) tpm: Option<u64>,
    /// `true`: the limits are not in force.
    pub(crate) is_disabled: bool,
    /// The least that a request which makes tokens reserves.
    pub(crate) min_estimate: Option<u64>,
    /// The group that it is in.
    pub(crate) group: Option<Word>,
    /// The plan that it is on.
    pub(crate) plan: Option<Word>,
}

impl Wanted {
    /// The same as an operator writes it, of the client of this id.
    pub(crate) fn to_draft(self, id: &str) -> Draft {
        Draft {
            enabled: Given::Value(!self.is_disabled),
            min_estimate: Given::Value(self.min_estimate),
            group: Given::Value(self.group.map(str::to_owned)),
            plan: Given::Value(self.plan.map(str::to_owned)),
            ..Draft::new(id, self.rpm, self.tpm)
        }
    }
}

/// A client and its two buckets; one that was never used is full.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// What an operator wants of it.
    pub(crate) wanted: Wanted,
    /// Another one each time that its buckets begin anew.
    pub(crate) life: u64,
    rpm: Option<Bucket>,
    tpm: Option<Bucket>,
}

/// What a request paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Paid {
    requests: Option<Payment>,
    tokens: Option<Payment>,
}

/// A limit, as it is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// The client's own requests per minute.
    Rpm,
    /// The client's own tokens per minute.
    Tpm,
    /// One beside these.
    Named(Word),
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It passes.
    Admitted,
    /// It does not, for this limit, and would after so many milliseconds; `None`: never.
    Refused(Limit, Option<u64>),
}

/// What is left of both limits; `None` where none is in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Requests per minute.
    pub(crate) requests: Option<Balance>,
    /// Tokens per minute.
    pub(crate) tokens: Option<Balance>,
}

impl Client {
    /// One that has spent nothing.
    pub(crate) fn new(wanted: Wanted, life: u64) -> Self {
        Self { wanted, life, rpm: None, tpm: None }
    }

    /// Full buckets, whatever was spent or is owed.
    pub(crate) fn begin_anew(&mut self, life: u64) {
        *self = Self::new(self.wanted, life);
    }

    fn in_force(&self) -> [Option<u64>; 2] {
        if self.wanted.is_disabled { [None; 2] } else { [self.wanted.rpm, self.wanted.tpm] }
    }

    /// The limits in force, each with its bucket and what a request costs there.
    fn demands(&mut self, tokens: u64, now: u64) -> Vec<(Limit, &mut Bucket, u64)> {
        let [rpm, tpm] = self.in_force();
        let full = |limit| move || Bucket::full(Numbers::per_minute(limit), now);
        let rpm = rpm.map(|rpm| (Limit::Rpm, self.rpm.get_or_insert_with(full(rpm)), 1));
        let tpm = tpm.map(|tpm| (Limit::Tpm, self.tpm.get_or_insert_with(full(tpm)), tokens));
        rpm.into_iter().chain(tpm).collect()
    }

    /// How long a request waits for each limit in force: 0 not at all, `None` it never fits.
    pub(crate) fn waits(&self, tokens: u64, now: u64) -> Vec<(Limit, Option<u64>)> {
        let [rpm, tpm] = self.in_force();
        let wait = |bucket: &Option<Bucket>, limit: u64, cost| {
            let full = || Bucket::full(Numbers::per_minute(limit), now);
            bucket.clone().unwrap_or_else(full).wait(cost, now)
        };
        let rpm = rpm.map(|rpm| (Limit::Rpm, wait(&self.rpm, rpm, 1)));
        let tpm = tpm.map(|tpm| (Limit::Tpm, wait(&self.tpm, tpm, tokens)));
        rpm.into_iter().chain(tpm).collect()
    }

    /// Takes what a request costs, whether it is there or not.
    pub(crate) fn pay(&mut self, tokens: u64, now: u64) -> Paid {
        let mut paid = Paid::default();
        for (limit, bucket, cost) in self.demands(tokens, now) {
            let payment = Some(bucket.pay(cost, now));
            match limit {
                Limit::Rpm => paid.requests = payment,
                Limit::Tpm => paid.tokens = payment,
                Limit::Named(_) => {}
            }
        }
        // Nobody waits for a limit that is not in force.
        let in_force = self.in_force();
        for (bucket, limit) in [&mut self.rpm, &mut self.tpm].into_iter().zip(in_force) {
            if let (Some(bucket), None) = (bucket, limit) {
                bucket.empty_line();
            }
        }
        paid
    }

    /// What a refused request is told that would pass after `exact` milliseconds: a moment of its own,
    /// where that is within a minute.
    pub(crate) fn line_up(&mut self, tokens: u64, exact: u64, now: u64) -> u64 {
        let demands = self.demands(tokens, now);
        let waits = demands.iter().map(|(_, bucket, cost)| bucket.wait_in_line(*cost, now));
        let told = waits.fold(exact, u64::max);
        if told > 60_000 {
            return exact;
        }
        for (_, bucket, cost) in demands {
            bucket.take_in_line(cost, now, now + told);
        }
        told
    }

    /// How much more a request costs than there is, as a share of the limit, in parts of a million.
    pub(crate) fn deficit(&mut self, tokens: u64, now: u64) -> u64 {
        let demands = self.demands(tokens, now).into_iter();
        let share = |bucket: &Bucket, cost| {
            let missing = u128::from(bucket.missing(cost, now)) * 1_000_000;
            let share = missing.div_ceil(u128::from(bucket.balance(now).numbers.amount));
            u64::try_from(share).unwrap_or(u64::MAX)
        };
        demands.map(|(_, bucket, cost)| share(bucket, cost)).max().unwrap_or(0)
    }

    /// Makes of what a request paid what it costs: one request and so many tokens, or nothing.
    pub(crate) fn correct(&mut self, paid: Paid, cost: Option<u64>, now: u64) {
        if let (None, Some(bucket), Some(paid)) = (cost, &mut self.rpm, paid.requests) {
            bucket.correct(paid, 0, now);
        }
        if let (Some(bucket), Some(paid)) = (&mut self.tpm, paid.tokens) {
            bucket.correct(paid, cost.unwrap_or(0), now);
        }
    }

    /// Something else is wanted.
    pub(crate) fn change(&mut self, wanted: Wanted, now: u64) {
        let mut is_other = false;
        for (bucket, limit) in [(&mut self.rpm, wanted.rpm), (&mut self.tpm, wanted.tpm)] {
            if let (Some(bucket), Some(limit)) = (bucket, limit) {
                is_other |= bucket.change(Numbers::per_minute(limit), now);
            }
        }
        if is_other {
            [&mut self.rpm, &mut self.tpm].into_iter().flatten().for_each(Bucket::empty_line);
        }
        self.wanted = wanted;
    }

    /// Another process goes on.
    pub(crate) fn go_on(&mut self, last: u64, now: u64) {
        for bucket in [&mut self.rpm, &mut self.tpm].into_iter().flatten() {
            bucket.go_on(last, now);
        }
    }

    /// Where it stands, by the limits in force.
    pub(crate) fn standing(&self, now: u64) -> Standing {
        let [rpm, tpm] = self.in_force();
        self.standing_of(rpm, tpm, now)
    }

    /// Where it stands, by all limits that are wanted.
    pub(crate) fn standing_of_wanted(&self, now: u64) -> Standing {
        self.standing_of(self.wanted.rpm, self.wanted.tpm, now)
    }

    fn standing_of(&self, rpm: Option<u64>, tpm: Option<u64>, now: u64) -> Standing {
        let balance = |bucket: &Option<Bucket>, limit: Option<u64>| {
            let limit = limit?;
            let full = || Bucket::full(Numbers::per_minute(limit), now);
            Some(bucket.clone().unwrap_or_else(full).balance(now))
        };
        Standing { requests: balance(&self.rpm, rpm), tokens: balance(&self.tpm, tpm) }
    }
}

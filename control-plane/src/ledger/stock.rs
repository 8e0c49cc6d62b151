//! What is left of a limit beside a client's own two, in one of the buckets that it has.

use std::cmp::Reverse;

use limiter::{Balance, Bucket, Charge, Demand, Places, Tokens, UnixMillis};

use super::{charges::Held, cost::Cost, keys::Part};
use crate::limits::Measure;

/// What is left of one number.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stock {
    /// Requests or tokens in a window.
    Window(Bucket),
    /// Requests at a time.
    Places(Places),
}

/// What is left of both; `None` was never charged, which is as good as full.
#[derive(Debug, Default)]
pub(super) struct Stocks {
    pub(super) main: Option<Stock>,
    /// Few limits have one.
    trial: Option<Box<Stock>>,
}

/// What is left of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remainder {
    /// Whole requests, tokens or places.
    pub remaining: u64,
    /// The same, where it is of a window: with what is owed, and when it is full.
    pub balance: Option<Balance>,
}

impl Stock {
    /// What there is when nothing was taken.
    pub(super) fn full(measure: Measure, now: UnixMillis) -> Self {
        match measure {
            Measure::Requests(quota) | Measure::Tokens(quota) => {
                Self::Window(Bucket::full(quota, now))
            }
            Measure::Concurrent(places) => Self::Places(Places::new(places)),
        }
    }

    /// Goes on under the numbers that `measure` has since then. A limit that counts something else is
    /// another limit, so that both are of one kind.
    pub(super) fn change(&mut self, measure: Measure, since: UnixMillis) {
        match (self, measure) {
            (Self::Window(bucket), Measure::Requests(quota) | Measure::Tokens(quota)) => {
                bucket.change(quota, since);
            }
            (Self::Places(places), Measure::Concurrent(max)) => places.change(max),
            (Self::Window(_), Measure::Concurrent(_))
            | (Self::Places(_), Measure::Requests(_) | Measure::Tokens(_)) => {}
        }
    }

    /// Whether it is what these numbers left.
    pub(super) fn is_under(&self, measure: Measure) -> bool {
        match (self, measure) {
            (Self::Window(bucket), Measure::Requests(quota) | Measure::Tokens(quota)) => {
                bucket.quota() == quota
            }
            (Self::Places(places), Measure::Concurrent(max)) => places.max() == max,
            (Self::Window(_), Measure::Concurrent(_))
            | (Self::Places(_), Measure::Requests(_) | Measure::Tokens(_)) => false,
        }
    }

    /// What a request that costs so many tokens demands of it.
    pub(super) fn demand(&mut self, measure: Measure, tokens: Tokens) -> Demand<'_> {
        match self {
            Self::Places(places) => Demand::place(places),
            Self::Window(bucket) => {
                Demand::new(bucket, if measure.is_tokens() { tokens } else { Tokens::ONE })
            }
        }
    }

    /// What an admitted request holds of it.
    pub(super) fn held(measure: Measure, charge: Option<Charge>) -> Held {
        match charge {
            Some(charge) if measure.is_tokens() => Held::Tokens(charge),
            Some(charge) => Held::Requests(charge),
            None => Held::Place,
        }
    }

    /// Corrects what was charged to what the request costs in the end; a place is given back whatever
    /// it costs, and whether that is known or not.
    pub(super) fn settle(&mut self, held: &Held, cost: Option<Cost>, now: UnixMillis) {
        match (self, held) {
            (Self::Places(places), Held::Place) => places.give_back(),
            (Self::Window(bucket), Held::Requests(charge) | Held::Tokens(charge)) => {
                if let Some(used) = cost.and_then(|cost| held.used(cost)) {
                    bucket.settle(*charge, used, now);
                }
            }
            (Self::Window(_), Held::Place)
            | (Self::Places(_), Held::Requests(_) | Held::Tokens(_)) => {}
        }
    }

    /// A place of a request that is under way already.
    pub(super) fn take_again(&mut self) {
        if let Self::Places(places) = self {
            places.take_again();
        }
    }

    /// Whether what is left would not pay for as many tokens again, or for another request at a time.
    pub(super) fn is_short(&self, measure: Measure, tokens: Tokens, now: UnixMillis) -> bool {
        match self {
            Self::Places(places) => places.free() == 0,
            Self::Window(bucket) => {
                measure.is_tokens() && bucket.balance(now).remaining() < tokens.get()
            }
        }
    }

    /// What is left, where it is of a window.
    pub(super) fn balance(&self, now: UnixMillis) -> Option<Balance> {
        match self {
            Self::Window(bucket) => Some(bucket.balance(now)),
            Self::Places(_) => None,
        }
    }

    /// Whole requests, tokens or places that there are.
    pub(super) fn remaining(&self, now: UnixMillis) -> u64 {
        self.left(now).remaining
    }

    /// All that there is to be told of what is left.
    pub(super) fn left(&self, now: UnixMillis) -> Remainder {
        match self {
            Self::Window(bucket) => bucket.balance(now).into(),
            Self::Places(places) => Remainder { remaining: places.free(), balance: None },
        }
    }

    /// The bucket, where it is one of a window: what is written down of it. Places are what open
    /// requests hold, and are read from these.
    pub(super) fn bucket(&self) -> Option<&Bucket> {
        match self {
            Self::Window(bucket) => Some(bucket),
            Self::Places(_) => None,
        }
    }

    /// Goes on at `now`, after what was taken back stood so at `last`, under the numbers of `measure`
    /// where it has some; whether that made anything else of it than the time alone does.
    pub(super) fn go_on(
        &mut self,
        measure: Option<Measure>,
        last: UnixMillis,
        now: UnixMillis,
    ) -> bool {
        let by_time_alone = self.balance(now);
        if let Self::Window(bucket) = self {
            bucket.go_on(last, now);
        }
        if let Some(measure) = measure {
            self.change(measure, now);
        }
        self.balance(now) != by_time_alone
    }
}

impl Stocks {
    /// The one that is meant; `None`: it was never charged.
    pub(super) fn get(&self, part: Part) -> Option<&Stock> {
        match part {
            Part::Main => self.main.as_ref(),
            Part::Trial => self.trial.as_deref(),
        }
    }

    /// The one that is meant, to be changed.
    pub(super) fn get_mut(&mut self, part: Part) -> Option<&mut Stock> {
        match part {
            Part::Main => self.main.as_mut(),
            Part::Trial => self.trial.as_deref_mut(),
        }
    }

    /// The one that is meant, which is full where it was never charged.
    pub(super) fn get_or_make(
        &mut self,
        part: Part,
        measure: Measure,
        now: UnixMillis,
    ) -> &mut Stock {
        match part {
            Part::Main => self.main.get_or_insert_with(|| Stock::full(measure, now)),
            Part::Trial => self.trial.get_or_insert_with(|| Box::new(Stock::full(measure, now))),
        }
    }

    /// Puts it in place of what was there.
    pub(super) fn put(&mut self, part: Part, stock: Stock) {
        match (part, &mut self.trial) {
            (Part::Main, _) => self.main = Some(stock),
            (Part::Trial, Some(trial)) => **trial = stock,
            (Part::Trial, trial) => *trial = Some(Box::new(stock)),
        }
    }

    /// Puts it in place of what was there; `None` is as good as full.
    pub(super) fn replace(&mut self, part: Part, stock: Option<Stock>) {
        match (part, stock) {
            (_, Some(stock)) => self.put(part, stock),
            (Part::Main, None) => self.main = None,
            (Part::Trial, None) => self.trial = None,
        }
    }

    /// Full again, whatever was spent or is owed. Places are held by requests, and stay.
    pub(super) fn begin_anew(&mut self) {
        let is_of_places = |stock: &Stock| matches!(stock, Stock::Places(_));
        self.main = self.main.filter(is_of_places);
        self.trial = self.trial.take().filter(|stock| is_of_places(stock));
    }
}

impl Stocks {
    /// Whether requests that are under way have places there.
    pub(super) fn holds_places(&self) -> bool {
        let mut stocks = [Part::Main, Part::Trial].into_iter().filter_map(|part| self.get(part));
        stocks.any(|stock| matches!(stock, Stock::Places(places) if places.taken() > 0))
    }

    /// Whether there is nothing to be kept.
    pub(super) fn is_empty(&self) -> bool {
        self.main.is_none() && self.trial.is_none()
    }
}

impl Remainder {
    pub(super) const UNBOUNDED: Self = Self { remaining: u64::MAX, balance: None };

    /// Tokens that are owed, where some are: a balance below 0.
    pub fn debt(&self) -> Option<i64> {
        let owed = self.balance.map_or(0, |balance| balance.owed());
        (owed > 0).then(|| i64::try_from(owed).map_or(i64::MIN, |owed| -owed))
    }

    /// Milliseconds until all of it is there, if nobody spends; places are not there again by waiting.
    pub fn full_in_ms(&self) -> Option<u64> {
        self.balance.map(|balance| balance.full_in_ms())
    }

    /// The one of which there is less.
    pub(super) fn lesser(self, other: Self) -> Self {
        let emptiness = |left: &Self| (Reverse(left.remaining), Reverse(left.debt().unwrap_or(0)));
        if emptiness(&other) > emptiness(&self) { other } else { self }
    }
}

impl From<Balance> for Remainder {
    fn from(balance: Balance) -> Self {
        Self { remaining: balance.remaining(), balance: Some(balance) }
    }
}

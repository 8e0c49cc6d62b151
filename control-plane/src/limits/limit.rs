//! One limit.

use std::num::NonZeroU64;

use limiter::{OutOfRange, Quota};

use super::{Each, LimitName, Match, ModelName, Subject};

/// What an operator wants to limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What it is called.
    pub name: LimitName,
    /// Which requests it is for.
    pub matches: Match,
    /// Which of them share a bucket.
    pub each: Each,
    /// What it limits, and to how much.
    pub measure: Measure,
    /// Whether it refuses.
    pub mode: LimitMode,
    /// A second number that is decided and counted beside the first, and refuses nothing. A bucket of
    /// its own has it.
    pub trial: Option<NonZeroU64>,
}

/// What a limit counts, and to how much it limits that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Requests in a window.
    Requests(Quota),
    /// Tokens in a window, reserved and settled.
    Tokens(Quota),
    /// Requests at a time, from their admission to the end of their responses: 1 to
    /// [`AMOUNT_MAX`](limiter::AMOUNT_MAX).
    Concurrent(NonZeroU64),
}

/// Whether a limit refuses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LimitMode {
    /// It does.
    #[default]
    Enforce,
    /// It is decided and counted, and refuses nothing.
    Shadow,
    /// It is nothing but configured.
    Off,
}

impl Limit {
    /// Whether it applies to requests of `subject` for `model`.
    pub fn applies_to(&self, subject: &Subject<'_>, model: &ModelName) -> bool {
        self.concerns(subject) && self.matches.model.as_ref().is_none_or(|only| only == model)
    }

    /// Whether it applies to requests of `subject` for some model.
    pub fn concerns(&self, subject: &Subject<'_>) -> bool {
        self.mode != LimitMode::Off
            && self.matches.includes(subject)
            && self.each.is_known_of(subject)
    }

    /// How many buckets a request needs in it.
    pub fn buckets(&self) -> usize {
        match self.mode {
            LimitMode::Off => 0,
            LimitMode::Enforce | LimitMode::Shadow => 1 + usize::from(self.trial.is_some()),
        }
    }

    /// What it counts and to how much it limits that on trial.
    ///
    /// The trial's burst is as large a part of it as the limit's is of the limit, rounded up.
    pub fn on_trial(&self) -> Option<Measure> {
        let trial = self.trial?;
        let of = |quota: Quota| {
            let burst = (u128::from(quota.burst()) * u128::from(trial.get()))
                .div_ceil(u128::from(quota.amount()));
            Quota::new(trial.get(), quota.window(), u64::try_from(burst).ok())
        };
        let measure: Result<_, OutOfRange> = match self.measure {
            Measure::Requests(quota) => of(quota).map(Measure::Requests),
            Measure::Tokens(quota) => of(quota).map(Measure::Tokens),
            Measure::Concurrent(_) => Ok(Measure::Concurrent(trial)),
        };
        measure.ok()
    }
}

impl Measure {
    /// What it is called wherever it is named.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Requests(_) => "requests",
            Self::Tokens(_) => "tokens",
            Self::Concurrent(_) => "concurrent",
        }
    }

    /// Whether it counts tokens.
    pub const fn is_tokens(&self) -> bool {
        matches!(self, Self::Tokens(_))
    }

    /// So much in which window and at once; `None` for places, of which none refills.
    pub const fn quota(&self) -> Option<Quota> {
        match self {
            Self::Requests(quota) | Self::Tokens(quota) => Some(*quota),
            Self::Concurrent(_) => None,
        }
    }

    /// What a full bucket holds, where that is not all of the amount.
    pub fn burst_below_amount(&self) -> Option<u64> {
        Some(self.capacity()).filter(|capacity| *capacity != self.amount())
    }

    /// So many requests, tokens or places as there are when nothing was taken.
    pub fn capacity(&self) -> u64 {
        match self {
            Self::Requests(quota) | Self::Tokens(quota) => quota.burst(),
            Self::Concurrent(places) => places.get(),
        }
    }

    /// So many requests or tokens a window, or requests at a time.
    pub fn amount(&self) -> u64 {
        match self {
            Self::Requests(quota) | Self::Tokens(quota) => quota.amount(),
            Self::Concurrent(places) => places.get(),
        }
    }
}

impl LimitMode {
    /// The word, where it is not that of a limit that refuses, which is the rule and goes without saying.
    pub fn word_if_not_enforced(self) -> Option<&'static str> {
        (self != Self::default()).then(|| self.word())
    }

    /// All of them.
    pub const ALL: [Self; 3] = [Self::Enforce, Self::Shadow, Self::Off];

    /// What it is called wherever it is named.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Shadow => "shadow",
            Self::Off => "off",
        }
    }
}

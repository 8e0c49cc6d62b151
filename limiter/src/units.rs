//! Quantities: what is counted, in which unit and within which range.

use core::{fmt, num::NonZeroU64};

/// The largest limit per minute and the largest estimate of one request.
///
/// With it every balance, cost and refill below fits an `i64` of [`Units`].
pub const PER_MINUTE_MAX: u64 = 1_000_000_000_000;

/// Units in one token and in one request.
///
/// A limit of L per minute refills L / 60,000 ms; counting in sixty-thousandths makes that
/// exactly L units a millisecond, so that no refill is ever rounded.
pub const UNITS_PER_TOKEN: i64 = 60_000;

/// A balance or a cost, in sixty-thousandths of a token or a request; negative when in debt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Units(pub i64);

impl Units {
    /// One request, or one token.
    pub const ONE: Self = Self(UNITS_PER_TOKEN);

    /// Whole tokens or requests that this balance pays for, never below 0.
    pub fn whole(self) -> u64 {
        u64::try_from(self.0 / UNITS_PER_TOKEN).unwrap_or(0)
    }

    /// Whole tokens or requests that are owed, rounded up; 0 without a debt.
    pub fn owed(self) -> u64 {
        u64::try_from(-self.floor()).unwrap_or(0)
    }

    /// Whole tokens or requests, rounded down: -1 as soon as anything is owed.
    pub fn floor(self) -> i64 {
        self.0.div_euclid(UNITS_PER_TOKEN)
    }
}

/// Milliseconds since the Unix epoch, by the clock of whoever owns the account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixMillis(pub u64);

/// Tokens of one request, estimated or used: 0 to [`PER_MINUTE_MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tokens(u64);

impl Tokens {
    /// No tokens: such a request still costs one request.
    pub const ZERO: Self = Self(0);

    /// Refuses more than [`PER_MINUTE_MAX`].
    pub fn new(tokens: u64) -> Result<Self, OutOfRange> {
        if tokens > PER_MINUTE_MAX {
            return Err(OutOfRange { min: 0 });
        }
        Ok(Self(tokens))
    }

    /// The number of tokens.
    pub fn get(self) -> u64 {
        self.0
    }

    pub(crate) fn units(self) -> i64 {
        whole_to_units(self.0)
    }
}

/// What a full bucket pays for.
impl From<Limit> for Tokens {
    fn from(limit: Limit) -> Self {
        Self(limit.per_minute())
    }
}

/// A rate limit: so many requests or tokens per minute, 1 to [`PER_MINUTE_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Limit(NonZeroU64);

impl Limit {
    /// Refuses 0 and more than [`PER_MINUTE_MAX`].
    pub fn new(per_minute: u64) -> Result<Self, OutOfRange> {
        match NonZeroU64::new(per_minute) {
            Some(limit) if per_minute <= PER_MINUTE_MAX => Ok(Self(limit)),
            _ => Err(OutOfRange { min: 1 }),
        }
    }

    /// The number per minute.
    pub fn per_minute(self) -> u64 {
        self.0.get()
    }

    /// What a full bucket holds: one minute's worth.
    pub fn capacity(self) -> Units {
        Units(whole_to_units(self.0.get()))
    }

    /// L per minute is L units per millisecond.
    pub(crate) fn units_per_ms(self) -> i64 {
        self.0.get().cast_signed()
    }
}

/// Exact for everything up to [`PER_MINUTE_MAX`], which is all that the types above let in.
fn whole_to_units(whole: u64) -> i64 {
    whole.cast_signed().saturating_mul(UNITS_PER_TOKEN)
}

/// A number that is not a limit, or not a count of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfRange {
    min: u64,
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "must be an integer from {} to {PER_MINUTE_MAX}", self.min)
    }
}

impl core::error::Error for OutOfRange {}

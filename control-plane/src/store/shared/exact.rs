//! Numbers that cross to the script, whose only numbers are doubles.

use thiserror::Error;

/// A whole number that a double holds exactly: below 2^53.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Exact(u64);

const MAX: u64 = (1 << 53) - 1;

/// A number of 2^53 or more, or what is no whole number of at least 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be an integer from 0 to {MAX}")]
pub struct Inexact;

impl Exact {
    /// 0, the number of what has no number yet.
    pub const ZERO: Self = Self(0);

    /// The number.
    pub fn get(self) -> u64 {
        self.0
    }

    /// The number as the script has it.
    #[expect(clippy::cast_precision_loss, reason = "it is below 2^53")]
    pub(super) fn double(self) -> f64 {
        self.0 as f64
    }

    /// The number that a double is.
    pub(super) fn of_double(double: f64) -> Result<Self, Inexact> {
        let magnitude = signed_of_double(double)?;
        u64::try_from(magnitude).map(Self).map_err(|_| Inexact)
    }
}

impl Exact {
    /// The largest.
    pub(super) const MAX: Self = Self(MAX);
}

impl TryFrom<u64> for Exact {
    type Error = Inexact;

    fn try_from(number: u64) -> Result<Self, Inexact> {
        if number > MAX { Err(Inexact) } else { Ok(Self(number)) }
    }
}

impl From<u32> for Exact {
    fn from(number: u32) -> Self {
        Self(number.into())
    }
}

/// A signed number as the script has it, where its magnitude is below 2^53.
#[expect(clippy::cast_precision_loss, reason = "its magnitude is below 2^53")]
pub(super) fn signed_double(number: i64) -> Result<f64, Inexact> {
    if number.unsigned_abs() > MAX { Err(Inexact) } else { Ok(number as f64) }
}

/// The signed number that a double is.
#[expect(clippy::cast_possible_truncation, reason = "its magnitude is below 2^53")]
#[expect(clippy::cast_precision_loss, reason = "the bound is below 2^53 as well")]
pub(super) fn signed_of_double(double: f64) -> Result<i64, Inexact> {
    // `-0.0` has another meaning than 0 to nobody here, and no number is `NaN`.
    if double.abs() <= MAX as f64 && double.fract() == 0.0 {
        Ok(double as i64)
    } else {
        Err(Inexact)
    }
}

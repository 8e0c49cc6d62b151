//! The one error of all quantities.

use core::{fmt, num::NonZeroU64};

/// A number that is not a limit, not a burst, not a window, or not a count of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfRange {
    pub(crate) min: u64,
    pub(crate) max: u64,
}

/// Refuses 0 and more than `max`.
pub(crate) fn positive_up_to(max: u64, number: u64) -> Result<NonZeroU64, OutOfRange> {
    NonZeroU64::new(number).filter(|number| number.get() <= max).ok_or(OutOfRange { min: 1, max })
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "must be an integer from {} to {}", self.min, self.max)
    }
}

impl core::error::Error for OutOfRange {}

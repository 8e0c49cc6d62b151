//! The time in which a bucket refills.

use core::num::NonZeroU32;

use crate::OutOfRange;

/// The time in which a quota's amount is refilled: whole seconds, from one to 31 days.
///
/// Within these, a window's milliseconds fit a `u32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window(NonZeroU32);

impl Window {
    /// Seconds of the longest window.
    pub const SECS_MAX: u32 = 31 * 24 * 60 * 60;

    /// The window of a client's own limits.
    pub const MINUTE: Self = Self(NonZeroU32::new(60).unwrap());

    /// Refuses 0 and more than 31 days.
    pub fn from_secs(secs: u32) -> Result<Self, OutOfRange> {
        NonZeroU32::new(secs)
            .filter(|secs| secs.get() <= Self::SECS_MAX)
            .map(Self)
            .ok_or(OutOfRange { min: 1, max: u64::from(Self::SECS_MAX) })
    }

    /// The window in seconds.
    pub fn secs(self) -> u32 {
        self.0.get()
    }

    /// The window of which [`Window::secs_less_one`] is this.
    #[inline]
    pub(crate) fn of_secs_less_one(secs: u32) -> Self {
        Self(NonZeroU32::MIN.saturating_add(secs))
    }

    /// As few as the number of the longest window's seconds fits, from 0 on.
    #[inline]
    pub(crate) fn secs_less_one(self) -> u32 {
        self.0.get() - 1
    }

    /// The window in milliseconds.
    pub fn millis(self) -> u64 {
        u64::from(self.0.get()) * 1_000
    }
}

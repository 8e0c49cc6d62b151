//! The shape of a bucket: how much, in which time, and how much of it at once.

use core::{fmt, num::NonZeroU64};

use crate::{OutOfRange, PerMinute, Window, out_of_range::positive_up_to};

/// The largest amount of a quota, whatever its window, and the largest cost of one request.
///
/// With it every balance, refill and share of a balance fits an `i128` of units.
pub const AMOUNT_MAX: u64 = 1_000_000_000_000;

/// How much refill a bucket can owe, in milliseconds.
///
/// Ten minutes: under a limit per minute a forged usage figure cannot lock a client out for hours.
const DEBT_MS_MAX: u64 = 10 * 60 * 1_000;

/// So many tokens or requests per window, refilled evenly over it, of which at most `burst` can be
/// spent at once.
///
/// Burst and window are separate because they answer separate questions: 86,400 a day and one a
/// second refill alike, but after an idle day the first has 86,400 to spend at once, unless its
/// burst says less.
///
/// ```
/// use limiter::{Quota, Window};
///
/// let day = Window::from_secs(24 * 60 * 60)?;
/// let quota = Quota::new(86_400, day, Some(10))?;
/// assert_eq!(quota.burst(), 10);
/// assert!(Quota::new(86_400, day, Some(86_401)).is_err(), "a burst is a part of the amount");
/// # Ok::<(), limiter::OutOfRange>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// The amount, and in the lowest [`WINDOW_BITS`] the seconds of the window, less one: there is a
    /// quota in every bucket, and a word for the window alone would make that larger by a fifth.
    amount_and_window: u64,
    burst: NonZeroU64,
}

/// A window has at most 2^22 seconds, and an amount is below 2^42.
const WINDOW_BITS: u32 = 22;
const WINDOW_MASK: u64 = (1 << WINDOW_BITS) - 1;
const _: () = assert!(Window::SECS_MAX as u64 - 1 <= WINDOW_MASK);
const _: () = assert!(AMOUNT_MAX <= u64::MAX >> WINDOW_BITS);

impl Quota {
    /// `burst` is the whole `amount` where none is given. Refuses an amount of 0 or more than
    /// [`AMOUNT_MAX`], and a burst of 0 or more than the amount.
    pub fn new(amount: u64, window: Window, burst: Option<u64>) -> Result<Self, OutOfRange> {
        let amount = positive_up_to(AMOUNT_MAX, amount)?;
        let burst = match burst {
            Some(burst) => positive_up_to(amount.get(), burst)?,
            None => amount,
        };
        Ok(Self::of(amount, burst, window))
    }

    /// The quota of numbers that are in range.
    fn of(amount: NonZeroU64, burst: NonZeroU64, window: Window) -> Self {
        let amount_and_window = amount.get() << WINDOW_BITS | u64::from(window.secs_less_one());
        Self { amount_and_window, burst }
    }

    /// What is refilled in one window, 1 to [`AMOUNT_MAX`].
    #[inline]
    pub fn amount(&self) -> u64 {
        self.amount_and_window >> WINDOW_BITS
    }

    /// The time in which the amount is refilled.
    #[inline]
    pub fn window(&self) -> Window {
        Window::of_secs_less_one((self.amount_and_window & WINDOW_MASK) as u32)
    }

    /// What a full bucket holds, 1 to the amount.
    pub fn burst(&self) -> u64 {
        self.burst.get()
    }

    pub(crate) fn burst_nonzero(&self) -> NonZeroU64 {
        self.burst
    }

    /// What a full bucket holds, in units.
    pub(crate) fn capacity(&self) -> i128 {
        self.units(self.burst())
    }

    /// How far down a charge can take a balance, in units: ten minutes of refill, or one window
    /// where that is longer.
    pub(crate) fn floor(&self) -> i128 {
        -self.refill(self.window().millis().max(DEBT_MS_MAX))
    }

    /// What is refilled in so many milliseconds, in units.
    pub(crate) fn refill(&self, elapsed_ms: u64) -> i128 {
        i128::from(self.amount()) * i128::from(elapsed_ms)
    }

    /// So many whole tokens in units.
    pub(crate) fn units(&self, tokens: u64) -> i128 {
        i128::from(tokens) * i128::from(self.window().millis())
    }

    /// A balance of so many whole tokens and a rest, in units.
    pub(crate) fn balance_units(&self, whole: i64, rest: u32) -> i128 {
        i128::from(whole) * i128::from(self.window().millis()) + i128::from(rest)
    }

    /// Milliseconds in which so many units are refilled. An old debt under the smallest quota can
    /// take longer than a `u64` can tell.
    pub(crate) fn refill_ms(&self, units: i128) -> u64 {
        let (units, amount) = (units.max(0).cast_unsigned(), self.amount());
        match u64::try_from(units) {
            Ok(units) => units.div_ceil(amount),
            Err(_) => u64::try_from(units.div_ceil(u128::from(amount))).unwrap_or(u64::MAX),
        }
    }
}

impl From<PerMinute> for Quota {
    fn from(limit: PerMinute) -> Self {
        let amount = limit.amount();
        Self::of(amount, amount, Window::MINUTE)
    }
}

impl fmt::Debug for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quota")
            .field("amount", &self.amount())
            .field("burst", &self.burst())
            .field("window", &self.window())
            .finish()
    }
}

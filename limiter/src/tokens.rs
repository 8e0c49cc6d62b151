//! What a request costs.

use core::{fmt, num::NonZeroU64};

use crate::{AMOUNT_MAX, OutOfRange, PerMinute};

/// Tokens of one request, estimated or used: 0 to [`AMOUNT_MAX`]. In a bucket that counts
/// requests, a token is a request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tokens {
    /// One more than there are, so that `None` takes no place.
    and_one: NonZeroU64,
}

/// Every client may have one.
const _: () = assert!(size_of::<Option<Tokens>>() == 8);

impl Tokens {
    /// No tokens at all.
    pub const ZERO: Self = Self { and_one: NonZeroU64::MIN };

    /// What a request costs in a bucket that counts requests.
    pub const ONE: Self = Self::of::<1>();

    /// Refuses more than [`AMOUNT_MAX`].
    pub fn new(tokens: u64) -> Result<Self, OutOfRange> {
        if tokens > AMOUNT_MAX {
            return Err(OutOfRange { min: 0, max: AMOUNT_MAX });
        }
        Ok(Self::within(tokens))
    }

    /// A number that is known when this is compiled: one out of range does not compile.
    pub const fn of<const TOKENS: u64>() -> Self {
        const {
            assert!(TOKENS <= AMOUNT_MAX, "more than the largest number of tokens");
            Self::within(TOKENS)
        }
    }

    /// A number that is in range.
    const fn within(tokens: u64) -> Self {
        Self { and_one: NonZeroU64::MIN.saturating_add(tokens) }
    }

    /// The number of tokens.
    pub fn get(self) -> u64 {
        self.and_one.get() - 1
    }
}

impl Default for Tokens {
    fn default() -> Self {
        Self::ZERO
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tokens").field(&self.get()).finish()
    }
}

/// What a full bucket pays for.
impl From<PerMinute> for Tokens {
    fn from(limit: PerMinute) -> Self {
        Self::within(limit.get())
    }
}

//! What a request costs.

use crate::{AMOUNT_MAX, OutOfRange, PerMinute};

/// Tokens of one request, estimated or used: 0 to [`AMOUNT_MAX`]. In a bucket that counts
/// requests, a token is a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tokens(u64);

impl Tokens {
    /// No tokens at all.
    pub const ZERO: Self = Self(0);

    /// What a request costs in a bucket that counts requests.
    pub const ONE: Self = Self(1);

    /// Refuses more than [`AMOUNT_MAX`].
    pub fn new(tokens: u64) -> Result<Self, OutOfRange> {
        if tokens > AMOUNT_MAX {
            return Err(OutOfRange { min: 0, max: AMOUNT_MAX });
        }
        Ok(Self(tokens))
    }

    /// A number that is known when this is compiled: one out of range does not compile.
    pub const fn of<const TOKENS: u64>() -> Self {
        const {
            assert!(TOKENS <= AMOUNT_MAX, "more than the largest number of tokens");
            Self(TOKENS)
        }
    }

    /// The number of tokens.
    pub fn get(self) -> u64 {
        self.0
    }
}

/// What a full bucket pays for.
impl From<PerMinute> for Tokens {
    fn from(limit: PerMinute) -> Self {
        Self(limit.get())
    }
}

//! A client's own limit.

use core::num::NonZeroU64;

use crate::{AMOUNT_MAX, OutOfRange, out_of_range::positive_up_to};

/// The largest limit per minute, and the largest estimate of one request.
pub const PER_MINUTE_MAX: u64 = AMOUNT_MAX;

/// A client's own limit: so many requests or tokens per minute, 1 to [`PER_MINUTE_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PerMinute(NonZeroU64);

/// Every client has two of them, and most clients are only configured.
const _: () = assert!(size_of::<Option<PerMinute>>() == 8);

impl PerMinute {
    /// Refuses 0 and more than [`PER_MINUTE_MAX`].
    pub fn new(per_minute: u64) -> Result<Self, OutOfRange> {
        positive_up_to(PER_MINUTE_MAX, per_minute).map(Self)
    }

    /// A limit that is known when this is compiled: one out of range does not compile.
    pub const fn of<const PER_MINUTE: u64>() -> Self {
        const {
            assert!(PER_MINUTE <= PER_MINUTE_MAX, "more than the largest limit");
            match NonZeroU64::new(PER_MINUTE) {
                Some(per_minute) => Self(per_minute),
                None => panic!("0 is no limit"),
            }
        }
    }

    /// The number per minute.
    pub fn get(self) -> u64 {
        self.0.get()
    }

    pub(crate) fn amount(self) -> NonZeroU64 {
        self.0
    }
}

//! Why a request was refused, and for how long.

/// The most buckets and places that one decision tells of.
pub const BUCKETS_MAX: usize = u16::BITS as usize;

/// How long the same request has to wait, if nobody else spends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// It passes after so many milliseconds, at least one, and not a millisecond earlier. Only of
    /// places nobody knows when one comes back: they say [`PLACES_WAIT_MS`](crate::PLACES_WAIT_MS),
    /// and with buckets that refuse too the longer is told.
    Millis(u64),
    /// It costs more than a bucket holds when full: waiting is pointless.
    Never,
}

/// Which demands refused a request, and until when. A demand is known by its place among those
/// that were decided over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    named: usize,
    wait: Wait,
    /// A bit for each demand that refuses.
    refusing: u16,
}

impl Refusal {
    pub(crate) fn of(index: usize, wait: Wait) -> Self {
        Self { named: index, wait, refusing: bit(index) }
    }

    /// Adds a later demand that refuses too. A wait that ends in a refusal would mislead: the first
    /// that never fits is named before any that waits.
    pub(crate) fn and(self, index: usize, wait: Wait) -> Self {
        let is_first_never = wait == Wait::Never && self.wait != Wait::Never;
        Self {
            named: if is_first_never { index } else { self.named },
            wait: self.wait.max(wait),
            refusing: self.refusing | bit(index),
        }
    }

    /// The demand to tell of: the first that the request never fits, else the first that waits.
    pub fn named(&self) -> usize {
        self.named
    }

    /// The longest wait of all demands that refuse, or that one of them never fits.
    pub fn wait(&self) -> Wait {
        self.wait
    }

    /// Whether this demand is one of those that refuse, of which a watched one never is. Of demands
    /// beyond [`BUCKETS_MAX`] this is told of the named one alone.
    pub fn refuses(&self, index: usize) -> bool {
        index == self.named || self.refusing & bit(index) != 0
    }
}

/// No bit is left for what is beyond [`BUCKETS_MAX`].
fn bit(index: usize) -> u16 {
    u32::try_from(index).ok().and_then(|index| 1_u16.checked_shl(index)).unwrap_or(0)
}

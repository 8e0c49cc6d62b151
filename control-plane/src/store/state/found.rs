//! What was found in the files.

use limiter::UnixMillis;

/// What was found in the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// When the last entry was written, or without one, when the snapshot was begun.
    pub last: Option<UnixMillis>,
    /// Entries of the journal that count.
    pub entries: u64,
    /// Records, of the snapshot and of the entries.
    pub records: u64,
    /// What cannot be used of the end of the journal, as a power failure leaves it.
    pub cut_off: Option<CutOff>,
}

/// An end of the journal that does not count: something is missing before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutOff {
    /// Whole entries in it.
    pub entries: u64,
    /// Its bytes.
    pub bytes: u64,
}

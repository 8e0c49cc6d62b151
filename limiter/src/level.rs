//! A bucket as plain numbers, for whoever writes it down.

use core::fmt;

use crate::{Quota, UnixMillis};

/// What is in a bucket, and of which quota: all that there is to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// The quota in force.
    pub quota: Quota,
    /// Raised with each change to a different quota.
    pub revision: u32,
    /// Whole tokens, rounded down; negative when in debt.
    pub whole: i64,
    /// What is left beyond them, in parts of a token, of which it has as many as its window has
    /// milliseconds.
    pub rest: u32,
    /// Up to when it was refilled.
    pub refilled_at: UnixMillis,
}

/// No bucket can be at such a level: it holds more than its burst, or owes more than any can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImpossibleLevel;

impl fmt::Display for ImpossibleLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no bucket can be at such a level")
    }
}

impl core::error::Error for ImpossibleLevel {}

//! What makes a limit the one that it is, whatever its numbers are.

use serde::{Deserialize, Serialize};

use super::{Each, Limit, Measure};

/// What a limit counts, and for each of what. What was spent of a limit of one kind is nothing to
/// one of another kind, also where both have one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitKind {
    /// What it counts.
    pub counts: Counts,
    /// For each value of which it has a bucket.
    pub each: Each,
}

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counts {
    /// Requests in a window.
    Requests,
    /// Tokens in a window.
    Tokens,
    /// Requests at a time.
    Concurrent,
}

impl Limit {
    /// Of which kind it is.
    pub fn kind(&self) -> LimitKind {
        let counts = match self.measure {
            Measure::Requests(_) => Counts::Requests,
            Measure::Tokens(_) => Counts::Tokens,
            Measure::Concurrent(_) => Counts::Concurrent,
        };
        LimitKind { counts, each: self.each }
    }
}

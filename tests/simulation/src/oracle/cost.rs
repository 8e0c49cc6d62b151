//! What a request costs in the end, with all settings as they are by default: the README's two tables.

use crate::upstream::{Kind, Outcome, Truth};

/// The most that counts of text that was seen to pass.
const OBSERVED_MAX: u64 = 32_768;

/// The tokens of a request that reserved so many, and came to this.
pub(crate) fn tokens(kind: Kind, reserved: u64, truth: Truth) -> u64 {
    let observed = truth.observed.min(OBSERVED_MAX);
    let makes_none = match kind {
        Kind::Generates => false,
        Kind::Reads => true,
        Kind::Counts => observed == 0,
    };
    match (truth.outcome, truth.told) {
        (Outcome::Failed | Outcome::Refused, None) => 0,
        (_, None) if makes_none => 0,
        (Outcome::TimedOut, told) => reserved.max(told.unwrap_or(0)),
        (Outcome::Aborted, told) => reserved.max(observed).max(told.unwrap_or(0)),
        (Outcome::Completed, None) => reserved.max(observed),
        (_, Some(told)) => told,
    }
}

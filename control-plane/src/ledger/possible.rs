//! Whether what somebody else wrote down could have been in the books.

use limiter::{AMOUNT_MAX, Tokens, Window};

use super::{record::REMEMBERED, written};
use crate::{
    limits::Counts,
    store::state::{BucketLevel, BucketName, BucketRecord, LearnedRecord, Record},
};

/// Why a record is of nothing that there can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImpossibleRecord {
    /// A level without a bucket that could have it.
    #[error("no bucket can be at this level")]
    Level,
    /// Other figures than can be learned.
    #[error("used must be 1 to {REMEMBERED} integers from 0 to {AMOUNT_MAX}")]
    Learned,
}

/// Whether it is of a client's own limit, which is of a minute and can be spent at once.
fn is_of_a_minute(level: &BucketLevel) -> bool {
    level.window_s == Window::MINUTE.secs() && level.burst == level.amount
}

/// Refuses a record of which [`Ledger::restore`](super::Ledger::restore) would make less than it
/// says.
pub fn check(record: &Record<'_>) -> Result<(), ImpossibleRecord> {
    match record {
        Record::Bucket(BucketRecord { bucket, level, .. }) => {
            let is_possible = level.as_ref().is_none_or(|level| {
                let is_expected = match bucket {
                    BucketName::Rpm(_) | BucketName::Tpm(_) => is_of_a_minute(level),
                    BucketName::Limit(name) => name.limit.kind.counts != Counts::Concurrent,
                };
                is_expected && written::bucket(level).is_some()
            });
            if is_possible { Ok(()) } else { Err(ImpossibleRecord::Level) }
        }
        Record::Learned(LearnedRecord { used, .. }) => {
            let is_possible = (1..=REMEMBERED).contains(&used.len())
                && used.iter().all(|tokens| Tokens::new(*tokens).is_ok());
            if is_possible { Ok(()) } else { Err(ImpossibleRecord::Learned) }
        }
        Record::Tallies(_)
        | Record::Opened(_)
        | Record::Ended(_)
        | Record::Forgotten(_)
        | Record::LimitTallies(_)
        | Record::LimitForgotten(_)
        | Record::ModelForgotten(_) => Ok(()),
    }
}

//! What changes with every request, in files: a snapshot of all of it, and a journal of what came
//! after.

mod record;

pub use record::{
    BucketLevel, BucketName, BucketRecord, ChargeRecord, EndedRecord, ForgottenRecord,
    LearnedRecord, OpenedKind, OpenedRecord, Record, Tallies, TalliesRecord,
};

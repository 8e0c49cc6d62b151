//! What was written down without a store, as the store has it.

use std::sync::Arc;

use limiter::UnixMillis;

use super::{names::declared_bucket, tallies::counted_before};
use crate::{
    ledger::written,
    store::{
        shared::{SharedConfiguration, Value},
        state::{BucketRecord, Record},
    },
};

/// Records of one client, of all that are not configured, or of a bucket that clients share, as keys and
/// values of the store.
#[derive(Debug, Default)]
pub struct MovedIn {
    /// What is left of limits. A full bucket is not among them, for one that is not there is full.
    pub buckets: Vec<(Arc<[u8]>, Vec<u8>)>,
    /// What was counted.
    pub counted: Option<(Arc<[u8]>, Vec<u8>)>,
}

impl MovedIn {
    /// The records, which stood so at `last`, at `now`, as if nothing had run in between. What `configuration`
    /// does not have is of nothing that there is any more.
    pub fn of(
        records: &[Record<'_>],
        configuration: &SharedConfiguration,
        (last, now): (UnixMillis, UnixMillis),
    ) -> Self {
        let buckets = records.iter().filter_map(|record| match record {
            Record::Bucket(bucket) => moved(bucket, configuration, (last, now)),
            _ => None,
        });
        Self { buckets: buckets.collect(), counted: counted_before(records) }
    }
}

fn moved(
    record: &BucketRecord<'_>,
    configuration: &SharedConfiguration,
    (last, now): (UnixMillis, UnixMillis),
) -> Option<(Arc<[u8]>, Vec<u8>)> {
    let mut bucket = written::bucket(record.level.as_ref()?)?;
    let (key, told) = declared_bucket(configuration, &record.bucket)?;
    bucket.go_on(last, now);
    bucket.change(told.quota, now);
    let value = Value { epoch: told.epoch, bucket: bucket.with_revision(told.revision) };
    (!value.is_full(now)).then(|| (key, value.to_bytes().to_vec()))
}

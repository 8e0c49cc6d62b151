//! Files of the first version that had their format. They are never made anew: what they hold must
//! be read by every version to come.

use std::{fs, path::Path};

use flowguard::store::state::{
    self, BucketName, BucketRecord, ChargeRecord, EndedRecord, ForgottenRecord, Found,
    LearnedRecord, OpenedKind, OpenedRecord, Record, Tallies, TalliesRecord, simulated::MemoryDisk,
};
use limiter::UnixMillis;

use crate::things::level;

fn bucket(bucket: BucketName<'_>, whole: Option<i64>) -> Record<'_> {
    Record::Bucket(BucketRecord { bucket, epoch: 3, level: whole.map(level) })
}

fn opened(kind: OpenedKind, id: u32) -> Record<'static> {
    let charge = |bucket, tokens| ChargeRecord { bucket, epoch: 3, tokens, burst: 60, revision: 1 };
    let charges = vec![charge(BucketName::Rpm("a"), 1), charge(BucketName::Tpm("a"), 600)];
    Record::Opened(OpenedRecord {
        worker: u128::MAX,
        id,
        client: "a",
        kind,
        reserved: 600,
        charges,
    })
}

fn in_the_snapshot() -> Vec<Record<'static>> {
    let tallies = Tallies {
        admitted: 1,
        overcounted: 8,
        rpm_dropped: 2,
        tpm_dropped: 3,
        tokens_used: u64::MAX,
        last_request: 5,
        durations: 6,
        durations_us: 7,
    };
    vec![
        bucket(BucketName::Rpm("a"), Some(59)),
        bucket(BucketName::Tpm("a"), Some(-600)),
        bucket(BucketName::Rpm("team/a+b"), None),
        Record::Tallies(TalliesRecord { client: "a", tallies }),
        Record::Learned(LearnedRecord { client: "a", used: vec![0, 1, 300], learned_at: 9 }),
        opened(OpenedKind::Generates, 1),
    ]
}

fn in_the_journal() -> [Vec<Record<'static>>; 2] {
    [
        vec![opened(OpenedKind::Reads, 2), opened(OpenedKind::Counts, u32::MAX)],
        vec![
            Record::Ended(EndedRecord { worker: u128::MAX, id: 1 }),
            Record::Forgotten(ForgottenRecord { client: "a" }),
            bucket(BucketName::Tpm("team/a+b"), Some(i64::MIN)),
        ],
    ]
}

#[test]
fn format_1_is_read() {
    let disk = MemoryDisk::new();
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/state-1");
    for file in fs::read_dir(Path::new(golden)).expect("the golden files") {
        let path = file.expect("a file").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        disk.put(&name, &fs::read(path).expect("a file"));
    }
    let mut expected = [in_the_snapshot(), in_the_journal().concat()].concat().into_iter();
    let found = state::read(&disk, |record| assert_eq!(Some(record), expected.next()));
    assert_eq!(expected.next(), None);
    assert_eq!(
        found.expect("format 1"),
        Found { last: Some(UnixMillis(2_002)), entries: 2, records: 11, cut_off: None }
    );
}

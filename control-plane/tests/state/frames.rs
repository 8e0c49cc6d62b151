//! Files with right checksums and any content: read or refused, whatever they say.

use flowguard::store::state::{self, simulated::MemoryDisk};
use proptest::{collection::vec, prelude::*};

/// What a header says, mostly what can be.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0..4_u64, 1 => any::<u64>(), 1 => Just(u64::MAX)]
}

fn header(magic: [u8; 8], numbers: [u64; 3]) -> Vec<u8> {
    let numbers = numbers.map(u64::to_le_bytes).concat();
    let header = [&magic[..], &1_u32.to_le_bytes(), &numbers].concat();
    let checksum = crc32fast::hash(&header);
    [header, checksum.to_le_bytes().to_vec()].concat()
}

/// A file of these frames.
fn file(magic: [u8; 8], numbers: [u64; 3], bodies: &[Vec<u8>]) -> Vec<u8> {
    let mut file = header(magic, numbers);
    let mut checksum = u32::from_le_bytes(*file.last_chunk().expect("a checksum"));
    for body in bodies {
        let mut hasher = crc32fast::Hasher::new_with_initial(checksum);
        hasher.update(body);
        checksum = hasher.finalize();
        file.extend(u32::try_from(body.len()).expect("short").to_le_bytes());
        file.extend(checksum.to_le_bytes());
        file.extend(body);
    }
    file
}

prop_compose! {
    fn entry()(number in number(), durable in number(), at in any::<u64>(), records in records())
        -> Vec<u8>
    {
        [&[number, durable, at].map(u64::to_le_bytes).concat()[..], &records].concat()
    }
}

/// Mostly a record of a bucket that is full.
fn records() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![Just(vec![0, 0, 1, b'a', 7, 0]), Just(vec![]), vec(any::<u8>(), 0..40)]
}

fn block() -> impl Strategy<Value = Vec<u8>> {
    let end = (number(), number()).prop_map(|(records, behind)| {
        [&[1][..], &records.to_le_bytes(), &behind.to_le_bytes()].concat()
    });
    let records = records().prop_map(|records| [&[0][..], &records].concat());
    prop_oneof![records, end, vec(any::<u8>(), 0..20)]
}

proptest! {
    #[test]
    fn whatever_files_say_they_are_read_or_refused(
        snapshot in prop::option::of(([number(), number(), number()], vec(block(), 0..4))),
        journals in vec((0..3_u64, number(), number(), vec(entry(), 0..4)), 0..4),
    ) {
        let disk = MemoryDisk::new();
        if let Some((numbers, blocks)) = snapshot {
            disk.put("state.snapshot", &file(*b"FGSTATES", numbers, &blocks));
        }
        for (generation, run, began, entries) in journals {
            let side = if disk.content(&format!("state.journal-{generation}-a")).is_some() {
                'b'
            } else {
                'a'
            };
            let content = file(*b"FGSTATEJ", [generation, run, began], &entries);
            disk.put(&format!("state.journal-{generation}-{side}"), &content);
        }
        // Either will do, but not a panic; and what can be read once can be read again.
        if let Ok(found) = state::read(&disk, |_| ()) {
            let mut records = 0;
            let opened = state::StateFiles::open(std::sync::Arc::new(disk.clone()), |_| records += 1);
            let (files, opened) = opened.expect("it was read");
            prop_assert_eq!(found, opened);
            prop_assert_eq!(found.records, records);
            files.append(limiter::UnixMillis(1), |entry| {
                entry.push(&state::Record::Ended(state::EndedRecord { worker: 1, id: 1 }));
            });
            files.sync();
            disk.kill();
            prop_assert!(state::read(&disk, |_| ()).is_ok());
        }
    }
}

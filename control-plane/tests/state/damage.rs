//! Files that are not what was written: refused and left as they are, or read to the same end.

use flowguard::store::{
    NewerFormat,
    state::{self, Found, StateError, simulated::MemoryDisk},
};
use proptest::{collection::vec, prelude::*};

use crate::{
    journal::bucket,
    things::{Step, Thing, Things},
    world::{World, names, open},
};

const SNAPSHOT: &str = "state.snapshot";

const HEADER_BYTES: usize = 40;

/// A snapshot, and a journal of two lives behind it whose entries are synced but for the last one.
fn used() -> (MemoryDisk, Things) {
    let mut world = World::new();
    world.append(&[bucket("a", 1), bucket("b", 1)]);
    world.snapshot().expect("a snapshot");
    for whole in 2..4 {
        world.append(&[bucket("a", whole), Step::Stands(Thing::Request(1), whole)]);
        world.sync();
    }
    world.disk.kill();
    let mut world = World::open(&world.disk).expect("opened");
    for whole in 4..8 {
        world.append(&[bucket("a", whole), Step::Ends(1)]);
        world.sync();
    }
    world.disk.kill();
    let things = world.model.now().clone();
    (world.disk, things)
}

fn copy(disk: &MemoryDisk, change: impl Fn(&str, Vec<u8>) -> Option<Vec<u8>>) -> MemoryDisk {
    let copied = MemoryDisk::new();
    for name in names(disk) {
        let content = disk.content(&name).expect("listed");
        if let Some(content) = change(&name, content) {
            copied.put(&name, &content);
        }
    }
    copied
}

fn contents(disk: &MemoryDisk) -> Vec<(String, Vec<u8>)> {
    let names = names(disk).into_iter();
    names.map(|name| (name.clone(), disk.content(&name).expect("listed"))).collect()
}

fn read(disk: &MemoryDisk) -> Result<(Found, Things), StateError> {
    let mut things = Things::default();
    let found = state::read(disk, |record| things.apply(&record))?;
    Ok((found, things))
}

/// Refused, with the file untouched, or read to the same end; `true`: refused.
#[track_caller]
fn check(disk: &MemoryDisk, expected: &Things, what: &str) -> bool {
    let before = contents(disk);
    match open(disk) {
        Ok((_, _, things)) => {
            assert_eq!(things, *expected, "{what}");
            false
        }
        Err(error) => {
            let is_refusal = matches!(error, StateError::Damaged { .. } | StateError::Newer(_));
            assert!(is_refusal, "{what}: {error}");
            assert_eq!(contents(disk), before, "{what}");
            true
        }
    }
}

#[test]
fn no_bit_of_what_was_synced_is_read_otherwise() {
    let (disk, expected) = used();
    let (mut refused, mut bits) = (0, 0);
    for (name, content) in contents(&disk) {
        for place in 0..content.len() {
            let bit = u8::try_from(place % 8).expect("small");
            let flipped = copy(&disk, |other, mut content| {
                if other == name {
                    content[place] ^= 1 << bit;
                }
                Some(content)
            });
            bits += 1;
            refused += u32::from(check(&flipped, &expected, &format!("{name}, byte {place}")));
        }
    }
    // What is not refused is the last word of each file, and what the second life does not need.
    assert!(refused * 10 > bits * 8, "{refused} of {bits}");
}

#[test]
fn no_file_can_be_missing_or_shorter() {
    let (disk, expected) = used();
    for (name, content) in contents(&disk) {
        let missing = copy(&disk, |other, content| (other != name).then_some(content));
        assert!(check(&missing, &expected, &format!("without {name}")));
        for length in 0..content.len() {
            let shorter = copy(&disk, |other, mut content| {
                content.truncate(if other == name { length } else { usize::MAX });
                Some(content)
            });
            check(&shorter, &expected, &format!("{length} bytes of {name}"));
        }
    }
}

#[test]
fn a_journal_without_its_other_file_is_refused_even_if_nothing_tells_of_its_entries() {
    let mut world = World::new();
    world.append(&[bucket("a", 1)]);
    world.sync();
    world.append(&[bucket("a", 2)]);
    world.disk.kill();
    let half = copy(&world.disk, |name, content| (!name.ends_with("-b")).then_some(content));
    assert!(check(&half, world.model.now(), "without the second file"));
}

#[test]
fn a_snapshot_without_what_was_written_beside_it_is_refused() {
    let (disk, expected) = used();
    let empty = copy(&disk, |name, mut content| {
        content.truncate(if name == SNAPSHOT { usize::MAX } else { HEADER_BYTES });
        // What the second life says of the first is another matter.
        (!name.starts_with("state.journal-3")).then_some(content)
    });
    assert!(check(&empty, &expected, "an empty journal"));
}

#[test]
fn a_file_of_a_later_version_is_refused_with_its_format() {
    let (disk, _) = used();
    for (name, _) in contents(&disk) {
        let newer = copy(&disk, |other, mut content| {
            if other == name {
                content[8] = 3;
            }
            Some(content)
        });
        match open(&newer) {
            Err(StateError::Newer(NewerFormat { file, format: 3, known: 2 })) => {
                assert!(file.ends_with(&name), "{file:?}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn damage_is_told_with_its_file_and_the_way_out() {
    let (disk, _) = used();
    let damaged = copy(&disk, |name, mut content| {
        if name == SNAPSHOT {
            content[60] ^= 1;
        }
        Some(content)
    });
    let error = open(&damaged).expect_err("damaged").to_string();
    assert_eq!(
        error,
        "/memory/state.snapshot is damaged (its block at byte 40 is not what was written) and was \
         left as it is: put a copy of all files state.* back, or move all of them away to begin \
         with full limits"
    );
}

#[test]
fn reading_changes_nothing() {
    let (disk, expected) = used();
    let (before, changes) = (contents(&disk), disk.changes());
    let (found, things) = read(&disk).expect("read");
    assert_eq!(things, expected);
    assert_eq!((contents(&disk), disk.changes()), (before, changes));
    let (_, opened, _) = open(&disk).expect("opened");
    assert_eq!(found, opened);
}

/// Bytes of which a frame could be made, and any others.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![Just(0), Just(1), Just(0xff), any::<u8>()], 0..200)
}

proptest! {
    #[test]
    fn any_bytes_in_any_file_are_read_or_refused(
        place in any::<prop::sample::Index>(),
        kept in 0..400_usize,
        bytes in bytes(),
    ) {
        let (disk, _) = used();
        let names = names(&disk);
        let name = place.get(&names);
        let spoiled = copy(&disk, |other, mut content| {
            if other == name {
                content.truncate(kept);
                content.extend(&bytes);
            }
            Some(content)
        });
        // Either will do, but not a panic.
        let _ = read(&spoiled);
        let _ = open(&spoiled);
    }
}

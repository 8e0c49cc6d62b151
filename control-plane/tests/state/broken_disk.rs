//! A disk that is full or fails: decisions go on, and a snapshot puts everything right.

use std::io::ErrorKind;

use flowguard::store::state::{Cause, Condition, StateError, simulated::Operation};

use crate::{
    journal::bucket,
    things::Thing,
    world::{NOW, World, open},
};

fn condition(world: &World) -> Condition {
    world.status().condition
}

#[test]
fn a_full_disk_ends_the_journal_until_a_snapshot_is_written() {
    let mut world = World::new();
    world.append(&[bucket("a", 1)]);
    world.disk.is_full_at(world.disk.bytes() + 10);
    for whole in 2..5 {
        world.append(&[bucket("a", whole)]);
    }
    let Condition::Broken { since: Some(NOW), cause: Cause::Full(_) } = condition(&world) else {
        panic!("{:?}", world.status());
    };
    assert_eq!(world.status().unwritten, 3);
    let Err(StateError::Unusable { error, .. }) = world.snapshot() else { panic!("no error") };
    assert_eq!(error.kind(), ErrorKind::StorageFull);

    world.disk.has_room();
    world.append(&[bucket("a", 5)]);
    assert_eq!(world.status().unwritten, 4, "nothing is written behind what is missing");
    world.snapshot().expect("there is room");
    assert_eq!(condition(&world), Condition::Writing);
    assert_eq!(world.status().unwritten, 4);
    world.append(&[bucket("b", 6)]);
    world.disk.kill();
    let again = World::open(&world.disk).expect("opened");
    assert_eq!(again.model.now(), world.model.now());
    assert_eq!(again.found.cut_off, None);
}

/// A sync that is tried again after one that failed succeeds, and what it should have made durable is
/// lost.
#[test]
fn what_a_failed_sync_left_behind_is_not_called_durable_by_the_process_that_comes_next() {
    let mut world = World::new();
    world.append(&[bucket("a", 1)]);
    world.sync();
    world.append(&[bucket("a", 2)]);
    world.disk.refuses(Some(Operation::Sync));
    world.sync();
    world.disk.refuses(None);
    world.disk.kill();

    let (files, _, _) = open(&world.disk).expect("opened");
    assert!(files.is_outgrown(), "it is time for a snapshot");
    files.append(NOW, |entry| bucket("b", 3).record(|record| entry.push(record)));
    files.sync();
    drop(files);
    world.disk.lose_power(|| 0);
    let (_, found, _) = open(&world.disk).expect("the files always open");
    assert!(found.cut_off.is_some() || found.entries > 0);
}

#[test]
fn what_a_full_disk_took_half_is_a_tail_and_no_damage() {
    for room in 0..60 {
        let mut world = World::new();
        world.append(&[bucket("a", 1)]);
        world.sync();
        world.disk.is_full_at(world.disk.bytes() + room);
        world.append(&[bucket("a", 2), bucket("b", 2)]);
        assert_eq!(world.status().unwritten, 1);
        world.disk.kill();
        let (_, _, things) = open(&world.disk).expect("opened");
        assert_eq!(things.all(), [Thing::Bucket("a".into())], "{room} bytes");
    }
}

#[test]
fn on_a_full_disk_the_files_open_and_nothing_is_appended() {
    let mut world = World::new();
    world.append(&[bucket("a", 1)]);
    world.disk.kill();
    world.disk.is_full_at(world.disk.bytes());
    let mut again = World::open(&world.disk).expect("what is there can be served");
    assert_eq!(again.model.now(), world.model.now());
    let Condition::Broken { since: None, cause: Cause::Full(_) } = condition(&again) else {
        panic!("{:?}", again.status());
    };
    again.append(&[bucket("a", 2)]);
    assert!(matches!(condition(&again), Condition::Broken { since: Some(NOW), .. }));
    world.disk.has_room();
    again.snapshot().expect("there is room");
    assert_eq!(condition(&again), Condition::Writing);
    again.append(&[bucket("b", 3)]);
    again.sync();
    world.disk.lose_power(|| 0);
    let (_, _, things) = open(&world.disk).expect("opened");
    assert_eq!(things, *again.model.now());
}

#[test]
fn what_a_sync_could_not_write_is_not_trusted_when_it_is_tried_again() {
    let mut world = World::new();
    world.append(&[bucket("a", 1)]);
    world.disk.refuses(Some(Operation::Sync));
    world.sync();
    assert!(matches!(condition(&world), Condition::Broken { cause: Cause::Failed(_), .. }));
    world.disk.refuses(None);
    // The system says yes now, and has forgotten the bytes all the same.
    world.sync();
    world.append(&[bucket("b", 2)]);
    assert_eq!(world.status().unwritten, 1);
    world.snapshot().expect("a snapshot");
    assert_eq!(condition(&world), Condition::Writing);
    world.append(&[bucket("c", 3)]);
    world.sync();
    world.disk.lose_power(|| 0);
    let (_, _, things) = open(&world.disk).expect("opened");
    assert_eq!(things, *world.model.now());
}

#[test]
fn a_snapshot_that_misses_entries_of_its_own_time_is_none() {
    let mut world = World::new();
    world.append(&[bucket("a", 1)]);
    world.snapshot().expect("a snapshot");
    world.append(&[bucket("b", 1)]);
    let written = world.snapshot_while(|disk, files, model| {
        disk.is_full_at(disk.bytes());
        crate::world::append(disk, files, model, &[bucket("a", 2)]);
        disk.has_room();
    });
    assert!(matches!(written, Err(StateError::JournalBroken(Cause::Full(_)))), "{written:?}");
    assert!(matches!(condition(&world), Condition::Broken { .. }));
    world.snapshot().expect("a snapshot");
    assert_eq!(condition(&world), Condition::Writing);
}

#[test]
fn a_snapshot_whose_name_may_be_durable_or_not_keeps_all_that_either_needs() {
    for power in [None, Some(0), Some(1)] {
        let mut world = World::new();
        world.append(&[bucket("a", 1)]);
        world.disk.is_full_at(world.disk.bytes());
        world.append(&[bucket("a", 2)]);
        assert_ne!(condition(&world), Condition::Writing);
        world.disk.has_room();
        let written = world.snapshot_while(|disk, files, model| {
            disk.refuses(Some(Operation::SyncNames));
            crate::world::append(disk, files, model, &[bucket("a", 3)]);
        });
        written.expect_err("its name is not synced");
        assert_ne!(condition(&world), Condition::Writing);
        match power {
            None => world.disk.kill(),
            Some(random) => world.disk.lose_power(|| random),
        }
        open(&world.disk).unwrap_or_else(|error| panic!("{power:?}: {error}"));
    }
}

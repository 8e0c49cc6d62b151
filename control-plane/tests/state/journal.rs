//! The journal and the snapshot, step by step.

use std::{
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use flowguard::store::state::{CutOff, Record, Records, simulated::Operation};

use crate::{
    things::{Step, Thing},
    world::{NOW, World, names, open},
};

pub(crate) fn bucket(client: &str, whole: u64) -> Step {
    Step::Stands(Thing::Bucket(client.to_owned()), whole)
}

fn journals(world: &World) -> usize {
    let names = names(&world.disk);
    names.iter().filter(|name| name.starts_with("state.journal-")).count()
}

#[test]
fn an_entry_is_one_write_and_one_without_records_is_none() {
    let mut world = World::new();
    let before = world.disk.changes();
    world.append(&[bucket("a", 1), bucket("b", 2), Step::Ends(3)]);
    assert_eq!(world.disk.changes(), before + 1);
    world.append(&[]);
    assert_eq!(world.disk.changes(), before + 1);
}

#[test]
fn nothing_is_written_while_nothing_happens() {
    let mut world = World::new();
    assert!(!world.files.has_changed());
    world.append(&[bucket("a", 1)]);
    world.sync();
    let before = world.disk.changes();
    for _ in 0..10 {
        world.sync();
    }
    assert_eq!(world.disk.changes(), before);
    assert!(world.files.has_changed());
    world.snapshot().expect("a snapshot");
    let before = world.disk.changes();
    world.sync();
    assert_eq!(world.disk.changes(), before);
    assert!(!world.files.has_changed());
}

#[test]
fn records_that_were_encoded_before_are_part_of_their_entry() {
    let world = World::new();
    let mut records = Records::default();
    assert!(records.is_empty());
    bucket("gone", 1).record(|record| records.push(record));
    records.clear();
    bucket("a", 2).record(|record| records.push(record));
    world.files.append(NOW, |entry| {
        entry.extend(&records);
        bucket("b", 3).record(|record| entry.push(record));
    });
    world.disk.kill();
    let (_, found, things) = open(&world.disk).expect("opened");
    assert_eq!((found.entries, found.records, found.last), (1, 2, Some(NOW)));
    assert_eq!(things.all(), [Thing::Bucket("a".into()), Thing::Bucket("b".into())]);
}

#[test]
fn entries_go_on_while_a_sync_takes_long() {
    let mut world = World::new();
    world.append(&[bucket("a", 0)]);
    world.disk.hold_syncs();
    thread::scope(|scope| {
        let files = &world.files;
        let syncing = scope.spawn(|| files.sync());
        world.disk.wait_for_sync();
        for whole in 1..100 {
            files.append(NOW, |entry| bucket("a", whole).record(|record| entry.push(record)));
        }
        assert!(!syncing.is_finished());
        world.disk.let_syncs_go();
    });
    // Of what was written meanwhile nothing is synced.
    world.disk.lose_power(|| 2);
    let (_, found, _) = open(&world.disk).expect("opened");
    assert_eq!(found.entries, 1);
}

#[test]
fn entries_go_on_while_a_snapshot_waits_for_the_disk() {
    let world = World::new();
    let balance = AtomicU64::new(0);
    let push = |push: &mut dyn FnMut(&Record<'_>)| {
        bucket("a", balance.load(Ordering::Relaxed)).record(|record| push(record));
    };
    let append = || {
        balance.fetch_add(1, Ordering::Relaxed);
        world.files.append(NOW, |entry| push(&mut |record| entry.push(record)));
    };
    append();
    world.disk.hold_syncs();
    thread::scope(|scope| {
        scope.spawn(|| {
            world.files.snapshot(|| NOW, |writer| push(&mut |record| writer.push(record)))
        });
        world.disk.wait_for_sync();
        (1..100).for_each(|_| append());
        world.disk.let_syncs_go();
    });
    world.disk.kill();
    let (_, _, things) = open(&world.disk).expect("opened");
    assert!(matches!(things.step(&Thing::Bucket("a".into())), Some(Step::Stands(_, 100))));
}

#[test]
fn entries_are_synced_while_a_snapshot_is_filled() {
    let world = World::new();
    let (begins, begun) = mpsc::channel();
    let (ends, may_end) = mpsc::channel();
    thread::scope(|scope| {
        let files = &world.files;
        scope.spawn(move || {
            files.snapshot(
                || NOW,
                |_| {
                    begins.send(()).expect("the test waits");
                    let limit = Duration::from_secs(10);
                    may_end.recv_timeout(limit).expect("the sync waits for the snapshot");
                },
            )
        });
        begun.recv().expect("the snapshot begins");
        files.append(NOW, |entry| bucket("a", 1).record(|record| entry.push(record)));
        files.sync();
        world.disk.lose_power(|| 0);
        ends.send(()).expect("the snapshot waits");
    });
    let (_, _, things) = open(&world.disk).expect("opened");
    assert_eq!(things.all(), [Thing::Bucket("a".into())]);
}

#[test]
fn after_a_snapshot_the_journal_before_it_is_gone() {
    let mut world = World::new();
    for life in 0..3 {
        world.append(&[bucket("a", life)]);
        world.disk.kill();
        world = World::open(&world.disk).expect("opened");
    }
    // One generation for each life, as none is written to by two.
    assert_eq!(journals(&world), 8);
    world.snapshot().expect("a snapshot");
    assert_eq!(journals(&world), 2);
}

#[test]
fn lives_without_entries_leave_no_files() {
    let mut world = World::new();
    for _ in 0..5 {
        world.disk.kill();
        world = World::open(&world.disk).expect("opened");
    }
    assert_eq!(journals(&world), 2);
}

#[test]
fn many_generations_outgrow_the_snapshot() {
    let mut world = World::new();
    for life in 0..20 {
        world.append(&[bucket("a", life)]);
        world.disk.kill();
        world = World::open(&world.disk).expect("opened");
    }
    assert!(world.files.is_outgrown());
    world.snapshot().expect("a snapshot");
    assert!(!world.files.is_outgrown());
}

#[test]
fn what_was_cut_off_is_told_once_and_never_comes_back() {
    let mut world = World::new();
    world.append(&[bucket("a", 1)]);
    world.sync();
    for whole in 2..10 {
        world.append(&[bucket("a", whole)]);
    }
    // Cut in the midst of the first entry that was not synced, and the rest is gone.
    world.disk.lose_power(|| 30);
    let (files, found, things) = open(&world.disk).expect("opened");
    let cut_off = found.cut_off.expect("told");
    assert!(matches!(cut_off, CutOff { bytes: 1.., .. }), "{found:?}");
    drop(files);
    world.disk.kill();
    let again = World::open(&world.disk).expect("opened");
    assert_eq!(again.found.cut_off, None);
    assert_eq!(*again.model.now(), things);
}

#[test]
fn a_snapshot_that_fails_leaves_what_was_in_force() {
    for refused in [
        Operation::Create,
        Operation::Rename,
        Operation::SyncNames,
        Operation::Append,
        Operation::Sync,
    ] {
        let mut world = World::new();
        world.append(&[bucket("a", 1)]);
        world.snapshot().expect("a snapshot");
        world.append(&[bucket("a", 2)]);
        world.sync();
        world.disk.refuses(Some(refused));
        world.snapshot().expect_err("the disk refuses it");
        world.disk.refuses(None);
        assert!(world.files.has_changed(), "{refused:?}");
        world.disk.lose_power(|| 0);
        let (_, _, things) = open(&world.disk).unwrap_or_else(|e| panic!("{refused:?}: {e}"));
        assert_eq!(things, *world.model.now(), "{refused:?}");
    }
}

#[test]
fn snapshots_that_fail_again_and_again_leave_no_files() {
    for refused in [Operation::Rename, Operation::SyncNames, Operation::Append, Operation::Sync] {
        let mut world = World::new();
        world.append(&[bucket("a", 1)]);
        for _ in 0..10 {
            let written = world.snapshot_while(|disk, _, _| disk.refuses(Some(refused)));
            written.expect_err("the disk refuses it");
            world.disk.refuses(None);
            world.append(&[bucket("a", 2)]);
        }
        let left = names(&world.disk);
        assert!(left.len() <= 6, "{refused:?}: {left:?}");
        world.snapshot().expect("a snapshot");
        assert_eq!(names(&world.disk).len(), 3, "{refused:?}");
    }
}

//! Lives that end anywhere: what is found is what the model allows, and the files always open.

use std::ops::Range;

use fastrand::Rng;
use flowguard::store::state::{self, StateFiles, simulated::MemoryDisk};

use crate::{
    things::{Step, Thing, Things},
    world::{Crash, Model, World, append, sync},
};

/// What may happen in a life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Disk {
    Healthy,
    /// It gets full and has room again.
    Full,
}

/// What a campaign went through.
#[derive(Debug, Default)]
struct Tally {
    kills: u64,
    power_losses: u64,
    /// Power losses after which something was missing.
    cut_off: u64,
    /// Crashes in the middle of a change of the disk.
    in_a_change: u64,
    snapshots: u64,
    broken: u64,
}

fn step(random: &mut Rng) -> Step {
    let client = format!("client-{}", random.u64(0..4));
    let id = u32::try_from(random.u64(0..4)).expect("small");
    let number = random.u64(..) >> 2;
    match random.u64(0..8) {
        0..3 => Step::Stands(Thing::Bucket(client), number),
        3 => Step::Stands(Thing::Tallies(client), number),
        4..6 => Step::Stands(Thing::Request(id), number),
        6 => Step::Ends(id),
        _ => Step::Forgets(client),
    }
}

fn steps(random: &mut Rng) -> Vec<Step> {
    (0..=random.u64(0..3)).map(|_| step(random)).collect()
}

fn something(disk: &MemoryDisk, files: &StateFiles, model: &mut Model, random: &mut Rng) {
    match random.u64(0..6) {
        0..4 => append(disk, files, model, &steps(random)),
        4 => sync(disk, files, model),
        _ => {}
    }
}

/// One process, from its start to its end; `None`: it ended before it was up.
fn live(disk: &MemoryDisk, random: &mut Rng, kind: Disk, tally: &mut Tally) -> Option<World> {
    if random.u64(0..2) == 0 {
        disk.dies_after(random.u64(0..80), random.u64(0..200));
    }
    let mut world = match World::open(disk) {
        Ok(world) => world,
        Err(error) => {
            assert!(disk.is_dead(), "{error}");
            return None;
        }
    };
    for _ in 0..random.u64(0..50) {
        if disk.is_dead() {
            break;
        }
        match random.u64(0..20) {
            0..13 => world.append(&steps(random)),
            13..17 => world.sync(),
            17 => {
                let meanwhile = |disk: &_, files: &_, model: &mut _| {
                    something(disk, files, model, random);
                };
                let written = world.snapshot_while(meanwhile);
                assert!(written.is_ok() || kind == Disk::Full || disk.is_dead(), "{written:?}");
                tally.snapshots += u64::from(written.is_ok());
            }
            _ if kind == Disk::Healthy => {}
            18 => disk.is_full_at(disk.bytes() + random.u64(0..300)),
            _ => disk.has_room(),
        }
    }
    Some(world)
}

/// Many lives on one disk, each of which begins with what the one before left.
fn check_lives(seed: u64, kind: Disk, tally: &mut Tally) {
    let mut random = Rng::with_seed(seed);
    let disk = MemoryDisk::new();
    let mut model = Model::new(Things::default());
    let mut crash = Crash::Kill;
    let mut before = Things::default();
    for life in 0..8 {
        let lived = live(&disk, &mut random, kind, tally);
        tally.in_a_change += u64::from(disk.is_dead());
        // One that was not up may have lost what the one before had not synced.
        if let Some(world) = lived {
            assert_eq!(*world.model.first(), before, "seed {seed}, life {life}");
            tally.broken += u64::from(world.status().unwritten > 0);
            model = world.model;
            crash = Crash::Kill;
        }
        if random.u64(0..3) == 0 {
            disk.kill();
            tally.kills += 1;
        } else {
            disk.lose_power(|| random.u64(..));
            tally.power_losses += 1;
            crash = Crash::PowerLoss;
        }
        disk.has_room();
        let mut things = Things::default();
        let read = state::read(&disk, |record| things.apply(&record));
        let found = read.unwrap_or_else(|error| panic!("seed {seed}, life {life}: {error}"));
        tally.cut_off += u64::from(found.cut_off.is_some());
        assert!(
            model.allows(&things, crash),
            "seed {seed}, life {life}, {crash:?}: {things:?} after {model:?}"
        );
        before = things;
    }
}

fn campaign(seeds: Range<u64>) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        check_lives(seed, if seed % 2 == 0 { Disk::Healthy } else { Disk::Full }, &mut tally);
    }
    println!("{tally:?}");
    tally
}

#[test]
fn whatever_dies_what_was_synced_is_found_and_after_a_kill_everything() {
    let tally = campaign(0..400);
    assert!(tally.power_losses >= 1_000, "{tally:?}");
    assert!(tally.kills >= 500, "{tally:?}");
    assert!(tally.cut_off >= 100, "{tally:?}");
    assert!(tally.in_a_change >= 500, "{tally:?}");
    assert!(tally.snapshots >= 500, "{tally:?}");
    assert!(tally.broken >= 100, "{tally:?}");
}

#[test]
#[ignore = "takes minutes"]
fn whatever_dies_at_length() {
    campaign(1_000_000..1_030_000);
}

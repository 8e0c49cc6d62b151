//! A snapshot and the start after it, each ended at every single change of the disk.

use fastrand::Rng;
use flowguard::store::state::simulated::MemoryDisk;

use crate::{
    journal::bucket,
    things::Things,
    world::{World, open},
};

/// A journal of two lives, all of it durable, and what it comes to.
fn used() -> (MemoryDisk, Things) {
    let mut world = World::new();
    world.append(&[bucket("a", 1)]);
    world.snapshot().expect("a snapshot");
    world.append(&[bucket("b", 2)]);
    world.disk.kill();
    let mut world = World::open(&world.disk).expect("opened");
    world.append(&[bucket("a", 3), bucket("c", 3)]);
    world.sync();
    (world.disk, world.model.now().clone())
}

/// Opens and writes a snapshot, and dies after so many changes; `false`: it lived.
fn live(disk: &MemoryDisk, changes: u64, torn: u64) -> bool {
    disk.dies_after(changes, torn);
    if let Ok(mut world) = World::open(disk) {
        let _ = world.snapshot();
    }
    disk.is_dead()
}

#[test]
fn a_start_and_a_snapshot_may_end_at_any_change_and_so_may_the_start_after() {
    let mut random = Rng::with_seed(7);
    let mut points = 0;
    for first in 0.. {
        let mut is_over = true;
        for torn in [0, 1, 30] {
            for second in 0..20 {
                let (disk, expected) = used();
                disk.kill();
                is_over &= !live(&disk, first, torn);
                disk.kill();
                live(&disk, second, torn);
                let seed = random.u64(..);
                let mut power = Rng::with_seed(seed);
                disk.lose_power(|| power.u64(..));
                let what = format!("{first}, then {second}, torn {torn}, power {seed}");
                let (_, _, things) = open(&disk).unwrap_or_else(|error| panic!("{what}: {error}"));
                assert_eq!(things, expected, "{what}");
                points += 1;
            }
        }
        if is_over {
            break;
        }
    }
    assert!(points > 1_000, "{points}");
}

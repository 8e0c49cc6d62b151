//! Many threads append, while others sync and write snapshots.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use crate::{
    journal::bucket,
    things::{Step, Thing},
    world::{NOW, World, open},
};

const CLIENTS: usize = 4;
const ENTRIES: u64 = 500;

fn name(client: usize) -> String {
    format!("client-{client}")
}

#[test]
fn threads_that_append_beside_syncs_and_snapshots_lose_nothing() {
    let world = World::new();
    let balances: Vec<Mutex<u64>> = (0..CLIENTS).map(|_| Mutex::new(0)).collect();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let appending: Vec<_> = (0..CLIENTS)
            .map(|thread| {
                let (files, balances) = (&world.files, &balances);
                scope.spawn(move || {
                    for entry in 0..ENTRIES {
                        // Every thread writes to every balance.
                        let client = (thread + usize::try_from(entry).unwrap()) % CLIENTS;
                        *balances[client].lock().unwrap() += 1;
                        files.append(NOW, |entry| {
                            let whole = *balances[client].lock().unwrap();
                            bucket(&name(client), whole).record(|record| entry.push(record));
                        });
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                world.files.sync();
                thread::yield_now();
            }
        });
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let walk = |writer: &mut flowguard::store::state::SnapshotWriter<'_>| {
                    for (client, balance) in balances.iter().enumerate() {
                        let whole = *balance.lock().unwrap();
                        bucket(&name(client), whole).record(|record| writer.push(record));
                        thread::yield_now();
                    }
                };
                world.files.snapshot(|| NOW, walk).expect("a snapshot");
            }
        });
        for thread in appending {
            thread.join().unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
    });
    world.disk.kill();
    let (_, found, things) = open(&world.disk).expect("opened");
    assert_eq!(found.cut_off, None);
    for client in 0..CLIENTS {
        let found = things.step(&Thing::Bucket(name(client)));
        assert!(matches!(found, Some(Step::Stands(_, ENTRIES))), "{found:?}");
    }
}

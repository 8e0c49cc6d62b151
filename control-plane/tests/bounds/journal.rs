//! What is written down of decisions holds up no decision: neither a sync that takes its time, nor a
//! snapshot of very many clients.

use std::{path::Path, sync::Arc, thread, time::Duration};

use flowguard::{
    clients::{ClientConfig, Limits},
    ledger::{Ledger, Policy, SystemClock},
    store::{
        DataFolder, NoStore,
        state::{Disk, FolderDisk, StateFiles, simulated::MemoryDisk},
    },
};
use limiter::{ClientId, PerMinute};
use proto::decision::FilterFrame;
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use crate::{
    ALONE,
    served::serve,
    worker::{Worker, admitted},
};

const ID_LEN: usize = 16;

fn id(number: usize) -> String {
    format!("{number:0>ID_LEN$}")
}

/// A ledger of so many clients that writes to `disk`.
fn ledger(clients: usize, disk: Arc<dyn Disk>) -> (Arc<Ledger>, Arc<StateFiles>) {
    let ledger = Arc::new(Ledger::new(Policy::default(), SystemClock::start()));
    for number in 0..clients {
        let id = ClientId::try_from(id(number).as_str()).expect("an id");
        let limit = PerMinute::new(1_000_000_000).ok();
        let limits = Limits { rpm: limit, tpm: limit };
        ledger.configure(&ClientConfig::new(id, limits));
    }
    let opened = StateFiles::open(disk, |record| ledger.restore(&record));
    let (files, found) = opened.expect("an empty disk");
    let files = Arc::new(files);
    ledger.go_on(found.last, Arc::clone(&files));
    (ledger, files)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_decision_waits_for_a_journal_that_is_being_synced() {
    const DECISIONS: usize = 2_000;
    let _alone = ALONE.lock().await;
    let disk = MemoryDisk::new();
    let (ledger, files) = ledger(1, Arc::new(disk.clone()));
    let served = serve(ledger, NoStore::default()).await;
    let mut worker = Worker::open(served.decision).await;
    let asked = worker.decide([id(0)], FilterFrame::default()).await;
    assert_eq!(admitted(&asked), 1);

    disk.hold_syncs();
    let syncing = {
        let files = Arc::clone(&files);
        spawn_blocking(move || files.sync())
    };
    let held = disk.clone();
    spawn_blocking(move || held.wait_for_sync()).await.expect("a sync has begun");
    for _ in 0..DECISIONS / 50 {
        let asked = worker.decide(vec![id(0); 50], FilterFrame::default()).await;
        assert_eq!(admitted(&asked), 50);
    }
    assert!(!syncing.is_finished());
    disk.let_syncs_go();
    syncing.await.expect("synced");
    assert_eq!(files.status().unwritten, 0, "all of it was written meanwhile");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute"]
async fn a_snapshot_of_a_million_clients_costs_decisions_no_time() {
    // A build without optimization needs as long for a fifth of them.
    const CLIENTS: usize = if cfg!(debug_assertions) { 200_000 } else { 1_000_000 };
    const ROUNDS: usize = 5;
    const ROUND: Duration = Duration::from_secs(3);
    let _alone = ALONE.lock().await;
    let temporary = TempDir::new().expect("a temporary folder");
    let folder = DataFolder::open(Path::new(temporary.path())).expect("a folder");
    let (ledger, files) = ledger(CLIENTS, Arc::new(FolderDisk::new(&folder)));
    let served = serve(Arc::clone(&ledger), NoStore::default()).await;
    let mut worker = Worker::open(served.decision).await;
    // So that each has balances.
    for first in (0..CLIENTS).step_by(64) {
        let ids = (first..CLIENTS.min(first + 64)).map(id);
        let cancels = Vec::new();
        worker.decide(ids, FilterFrame { cancels, ..FilterFrame::default() }).await;
    }
    let client = id(CLIENTS / 2);
    let (mut alone, mut beside, mut snapshots) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        alone.push(worker.p999(&client, ROUND).await);
        let stop = Arc::new(());
        let (files, ledger) = (Arc::clone(&files), Arc::clone(&ledger));
        let stopped = Arc::downgrade(&stop);
        let writing = thread::spawn(move || {
            let mut written = 0;
            while stopped.strong_count() > 0 {
                let snapshot =
                    files.snapshot(|| ledger.now(), |snapshot| ledger.write_all(snapshot));
                snapshot.expect("a snapshot");
                written += 1;
            }
            written
        });
        beside.push(worker.p999(&client, ROUND).await);
        drop(stop);
        snapshots += writing.join().expect("the snapshots' thread");
    }
    println!("p99.9 alone {alone:?}, beside {snapshots} snapshots of {CLIENTS} clients {beside:?}");
    alone.sort_unstable();
    beside.sort_unstable();
    let (alone, beside) = (alone[ROUNDS / 2], beside[ROUNDS / 2]);
    assert!(beside <= alone + Duration::from_millis(5), "{alone:?} alone, {beside:?} beside");
}

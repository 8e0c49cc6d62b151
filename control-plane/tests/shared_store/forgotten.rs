//! A store that lost its last writes, where all who saw them are gone too: the worst of all faults.

use std::fs::{self, File};

use flowguard::ledger::WorkerId;
use harness::redis::{Kind, Redis};

use crate::{
    moved::{asks, is_admitted, ledger_at},
    traffic::target,
};

/// Requests of a full bucket, and as many as come back in twenty seconds, which no test takes.
const BUCKET: u32 = 100;
const REFILLED: u32 = 34;

/// How many are admitted until one is refused.
async fn spend(redis: &Redis, worker: WorkerId, most: u32) -> u32 {
    let (ledger, desk) = ledger_at(&target(redis.address().port()));
    assert!(ledger.begin_stream(worker, 1));
    let worker = ledger.join(worker);
    let mut admitted = 0;
    while admitted < most && is_admitted(&asks(&ledger, &worker, admitted + 1).await) {
        admitted += 1;
    }
    // As when the process is killed: it tells nobody anything.
    desk.abort();
    admitted
}

async fn check_that_one_bucket_is_the_most(kind: Kind) {
    let options = ["--appendonly", "yes", "--appendfsync", "everysec"];
    let mut redis = Redis::start(kind, &options).await;
    assert_eq!(spend(&redis, WorkerId(1), 1).await, 1);
    let log = redis.append_log();
    let kept = fs::metadata(&log).expect("a file").len();
    let before = 1 + spend(&redis, WorkerId(2), u32::MAX).await;
    assert!((BUCKET..BUCKET + REFILLED).contains(&before), "{before} of a bucket");
    redis.process().kill();
    File::options().write(true).open(&log).expect("a file").set_len(kept).expect("cut off");
    redis.restart().await;
    let after = spend(&redis, WorkerId(3), u32::MAX).await;
    println!("{kind:?}: {before} admitted, and {after} of what was forgotten");
    assert!(after >= BUCKET / 2, "only {after}: nothing was forgotten");
    assert!(after <= BUCKET + REFILLED, "{after} of what was forgotten");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_all_who_saw_it_are_gone_no_more_than_one_bucket_is_admitted_again() {
    for kind in Kind::all_here() {
        check_that_one_bucket_is_the_most(kind).await;
    }
}

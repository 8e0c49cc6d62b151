//! A store that is killed under load and has forgotten its last second when it is there again, as where the power
//! failed: nothing was on its disk that was written after that.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use fastrand::Rng;
use harness::random::with_a_new_seed;
use harness::redis::{Kind, Redis};

use super::ESTIMATE;
use super::balances::{TASKS, TooMuch, UnderLoad};

/// How often `everysec` writes to the disk.
const FORGOTTEN: Duration = Duration::from_secs(1);

/// At most so many bytes of a command are left behind what is whole.
const TORN_BYTES: u64 = 200;

/// What one control plane may have decided since the other one last heard of the store, which of the two tells
/// it last is lost: each has half of the requests under way at a time, and rarely makes more than two calls
/// meanwhile.
const FEW: i64 = 2 * TASKS;

/// In the other direction: requests under way when it died and when it came back are charged in the store and
/// once more by who decided alone, and what ends gave back is forgotten where one saw less.
const SOME: i64 = 2 * TASKS;

#[expect(clippy::disallowed_methods, reason = "so much is forgotten")]
async fn goes_on_until_much_is_to_be_forgotten() {
    tokio::time::sleep(FORGOTTEN).await;
}

async fn forgets_its_last_second(kind: Kind, chance: &mut Rng) -> TooMuch {
    let options = ["--appendonly", "yes", "--appendfsync", "everysec"];
    let mut store = Redis::start(kind, &options).await;
    let load = UnderLoad::start(&format!("redis://{}", store.address())).await;
    load.admits(100).await;
    let log = store.append_log();
    let (whole, admitted_before) = (len(&log), load.stack.upstream.requests().len());
    goes_on_until_much_is_to_be_forgotten().await;
    store.process().kill();
    let kept = whole + chance.u64(..TORN_BYTES);
    let cut = len(&log).checked_sub(kept).expect("more was written in a second");
    let file = File::options().write(true).open(&log).expect("a file");
    file.set_len(kept).expect("cut off");
    let forgotten = load.stack.upstream.requests().len() - admitted_before;
    // Both decide alone.
    load.admits(20).await;
    store.restart().await;
    load.is_configured_again().await;
    load.admits(100).await;
    let (admitted, too_much) = load.stop().await;
    println!(
        "{kind:?}, {admitted} admitted, {cut} bytes with {forgotten} of them forgotten: {too_much:?}"
    );
    // A store that nobody tells what it forgot is found out by this.
    assert!(i64::try_from(forgotten).expect("few") >= 4 * FEW, "only {forgotten} in a second");
    let TooMuch { requests, tokens } = too_much;
    assert!((-SOME..=FEW).contains(&requests), "{requests} requests too much");
    let estimate = i64::try_from(ESTIMATE).expect("few");
    assert!((-2 * SOME * estimate..=FEW * estimate).contains(&tokens), "{tokens} tokens too much");
    too_much
}

fn len(file: &Path) -> u64 {
    fs::metadata(file).expect("a file").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_forgot_its_last_second_is_told_what_was_admitted() {
    forgets_its_last_second(Kind::Redis, &mut with_a_new_seed()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: twenty runs"]
async fn a_store_that_forgot_its_last_second_is_told_what_was_admitted_in_every_run() {
    let mut chance = with_a_new_seed();
    let mut most = TooMuch { requests: i64::MIN, tokens: i64::MIN };
    for run in 0..20 {
        let run = forgets_its_last_second(Kind::ALL[run % 2], &mut chance).await;
        most.requests = most.requests.max(run.requests);
        most.tokens = most.tokens.max(run.tokens);
    }
    println!("at most {most:?}");
}

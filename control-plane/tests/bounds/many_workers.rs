//! Two hundred workers, as of fifty Envoys, ask at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use flowguard::{
    clients::{ClientConfig, Limits},
    ledger::{Ledger, ManualClock, Policy},
    store::NoStore,
};
use limiter::{ClientId, PerMinute, UnixMillis};
use proto::decision::FilterFrame;
use tokio::{
    task::{JoinHandle, JoinSet},
    time::{Instant, timeout},
};

use crate::{
    ALONE,
    served::{Served, serve},
    worker::{SOON, Worker, admitted, endpoint},
};

const WORKERS: usize = 200;

/// Each of them asks so often for `client`, one to seven requests a frame.
const FRAMES: usize = 20;
const ASKS_IN_A_FRAME: [usize; 7] = [1, 2, 3, 4, 5, 6, 7];

/// Half of what is asked for.
const LIMIT: usize = 8_000;

const FRAMES_MAX: usize = 20_000;
const STANDSTILL: Duration = Duration::from_millis(500);

/// A control plane whose clock stands still, so that nothing is refilled.
async fn serve_one_client() -> (Served, Arc<Ledger>) {
    let clock = ManualClock::at(UnixMillis(1_700_000_000_000));
    let ledger = Arc::new(Ledger::new(Policy::default(), clock));
    let id = ClientId::try_from("client").expect("an id");
    let limits = Limits { rpm: PerMinute::new(LIMIT as u64).ok(), tpm: None };
    ledger.configure(&ClientConfig::new(id, limits));
    (serve(Arc::clone(&ledger), NoStore::default()).await, ledger)
}

async fn open_workers(served: &Served) -> Vec<Worker> {
    let mut opening = JoinSet::new();
    for _ in 0..WORKERS {
        opening.spawn(Worker::open(served.decision));
    }
    opening.join_all().await
}

/// How many requests they were asked for, and how many admitted.
async fn ask_at_once(workers: Vec<Worker>) -> (usize, usize) {
    let mut asking = JoinSet::new();
    for mut worker in workers {
        asking.spawn(async move {
            let (mut asked, mut passed) = (0, 0);
            for asks in ASKS_IN_A_FRAME.into_iter().cycle().take(FRAMES) {
                let clients = (0..asks).map(|_| "client".to_owned());
                let verdicts = worker.decide(clients, FilterFrame::default()).await;
                assert_eq!(verdicts.len(), asks);
                asked += asks;
                passed += admitted(&verdicts);
            }
            (asked, passed)
        });
    }
    let each = asking.join_all().await;
    each.into_iter().fold((0, 0), |sum, each| (sum.0 + each.0, sum.1 + each.1))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_workers_at_once_are_all_answered_and_admitted_exactly_the_burst() {
    let _alone = ALONE.lock().await;
    let (served, ledger) = serve_one_client().await;
    let workers = open_workers(&served).await;
    let started = Instant::now();
    let (asked, passed) = ask_at_once(workers).await;
    println!("{asked} requests of {WORKERS} workers in {:?}", started.elapsed());
    assert!(asked > LIMIT, "{asked} requests reach no limit");
    assert_eq!(passed, LIMIT, "of {asked}");
    let record = ledger.snapshot("client").expect("configured").record;
    assert_eq!((record.admitted, record.rpm_dropped), (LIMIT as u64, (asked - LIMIT) as u64));
}

/// It asks on and on, and takes none of its answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_reads_no_answer_is_asked_to_wait_and_holds_up_no_other() {
    let _alone = ALONE.lock().await;
    let (served, _ledger) = serve_one_client().await;
    let workers = open_workers(&served).await;

    let smallest_window = endpoint(served.decision).initial_stream_window_size(1);
    let mut unread = Worker::open_at(smallest_window).await;
    let name = unread.name.clone();
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let mut asks_on = tokio::spawn(async move {
        while count.fetch_add(1, Ordering::Relaxed) < FRAMES_MAX {
            let strangers = (0..64).map(|_| "stranger".to_owned());
            unread.send(strangers, FilterFrame::default()).await;
        }
    });
    let answered = timeout(SOON, ask_at_once(workers)).await;
    let (_, passed) = answered.expect("all others are answered");
    assert_eq!(passed, LIMIT);

    let taken = comes_to_a_standstill(&mut asks_on, &sent).await;
    println!("{taken} frames were taken of a worker that reads nothing");

    // Its own next stream takes the place of the one that nobody reads.
    let back = timeout(SOON, Worker::come_back(served.decision, name)).await;
    let mut back = back.expect("welcomed at once");
    let asked = back.decide(["stranger".to_owned()], FilterFrame::default()).await;
    assert_eq!(asked.len(), 1);
    asks_on.abort();
}

/// How many frames were sent until no further one can be.
async fn comes_to_a_standstill(asks_on: &mut JoinHandle<()>, sent: &AtomicUsize) -> usize {
    let mut before = 0;
    loop {
        let ended = timeout(STANDSTILL, &mut *asks_on).await;
        assert!(ended.is_err(), "all {FRAMES_MAX} frames were taken");
        let now = sent.load(Ordering::Relaxed);
        if now == before {
            return before;
        }
        before = now;
    }
}

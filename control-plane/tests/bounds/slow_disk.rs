//! A disk that takes its time over a write: nobody waits for it but who writes.

use std::sync::Arc;

use async_trait::async_trait;
use flowguard::{
    clients::{ClientConfig, Limits, Revision},
    ledger::{Ledger, Policy, SystemClock},
    store::{ConfigStore, Contents, Edit, StoreError},
};
use hyper::StatusCode;
use limiter::{ClientId, PerMinute};
use proto::decision::FilterFrame;
use tokio::{
    sync::{
        Semaphore,
        mpsc::{UnboundedSender, unbounded_channel},
    },
    task::JoinSet,
    time::timeout,
};

use crate::{
    ALONE,
    http1::{get, put, text},
    served::serve,
    worker::{SOON, Worker, admitted},
};

/// A store that syncs each write for as long as the test likes.
#[derive(Debug)]
struct SlowDisk {
    begun: UnboundedSender<()>,
    synced: Arc<Semaphore>,
}

impl SlowDisk {
    async fn sync(&self) -> Result<Revision, StoreError> {
        self.begun.send(()).expect("the test listens");
        let synced = self.synced.acquire().await.expect("it is never closed");
        synced.forget();
        Ok(Revision::new(1))
    }
}

#[async_trait]
impl ConfigStore for SlowDisk {
    async fn load(&self) -> Result<Contents, StoreError> {
        Ok(Contents::default())
    }

    async fn write(&self, _: Arc<Vec<Edit>>) -> Result<Revision, StoreError> {
        self.sync().await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_decision_and_no_reader_waits_for_a_write_that_is_being_synced() {
    const WRITERS: usize = 20;
    const DECISIONS: usize = 2_000;
    let _alone = ALONE.lock().await;
    let ledger = Arc::new(Ledger::new(Policy::default(), SystemClock::start()));
    let id = ClientId::try_from("client").expect("an id");
    let limits = Limits { rpm: PerMinute::new(1_000_000).ok(), tpm: None };
    ledger.configure(&ClientConfig::new(id, limits));
    let (begun, mut begins) = unbounded_channel();
    let synced = Arc::new(Semaphore::new(0));
    let disk = SlowDisk { begun, synced: Arc::clone(&synced) };
    let served = serve(ledger, disk).await;

    let mut writers = JoinSet::new();
    // The client for which is asked meanwhile is the first that is written.
    writers.spawn(put(served.rest, "client", r#"{"rpm":1}"#));
    timeout(SOON, begins.recv()).await.expect("in time").expect("a write has begun");
    for client in ["client", "another"].into_iter().cycle().take(WRITERS - 1) {
        writers.spawn(put(served.rest, client, r#"{"rpm":1}"#));
    }

    let mut worker = Worker::open(served.decision).await;
    for _ in 0..DECISIONS {
        let verdicts = worker.decide(["client".to_owned()], FilterFrame::default()).await;
        assert_eq!(admitted(&verdicts), 1, "by what was in force before");
    }
    for (port, path) in [
        (served.rest, "/health"),
        (served.rest, "/api/v1/clients/client"),
        (served.rest, "/api/v1/stats"),
        (served.metrics, "/metrics"),
        (served.metrics, "/health"),
    ] {
        let read = async { text(get(port, path).await).await };
        assert!(!timeout(SOON, read).await.expect("in time").is_empty(), "{path}");
    }
    let early = writers.try_join_next();
    assert!(early.is_none(), "acknowledged before it is synced: {early:?}");

    synced.add_permits(WRITERS);
    let answers = timeout(SOON, writers.join_all()).await.expect("in time");
    let created = answers.iter().filter(|status| **status == StatusCode::CREATED).count();
    assert_eq!((created, answers.len()), (1, WRITERS), "{answers:?}");
}

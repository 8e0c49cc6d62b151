//! A write is stored first, then put in force, then acknowledged.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use flowguard::{
    clients::{ClientConfig, Limits, Revision},
    ledger::Answer,
    operator::{
        Caller, Draft, Given, Precondition,
        start::{self, Found},
    },
    store::{ConfigStore, Contents, Edit, NoStore, StoreError},
};
use limiter::ClientId;
use tokio::sync::{
    Mutex,
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

use crate::world::{World, limit};

/// A store that works until it is told not to.
#[derive(Clone, Debug, Default)]
pub(crate) struct FailingStore {
    broken: Arc<AtomicBool>,
    full: Arc<AtomicBool>,
    writes: Arc<AtomicU64>,
}

impl FailingStore {
    pub(crate) fn break_down(&self) {
        self.broken.store(true, Ordering::SeqCst);
    }

    fn fill_up(&self) {
        self.full.store(true, Ordering::SeqCst);
    }

    fn next_write(&self) -> Result<Revision, StoreError> {
        self.works()?;
        if self.full.load(Ordering::SeqCst) {
            return Err(StoreError::Full(io::ErrorKind::StorageFull.into()));
        }
        Ok(Revision::new(7 + self.writes.fetch_add(1, Ordering::SeqCst)))
    }

    fn works(&self) -> Result<(), StoreError> {
        if self.broken.load(Ordering::SeqCst) {
            let cause = io::Error::other("disk full at /var/lib/secret-path");
            return Err(StoreError::Unavailable(Box::new(cause)));
        }
        Ok(())
    }
}

#[async_trait]
impl ConfigStore for FailingStore {
    async fn load(&self) -> Result<Contents, StoreError> {
        self.works()?;
        let clients = vec![(config("stored"), Revision::new(4))];
        Ok(Contents { clients, newest: Revision::new(6), ..Contents::default() })
    }

    async fn write(&self, _: Arc<Vec<Edit>>) -> Result<Revision, StoreError> {
        self.next_write()
    }
}

fn config(id: &str) -> ClientConfig {
    let limits = Limits { rpm: Some(limit(7)), tpm: None };
    let id = ClientId::try_from(id).expect("an id");
    ClientConfig::new(id, limits)
}

#[tokio::test]
async fn what_is_stored_is_in_force_after_the_start() {
    let world = World::with_store(FailingStore::default());
    let found = Found { clients: 1, is_first_start: false };
    assert_eq!(start::load(&world.operator).await.expect("loaded"), found);
    assert_eq!(world.ledger.configs_after(None, usize::MAX), [config("stored")]);

    let store = FailingStore::default();
    store.break_down();
    assert!(start::load(&World::with_store(store).operator).await.is_err());
}

#[tokio::test]
async fn a_write_that_is_not_stored_is_neither_acknowledged_nor_in_force() {
    let store = FailingStore::default();
    let world = World::with_store(store.clone());
    world.configure("a", Some(1), None).await;
    let before = world.ledger.configs_after(None, usize::MAX);
    store.break_down();

    for reply in [
        world.post("/api/v1/clients", r#"{"client_id":"new"}"#).await,
        world.put("/api/v1/clients/a", r#"{"rpm":1000}"#).await,
        world.delete("/api/v1/clients/a").await,
    ] {
        reply.is_error(
            503,
            "store_unavailable",
            "the configuration could not be stored, so that it is not in force",
        );
    }
    assert_eq!(world.ledger.configs_after(None, usize::MAX), before);
    // What needs no store still works.
    world.delete("/api/v1/clients/new").await.is_error(404, "client_not_found", "Client not found");
    assert_eq!(world.post("/api/v1/clients", "{}").await.status, 400);
    assert_eq!(world.get("/api/v1/clients/a").await.status, 200);
}

#[tokio::test]
async fn a_full_disk_is_told_apart_and_takes_nothing_out_of_force() {
    let store = FailingStore::default();
    let world = World::with_store(store.clone());
    world.configure("a", Some(1), None).await;
    store.fill_up();

    for reply in [
        world.put("/api/v1/clients/a", r#"{"rpm":1000}"#).await,
        world.patch("/api/v1/clients/a", r#"{"rpm":1000}"#).await,
        world.delete("/api/v1/clients/a").await,
    ] {
        reply.is_error(
            507,
            "storage_full",
            "the configuration could not be stored, for no space is left on the disk, so that it \
             is not in force",
        );
    }
    assert_eq!(world.ledger.config("a").expect("in force").limits.rpm, Some(limit(1)));
    assert!(matches!(world.ask("a", 1), Answer::Admitted { .. }), "decisions go on");
}

#[tokio::test]
async fn a_write_has_the_revision_that_the_store_gave_it() {
    let world = World::with_store(FailingStore::default());
    let set = async |rpm| {
        let change = world
            .operator
            .set(Draft::new("a", Some(rpm), None), Precondition::Anything, &Caller::Process)
            .await;
        change.expect("stored").revision
    };
    assert_eq!([set(1).await, set(1).await], [Revision::new(7), Revision::new(8)]);
    let patch = Draft { rpm: Given::Value(None), ..Draft::default() };
    let change = world
        .operator
        .patch("a", patch, Precondition::Anything, &Caller::Process)
        .await
        .expect("stored");
    assert_eq!(change.revision, Revision::new(9));
    let removal =
        world.operator.remove("a", Precondition::Anything, &Caller::Process).await.expect("stored");
    assert_eq!(removal.revision, Revision::new(10));
    assert_eq!(removal.config.id.as_str(), "a");
}

#[tokio::test]
async fn what_is_not_kept_has_revisions_all_the_same() {
    let store = NoStore::default();
    let newest = async || store.load().await.expect("nothing to fail").newest;
    assert_eq!(newest().await, Revision::NONE);
    let first =
        store.write(vec![Edit::PutClient(config("a"))].into()).await.expect("nothing to fail");
    let second = store
        .write(vec![Edit::RemoveClient(config("a").id)].into())
        .await
        .expect("nothing to fail");
    assert!(Revision::NONE < first && first < second);
    assert_eq!(newest().await, second);
}

/// A store whose every write waits to be let through, in the test's order.
#[derive(Debug)]
struct SlowStore {
    begun: UnboundedSender<String>,
    go_on: Mutex<UnboundedReceiver<()>>,
}

impl SlowStore {
    fn new() -> (Self, UnboundedReceiver<String>, UnboundedSender<()>) {
        let (begun, begins) = unbounded_channel();
        let (lets_go_on, go_on) = unbounded_channel();
        (Self { begun, go_on: Mutex::new(go_on) }, begins, lets_go_on)
    }
}

#[async_trait]
impl ConfigStore for SlowStore {
    async fn load(&self) -> Result<Contents, StoreError> {
        Ok(Contents::default())
    }

    async fn write(&self, edits: Arc<Vec<Edit>>) -> Result<Revision, StoreError> {
        let [Edit::PutClient(config)] = &edits[..] else { panic!("{edits:?}") };
        self.begun.send(config.id.to_string()).expect("the test listens");
        self.go_on.lock().await.recv().await.expect("the test lets it go on");
        Ok(Revision::new(1))
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_no_write_half_done_and_the_next_one_waits_for_it() {
    let (store, mut begun, lets_go_on) = SlowStore::new();
    let world = World::with_store(store);
    let set = |id: &'static str| {
        let operator = Arc::clone(&world.operator);
        tokio::spawn(async move {
            operator.set(Draft::new(id, None, None), Precondition::Anything, &Caller::Process).await
        })
    };

    let abandoned = set("a");
    assert_eq!(begun.recv().await.as_deref(), Some("a"));
    abandoned.abort();
    assert!(abandoned.await.expect_err("aborted").is_cancelled());
    assert!(world.ledger.is_empty(), "in force before it was stored");

    let waiting = set("b");
    assert!(begun.is_empty(), "two writes at a time");
    lets_go_on.send(()).expect("the store listens");
    assert_eq!(begun.recv().await.as_deref(), Some("b"));
    assert!(world.ledger.config("a").is_some(), "stored and not put in force");

    lets_go_on.send(()).expect("the store listens");
    waiting.await.expect("not aborted").expect("stored");
    assert_eq!(world.ledger.len(), 2);
}

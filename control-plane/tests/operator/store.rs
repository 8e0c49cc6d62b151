//! A write is stored first, then put in force, then acknowledged.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
};

use flowguard::{
    ledger::ClientConfig,
    operator::{Caller, Draft},
    store::{ConfigStore, StoreError},
};
use limiter::{ClientId, Limits};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::world::{World, limit};

/// A store that works until it is told not to.
#[derive(Clone, Debug, Default)]
pub(crate) struct FailingStore {
    broken: Arc<AtomicBool>,
}

impl FailingStore {
    pub(crate) fn break_down(&self) {
        self.broken.store(true, Ordering::SeqCst);
    }

    fn answer<T>(&self, value: T) -> Result<T, StoreError> {
        if self.broken.load(Ordering::SeqCst) {
            let cause = io::Error::other("disk full at /var/lib/secret-path");
            return Err(StoreError::Unavailable(Box::new(cause)));
        }
        Ok(value)
    }
}

impl ConfigStore for FailingStore {
    fn load(&self) -> Result<Vec<ClientConfig>, StoreError> {
        self.answer(vec![config("stored")])
    }

    fn put(&self, _: &ClientConfig) -> Result<(), StoreError> {
        self.answer(())
    }

    fn remove(&self, _: &ClientId) -> Result<(), StoreError> {
        self.answer(())
    }
}

fn config(id: &str) -> ClientConfig {
    let limits = Limits { rpm: Some(limit(7)), tpm: None };
    let id = ClientId::try_from(id).expect("an id");
    ClientConfig { id, limits, enabled: true, min_estimate: None }
}

#[tokio::test]
async fn what_is_stored_is_in_force_after_the_start() {
    let world = World::with_store(FailingStore::default());
    assert_eq!(world.operator.load().await.expect("loaded"), 1);
    assert_eq!(world.ledger.configs_after(None, usize::MAX), [config("stored")]);

    let store = FailingStore::default();
    store.break_down();
    assert!(World::with_store(store).operator.load().await.is_err());
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

/// A store whose every write waits to be let through, in the test's order.
#[derive(Debug)]
struct SlowStore {
    begun: UnboundedSender<String>,
    go_on: Mutex<mpsc::Receiver<()>>,
}

impl SlowStore {
    fn new() -> (Self, UnboundedReceiver<String>, mpsc::Sender<()>) {
        let (begun, begins) = unbounded_channel();
        let (lets_go_on, go_on) = mpsc::channel();
        (Self { begun, go_on: Mutex::new(go_on) }, begins, lets_go_on)
    }
}

impl ConfigStore for SlowStore {
    fn load(&self) -> Result<Vec<ClientConfig>, StoreError> {
        Ok(Vec::new())
    }

    fn put(&self, config: &ClientConfig) -> Result<(), StoreError> {
        self.begun.send(config.id.to_string()).expect("the test listens");
        let go_on = self.go_on.lock().expect("no writer panicked");
        go_on.recv().map_err(|error| StoreError::Unavailable(Box::new(error)))
    }

    fn remove(&self, _: &ClientId) -> Result<(), StoreError> {
        Ok(())
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_no_write_half_done_and_the_next_one_waits_for_it() {
    let (store, mut begun, lets_go_on) = SlowStore::new();
    let world = World::with_store(store);
    let set = |id: &'static str| {
        let operator = Arc::clone(&world.operator);
        tokio::spawn(async move {
            operator.set(Draft::new(id, None, None, true), Caller::Process).await
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

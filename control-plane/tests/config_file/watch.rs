//! A file that changes while it is watched; the clock is the test's.

use std::{
    fs,
    future::pending,
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{Router, body::Body, http::Request};
use flowguard::{
    auth::Lock,
    clients::Revision,
    config_file::{FileMetrics, Loaded},
    health::Health,
    http::Access,
    ledger::{Ledger, ManualClock, Policy},
    metrics,
    operator::{Caller, Draft, Operator, Precondition},
    store::{ConfigStore, Contents, Edit, StoreError},
};
use limiter::UnixMillis;
use prometheus::Registry;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::limits::large_with_mistakes;

/// A store that fails while it is told to.
#[derive(Clone, Debug, Default)]
struct Store {
    is_broken: Arc<AtomicBool>,
}

#[async_trait]
impl ConfigStore for Store {
    async fn load(&self) -> Result<Contents, StoreError> {
        Ok(Contents::default())
    }

    async fn write(&self, edits: Arc<Vec<Edit>>) -> Result<Revision, StoreError> {
        let removes = edits.iter().any(|edit| matches!(edit, Edit::RemoveClient(_)));
        if removes && self.is_broken.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable(Box::new(io::Error::other("no disk"))));
        }
        Ok(Revision::NONE)
    }
}

struct World {
    operator: Arc<Operator>,
    ledger: Arc<Ledger>,
    store: Store,
    page: Router,
    file: PathBuf,
    _folder: TempDir,
    stop: CancellationToken,
    watch: JoinHandle<()>,
}

impl World {
    /// The file is about to take over a client of the API's, which cannot be stored.
    async fn that_cannot_store() -> Self {
        let world = Self::watch("clients: {}").await;
        let draft = Draft::new("api", Some(1), None);
        world.operator.set(draft, Precondition::Anything, &Caller::Unknown).await.expect("stored");
        world.store.is_broken.store(true, Ordering::SeqCst);
        world.write("clients: {api: {}, b: {}}");
        pass(30).await;
        world
    }

    async fn watch(content: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let file = folder.path().join("clients.yaml");
        fs::write(&file, content).expect("a file");
        let clock = ManualClock::at(UnixMillis(1_700_000_000_999));
        let ledger = Arc::new(Ledger::new(Policy::default(), clock));
        let store = Store::default();
        let operator = Arc::new(Operator::new(Arc::clone(&ledger), Box::new(store.clone())));
        let (health, registry) = (Health::ready(), Registry::new());
        let counters = FileMetrics::register(&registry).expect("metrics");
        let loaded = Loaded::read(file.clone()).expect("a file in order");
        let watch = loaded.put_in_force(&operator, health.clone(), counters).await;
        let (watch, stop) = (watch.expect("in force"), CancellationToken::new());
        let access = Access::default();
        let page = metrics::router(Arc::clone(&ledger), registry, health, &access, &Lock::open());
        let running = watch.run(stop.clone());
        let watch = tokio::spawn(async { running.await.expect("it never fails") });
        Self { operator, ledger, store, page, file, _folder: folder, stop, watch }
    }

    fn write(&self, content: &str) {
        fs::write(&self.file, content).expect("the file can be written");
    }

    async fn get(&self, path: &str) -> String {
        let request = Request::get(path).header("host", "localhost");
        let request = request.body(Body::empty()).expect("a request");
        let answer = self.page.clone().oneshot(request).await.expect("an answer");
        assert_eq!(answer.status(), 200);
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
        String::from_utf8(body.into()).expect("text")
    }

    async fn health(&self) -> Value {
        serde_json::from_str(&self.get("/health").await).expect("JSON")
    }

    async fn metric(&self, name: &str) -> String {
        let page = self.get("/metrics").await;
        let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.expect("the metric").to_owned()
    }

    async fn errors(&self) -> String {
        self.metric("flowguard_config_file_errors_total").await
    }

    fn clients(&self) -> Vec<String> {
        let configs = self.ledger.configs_after(None, usize::MAX);
        configs.iter().map(|config| config.id.to_string()).collect()
    }
}

/// Moves the clock, once everything that is due is done.
async fn pass(seconds: u64) {
    let passed = timeout(Duration::from_secs(seconds), pending::<()>()).await;
    assert!(passed.is_err(), "nothing else ends it");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_still_written_is_not_read() {
    let world = World::watch("clients: {a: {}}").await;
    for second in 0..10 {
        world.write(&format!("clients: {{b: {{}}, c{second}: {{"));
        pass(1).await;
    }
    assert_eq!((world.clients(), world.errors().await), (vec!["a".to_owned()], "0".to_owned()));
    world.write("clients: {b: {}}");
    pass(3).await;
    assert_eq!(world.clients(), ["b"]);
    assert_eq!(world.health().await["status"], "healthy");
}

#[tokio::test(start_paused = true)]
async fn contents_that_are_wrong_are_counted_once_however_long_they_stay() {
    let world = World::watch("clients: {a: {}}").await;
    for (content, errors) in [("clients:", "1"), ("clients: []", "2"), ("clients: {a: {}}", "2")] {
        world.write(content);
        pass(10).await;
        assert_eq!(world.errors().await, errors, "{content}");
        let (status, in_force) =
            if content.ends_with("}}") { ("healthy", "1") } else { ("degraded", "0") };
        assert_eq!(world.health().await["status"], status, "{content}");
        assert_eq!(world.metric("flowguard_config_file_in_force").await, in_force, "{content}");
        assert_eq!(world.clients(), ["a"], "{content}");
    }
    let loaded = world.metric("flowguard_config_file_loaded_timestamp_seconds").await;
    assert_eq!(loaded, "1700000000");
}

#[tokio::test(start_paused = true)]
async fn of_a_large_document_with_mistakes_nothing_is_in_force() {
    let world = World::watch("clients: {a: {}}").await;
    let (text, wrong) = large_with_mistakes();
    world.write(&text);
    pass(10).await;
    assert_eq!((world.clients(), world.errors().await), (vec!["a".to_owned()], "1".to_owned()));
    let reason = world.health().await["reasons"][0].as_str().expect("a reason").to_owned();
    assert!(
        reason.contains(&format!(" has {} errors, the first in line 2,", wrong.len())),
        "{reason}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_stored_is_tried_again_until_it_can() {
    let world = World::that_cannot_store().await;
    let reason = format!(
        "CONFIG_FILE {} is tried again: the configuration could not be stored, so that it is not \
         in force; what it said before stays in force",
        world.file.display()
    );
    assert_eq!(world.health().await["reasons"], json!([reason]));
    assert_eq!((world.clients(), world.errors().await), (vec!["api".to_owned()], "1".to_owned()));

    world.store.is_broken.store(false, Ordering::SeqCst);
    pass(15).await;
    assert_eq!(world.clients(), ["api", "b"]);
    assert_eq!(world.health().await["status"], "healthy");
}

#[tokio::test(start_paused = true)]
async fn a_step_back_from_what_could_not_be_stored_is_in_force_again() {
    let world = World::that_cannot_store().await;
    assert_eq!(world.metric("flowguard_config_file_in_force").await, "0");
    world.write("clients: {}");
    pass(15).await;
    assert_eq!(world.metric("flowguard_config_file_in_force").await, "1");
    assert_eq!(world.health().await["status"], "healthy");
    assert_eq!(world.clients(), ["api"]);
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_it_is_told_to() {
    let world = World::watch("clients: {}").await;
    world.stop.cancel();
    world.watch.await.expect("it ends by itself");
}

//! Several control planes over one store: what one configures is in force in all.

use std::sync::Arc;

use async_trait::async_trait;
use flowguard::{
    clients::Revision,
    credentials::{Digest, KeyError},
    health::Health,
    operator::{Caller, FollowMetrics, Precondition, start},
    store::{ConfigStore, Contents, Edit, StoreError, WrittenSince},
};
use prometheus::Registry;
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    task,
    time::{self, Duration},
};
use tokio_util::sync::CancellationToken;

use crate::world::World;

/// What several processes share.
#[derive(Debug, Default)]
struct Common {
    written: Mutex<Vec<(Edit, Revision)>>,
    turn: Arc<Mutex<()>>,
    /// What was written before this revision is told as everything that there is.
    forgotten: std::sync::Mutex<Revision>,
}

/// One process' view of it.
#[derive(Debug)]
struct View {
    common: Arc<Common>,
    turn: Mutex<Option<OwnedMutexGuard<()>>>,
}

impl Common {
    fn world(self: &Arc<Self>) -> World {
        World::with_store(View { common: Arc::clone(self), turn: Mutex::default() })
    }

    fn contents(written: &[(Edit, Revision)]) -> Contents {
        let mut contents = Contents::default();
        for (edit, revision) in written {
            match edit {
                Edit::PutClient(config) => {
                    contents.clients.retain(|(one, _)| one.id != config.id);
                    contents.clients.push((config.clone(), *revision));
                }
                Edit::RemoveClient(id) => contents.clients.retain(|(one, _)| one.id != *id),
                Edit::PutLimit(limit) => {
                    contents.limits.retain(|(one, _)| one.name != limit.name);
                    contents.limits.push((limit.clone(), *revision));
                }
                Edit::RemoveLimit(name) => contents.limits.retain(|(one, _)| one.name != *name),
                Edit::PutModel(name, patterns) => {
                    contents.models.retain(|((one, _), _)| one != name);
                    contents.models.push(((name.clone(), patterns.clone()), *revision));
                }
                Edit::RemoveModel(name) => contents.models.retain(|((one, _), _)| one != name),
                Edit::PutKey(key) => contents.keys.push((key.clone(), *revision)),
                Edit::RemoveKey { public, .. } => {
                    contents.keys.retain(|(one, _)| one.public != *public);
                }
                Edit::PutToken(token) => contents.tokens.push((token.clone(), *revision)),
                Edit::RemoveToken(public) => {
                    contents.tokens.retain(|(one, _)| one.public != *public);
                }
            }
            contents.newest = *revision;
        }
        contents
    }
}

#[async_trait]
impl ConfigStore for View {
    async fn load(&self) -> Result<Contents, StoreError> {
        Ok(Common::contents(&self.common.written.lock().await))
    }

    async fn write(&self, edits: Arc<Vec<Edit>>) -> Result<Revision, StoreError> {
        assert!(self.turn.lock().await.is_some(), "only in its turn");
        let mut written = self.common.written.lock().await;
        let newest = written.last().map_or(Revision::NONE, |(_, newest)| *newest);
        let revision = Revision::new(newest.get() + 1);
        written.extend(edits.iter().map(|edit| (edit.clone(), revision)));
        Ok(revision)
    }

    async fn written_since(&self, known: Revision) -> Result<WrittenSince, StoreError> {
        let written = self.common.written.lock().await;
        let newest = written.last().map_or(Revision::NONE, |(_, newest)| *newest);
        if newest == known {
            return Ok(WrittenSince::Nothing);
        }
        if known < *self.common.forgotten.lock().unwrap() {
            return Ok(WrittenSince::Everything(Common::contents(&written)));
        }
        let edits = written.iter().filter(|(_, revision)| *revision > known).cloned().collect();
        Ok(WrittenSince::Edits { edits, newest })
    }

    async fn begin_turn(&self, known: Revision) -> Result<WrittenSince, StoreError> {
        let turn = Arc::clone(&self.common.turn).lock_owned().await;
        *self.turn.lock().await = Some(turn);
        self.written_since(known).await
    }

    async fn end_turn(&self) {
        *self.turn.lock().await = None;
    }
}

const LIMIT: &str = r#"{"match":{"group":"acme"},"requests":5,"per":"1m"}"#;

#[tokio::test]
async fn what_one_configures_is_what_the_next_ones_write_begins_with() {
    let common = Arc::new(Common::default());
    let (a, b) = (common.world(), common.world());
    a.put("/api/v1/clients/one", r#"{"rpm":7,"group":"acme"}"#).await;
    a.put("/api/v1/models/big", r#"["big-*"]"#).await;
    a.put("/api/v1/limits/team", LIMIT).await;
    assert!(b.ledger.is_empty());

    b.configure("two", Some(1), None).await;
    for path in ["/api/v1/clients/one", "/api/v1/limits/team", "/api/v1/models/big"] {
        assert_eq!(b.get(path).await.body, a.get(path).await.body, "{path}");
    }

    assert_eq!(b.delete("/api/v1/clients/one").await.status, 200);
    let old = Precondition::if_match(r#""1""#);
    let refused = a.operator.remove("two", old, &Caller::Process).await.unwrap_err();
    assert_eq!(refused.row().code, "revision_mismatch");
    assert!(a.ledger.config("one").is_none(), "the refused write began with what the other wrote");
}

#[tokio::test]
async fn writes_of_many_at_a_time_are_all_there_and_no_two_have_one_revision() {
    let common = Arc::new(Common::default());
    let worlds: Vec<_> = (0..4).map(|_| common.world()).collect();
    let writes = worlds.iter().enumerate().map(async |(n, world)| {
        for write in 0..16_u64 {
            world.configure(&format!("c-{n}-{write}"), Some(write + 1), None).await;
        }
    });
    futures_util::future::join_all(writes).await;
    let contents = Common::contents(&common.written.lock().await);
    let mut revisions: Vec<_> = contents.clients.iter().map(|(_, revision)| *revision).collect();
    revisions.dedup();
    assert_eq!((contents.clients.len(), revisions.len()), (64, 64));
}

#[expect(clippy::disallowed_methods, reason = "the clock stands still but for this")]
async fn a_second_passes() {
    time::sleep(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn what_one_configures_is_in_force_in_the_others_within_a_second() {
    let common = Arc::new(Common::default());
    let (a, b) = (common.world(), common.world());
    let stop = CancellationToken::new();
    let metrics = FollowMetrics::register(&Registry::new()).expect("it is defined once");
    let follower =
        task::spawn(Arc::clone(&b.operator).follow(Health::ready(), metrics, stop.clone()));
    a.put("/api/v1/clients/one", r#"{"rpm":7,"group":"acme"}"#).await;
    a.put("/api/v1/limits/team", LIMIT).await;
    let key = a.post("/api/v1/clients/one/keys", "{}").await;
    let key: serde_json::Value = serde_json::from_str(&key.body).expect("JSON");
    let digest = Digest::of(key["key"].as_str().expect("a key").as_bytes());
    a.post("/api/v1/tokens", r#"{"name":"ci","scopes":["read"]}"#).await;
    a_second_passes().await;
    let owner = || b.ledger.find_key(&digest).map(|found| found.client.to_string());
    assert_eq!(owner(), Ok("one".to_owned()));
    assert_eq!(b.ledger.tokens().len(), 1);
    assert_eq!(b.ledger.configs_after(None, 9), a.ledger.configs_after(None, 9));
    assert_eq!(b.ledger.limits(), a.ledger.limits());
    let of_both = [&a, &b].map(async |world| world.get("/api/v1/config").await.body);
    let [of_a, of_b] = of_both;
    assert_eq!(of_a.await, of_b.await);

    a.delete("/api/v1/clients/one").await;
    a.delete("/api/v1/limits/team").await;
    a_second_passes().await;
    assert_eq!(owner(), Err(KeyError::Unknown));
    a.configure("two", None, None).await;
    a.configure("three", None, None).await;
    a.post("/api/v1/clients/three/keys", "{}").await;
    let token = a.operator.tokens(&Caller::Process).remove(0).public;
    a.delete(&format!("/api/v1/tokens/{token}")).await;
    // Whoever was away for long is told all that there is.
    *common.forgotten.lock().unwrap() = Revision::new(8);
    a_second_passes().await;
    assert_eq!(b.ledger.configs_after(None, 9), a.ledger.configs_after(None, 9));
    assert!(b.ledger.limits().is_empty());
    assert_eq!(b.ledger.keys().of("three"), a.ledger.keys().of("three"));
    assert_eq!((b.ledger.keys().len(), b.ledger.tokens().len()), (1, 0));
    stop.cancel();
    follower.await.unwrap().unwrap();
}

#[tokio::test]
async fn one_that_comes_later_has_what_is_there() {
    let common = Arc::new(Common::default());
    let a = common.world();
    a.configure("one", Some(7), None).await;
    let b = common.world();
    start::load(&b.operator).await.unwrap();
    assert_eq!(b.ledger.configs_after(None, 9), a.ledger.configs_after(None, 9));
}

//! A file owns the clients that it names, and nobody else writes them.

use std::{path::Path, sync::Arc};

use flowguard::{
    clients::{ClientConfig, Revision},
    ledger::{Ask, Ledger, ManualClock, Policy, RequestKind, WorkerId},
    operator::{
        Caller, Draft, FileChange, Given, LimitDraft, MatchDraft, ModelDraft, Operator,
        OperatorError, Precondition, Wanted,
    },
    store::{ConfigStore, Contents, Edit, NoStore, StoreError},
};
use limiter::UnixMillis;
use parking_lot::Mutex;

use super::document::config;

struct World {
    ledger: Arc<Ledger>,
    operator: Arc<Operator>,
}

impl World {
    fn new(store: impl ConfigStore + 'static) -> Self {
        let ledger = Arc::new(Ledger::new(Policy::default(), ManualClock::at(UnixMillis(1))));
        let operator = Arc::new(Operator::new(Arc::clone(&ledger), Box::new(store)));
        Self { ledger, operator }
    }

    async fn file(&self, clients: &[ClientConfig]) -> FileChange {
        let file = Path::new("/clients.yaml").into();
        let wanted = Wanted { clients: clients.into(), ..Wanted::default() };
        self.operator.put_file_in_force(&file, wanted).await.expect("put in force")
    }

    /// The file says this, in YAML.
    async fn file_of(&self, text: &str) -> Result<FileChange, OperatorError> {
        let wanted = Wanted::read(text.as_bytes()).expect("a document in order");
        self.operator.put_file_in_force(&Path::new("/clients.yaml").into(), wanted).await
    }

    /// An API made a model and a limit for it, of which a request was spent.
    async fn with_a_limit_of_the_apis(store: impl ConfigStore + 'static) -> Self {
        let world = Self::new(store);
        world.set_model("m").await.expect("the api's own");
        world.set_limit("org", 10).await.expect("the api's own");
        world.set("a", 60).await.expect("the api's own");
        world.spend("a").await;
        assert_eq!(world.left("org"), Some(9));
        world
    }

    async fn set_model(&self, name: &str) -> Result<(), OperatorError> {
        let patterns = Given::Value(vec![Given::Value(name.to_owned())]);
        let addressed_to = Some(name.to_owned());
        let draft = ModelDraft { addressed_to, patterns, ..ModelDraft::default() };
        self.operator.set_model(draft, Precondition::Anything, &Caller::Unknown).await.map(|_| ())
    }

    /// A limit for the model `m`.
    async fn set_limit(&self, name: &str, requests: u64) -> Result<(), OperatorError> {
        let model = Given::Value("m".to_owned());
        let draft = LimitDraft {
            addressed_to: Some(name.to_owned()),
            matches: Given::Value(MatchDraft { model, ..MatchDraft::default() }),
            requests: Given::Value(Some(requests)),
            per: Given::Value(Some("1d".to_owned())),
            ..LimitDraft::default()
        };
        self.operator.set_limit(draft, Precondition::Anything, &Caller::Unknown).await.map(|_| ())
    }

    /// A request of a client for the model `m`.
    async fn spend(&self, client: &str) {
        let ask =
            Ask { id: 0, client, estimate: None, kind: RequestKind::Generates, model: Some("m") };
        self.ledger.decide(&self.ledger.join(WorkerId(0)), &[ask]).await;
    }

    /// What is left of a limit's one bucket.
    fn left(&self, limit: &str) -> Option<u64> {
        let stats = self.ledger.limit_stats(limit, None, 1)?;
        stats.buckets.first().map(|bucket| bucket.remaining)
    }

    async fn set(&self, id: &str, rpm: u64) -> Result<(), OperatorError> {
        let draft = Draft::new(id, Some(rpm), None);
        self.operator.set(draft, Precondition::Anything, &Caller::Unknown).await.map(|_| ())
    }

    fn ids(&self) -> Vec<String> {
        let configs = self.ledger.configs_after(None, usize::MAX);
        configs.iter().map(|config| config.id.to_string()).collect()
    }
}

#[track_caller]
fn check_refused<T>(done: Result<T, OperatorError>) {
    check_owned("client", done);
}

#[track_caller]
fn check_owned<T>(kind: &str, done: Result<T, OperatorError>) {
    let error = done.err().expect("refused");
    assert_eq!(error.row().code, "managed_by_file");
    assert_eq!(
        error.to_string(),
        format!("the {kind} stands in the file /clients.yaml, which alone can change it")
    );
}

#[tokio::test]
async fn every_write_to_a_client_of_the_file_is_refused_but_a_reset() {
    let world = World::new(NoStore::default());
    world.file(&[config("a", Some(60), None)]).await;
    world.set("b", 1).await.expect("the api's own");

    check_refused(world.set("a", 1).await);
    let patch = Draft { client_id: Given::Absent, ..Draft::new("a", None, None) };
    check_refused(world.operator.patch("a", patch, Precondition::Anything, &Caller::Unknown).await);
    check_refused(world.operator.remove("a", Precondition::Anything, &Caller::Unknown).await);
    assert_eq!(world.ledger.config("a"), Some(config("a", Some(60), None)));

    world
        .operator
        .reset("a", Precondition::Anything, &Caller::Unknown)
        .await
        .expect("a reset writes no configuration");
    world.set("b", 2).await.expect("the api's own");
    world
        .operator
        .remove("b", Precondition::Anything, &Caller::Unknown)
        .await
        .expect("the api's own");
}

#[tokio::test]
async fn a_client_that_leaves_the_file_is_deleted_and_its_id_is_free() {
    let world = World::new(NoStore::default());
    world.set("api", 1).await.expect("the api's own");
    let both = [config("a", Some(1), None), config("b", Some(1), None)];
    let change = world.file(&both).await;
    assert_eq!((change.clients, change.created, change.deleted), (2, 2, 0));
    let change = world.file(&[config("b", Some(2), None)]).await;
    assert_eq!((change.created, change.changed, change.deleted), (0, 1, 1));
    assert_eq!(world.ids(), ["api", "b"]);
    world.set("a", 5).await.expect("nobody owns it");
    assert_eq!(world.file(&[]).await.deleted, 1);
    assert_eq!(world.ids(), ["a", "api"]);
}

/// A store that remembers what it was told.
#[derive(Clone, Debug, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

#[async_trait::async_trait]
impl ConfigStore for Told {
    async fn load(&self) -> Result<Contents, StoreError> {
        Ok(Contents::default())
    }

    async fn write(&self, edits: Arc<Vec<Edit>>) -> Result<Revision, StoreError> {
        self.0.lock().extend(edits.iter().map(|edit| match edit {
            Edit::PutClient(config) => format!("put {}", config.id),
            Edit::RemoveClient(client) => format!("remove {client}"),
            Edit::PutLimit(limit) => format!("put limit {}", limit.name),
            Edit::RemoveLimit(limit) => format!("remove limit {limit}"),
            Edit::PutModel(model, _) => format!("put model {model}"),
            Edit::RemoveModel(model) => format!("remove model {model}"),
            Edit::PutKey(key) => format!("put key {} of {}", key.public, key.client),
            Edit::RemoveKey { client, public } => format!("remove key {public} of {client}"),
            Edit::PutToken(token) => format!("put token {}", token.public),
            Edit::RemoveToken(token) => format!("remove token {token}"),
        }));
        Ok(Revision::NONE)
    }
}

#[tokio::test]
async fn a_client_of_the_file_is_not_stored_and_one_that_it_takes_over_is_stored_no_more() {
    let store = Told::default();
    let world = World::new(store.clone());
    world.set("api", 1).await.expect("the api's own");
    let both = [config("api", Some(2), None), config("a", Some(1), None)];
    assert_eq!(world.file(&both).await.taken_over, 1);
    assert_eq!(world.file(&both).await.taken_over, 0);
    world.file(&[]).await;
    assert_eq!(*store.0.lock(), ["put api", "remove api"]);
}

#[tokio::test]
async fn a_client_that_the_file_takes_over_keeps_what_it_has_left() {
    let world = World::new(NoStore::default());
    world.set("a", 60).await.expect("the api's own");
    let spent = |world: &World| world.ledger.snapshot("a").and_then(|a| a.standing.requests);
    let full = spent(&world);
    world.spend("a").await;
    let left = spent(&world);
    assert_ne!(left, full);
    world.file(&[config("a", Some(60), None)]).await;
    assert_eq!(spent(&world), left);
    world.file(&[config("a", Some(60), Some(100)), config("b", None, None)]).await;
    assert_eq!(spent(&world), left);
}

/// The limit and the model of the API's, and no client.
const THE_APIS: &str =
    "{models: {m: [m]}, limits: [{name: org, match: {model: m}, requests: 10, per: 1d}]}";

#[tokio::test]
async fn limits_and_models_that_the_file_takes_over_are_its_own_and_are_stored_no_more() {
    let store = Told::default();
    let world = World::with_a_limit_of_the_apis(store.clone()).await;
    let tags = || {
        let (limit, model) = (
            world.operator.limit("org", &Caller::Unknown),
            world.operator.model("m", &Caller::Unknown),
        );
        (limit.expect("there").tag, model.expect("there").tag)
    };
    let before = tags();
    let change = world.file_of(THE_APIS).await.expect("put in force");
    assert_eq!((change.limits, change.models, change.taken_over), (1, 1, 2));
    assert_eq!((change.created, change.changed, change.deleted), (0, 0, 0));
    let told = store.0.lock().split_off(3);
    assert_eq!(told, ["remove limit org", "remove model m"]);
    let after = tags();
    assert!(before.0 != after.0 && before.1 != after.1, "somebody else writes them now");
    assert_eq!(world.left("org"), Some(9));

    check_owned("limit", world.set_limit("org", 11).await);
    check_owned("model", world.set_model("m").await);
    let (any, caller) = (Precondition::Anything, &Caller::Unknown);
    check_owned("limit", world.operator.remove_limit("org", any.clone(), caller).await);
    check_owned("model", world.operator.remove_model("m", any, caller).await);

    // A second time there is nothing to take over, and another number keeps what was spent.
    let more = THE_APIS.replace("requests: 10", "requests: 10, burst: 5");
    let change = world.file_of(&more).await.expect("put in force");
    assert_eq!((change.changed, change.taken_over), (1, 0));
    assert_eq!(world.left("org"), Some(4), "nine tenths of five, rounded down");

    let change = world.file_of("clients: {}").await.expect("put in force");
    assert_eq!((change.deleted, world.left("org")), (2, None));
    assert_eq!(store.0.lock().len(), 3, "the file is not stored");
    assert_eq!(world.ids(), ["a"], "what the API made is its own");
    world.set_model("m").await.expect("nobody owns it");
    world.set_limit("org", 10).await.expect("nobody owns it");
    assert_eq!(world.left("org"), Some(10), "another one of this name");
}

#[tokio::test]
async fn a_model_that_a_limit_of_the_apis_names_does_not_leave_the_file() {
    let world = World::with_a_limit_of_the_apis(NoStore::default()).await;
    let change = world.file_of("models: {m: [m, n]}").await.expect("put in force");
    assert_eq!((change.changed, change.taken_over), (1, 1));
    let refused = world.file_of("models: {n: [n]}").await.expect_err("org names m");
    assert!(refused.to_string().starts_with("match.model of limit org"), "{refused}");
    assert!(world.ledger.models().get("m").is_some_and(|m| m.as_slice().len() == 2));
    assert_eq!(world.left("org"), Some(9));
    check_owned("model", world.set_model("m").await);

    let removed =
        world.operator.remove_limit("org", Precondition::Anything, &Caller::Unknown).await;
    removed.expect("the api's own");
    world.file_of("models: {n: [n]}").await.expect("put in force");
    assert!(world.ledger.models().get("m").is_none());
}

#[tokio::test]
async fn a_limit_of_the_apis_may_be_for_a_model_of_the_files() {
    let world = World::new(NoStore::default());
    world.file_of("models: {m: [m]}").await.expect("put in force");
    world.set_limit("org", 10).await.expect("the api's own");
    check_owned("model", world.set_model("m").await);
    let removed =
        world.operator.remove_limit("org", Precondition::Anything, &Caller::Unknown).await;
    removed.expect("the api's own");
}

//! A file owns the clients that it names, and nobody else writes them.

use std::{path::Path, sync::Arc};

use flowguard::{
    clients::{ClientConfig, Revision},
    ledger::{Ledger, ManualClock, Policy},
    operator::{Caller, Draft, FileChange, IfMatch, Operator, OperatorError, Wanted},
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

    async fn set(&self, id: &str, rpm: u64) -> Result<(), OperatorError> {
        let draft = Draft::new(id, Some(rpm), None);
        self.operator.set(draft, IfMatch::Anything, &Caller::Unknown).await.map(|_| ())
    }

    fn ids(&self) -> Vec<String> {
        let configs = self.ledger.configs_after(None, usize::MAX);
        configs.iter().map(|config| config.id.to_string()).collect()
    }
}

#[track_caller]
fn check_refused<T>(done: Result<T, OperatorError>) {
    let error = done.err().expect("refused");
    assert_eq!(error.row().code, "managed_by_file");
    assert_eq!(
        error.to_string(),
        "the client stands in the file /clients.yaml, which alone can change it"
    );
}

#[tokio::test]
async fn every_write_to_a_client_of_the_file_is_refused_but_a_reset() {
    let world = World::new(NoStore::default());
    world.file(&[config("a", Some(60), None)]).await;
    world.set("b", 1).await.expect("the api's own");

    check_refused(world.set("a", 1).await);
    let patch =
        Draft { client_id: flowguard::operator::Given::Absent, ..Draft::new("a", None, None) };
    check_refused(world.operator.patch("a", patch, IfMatch::Anything, &Caller::Unknown).await);
    check_refused(world.operator.remove("a", IfMatch::Anything, &Caller::Unknown).await);
    assert_eq!(world.ledger.config("a"), Some(config("a", Some(60), None)));

    world
        .operator
        .reset("a", IfMatch::Anything, &Caller::Unknown)
        .await
        .expect("a reset writes no configuration");
    world.set("b", 2).await.expect("the api's own");
    world.operator.remove("b", IfMatch::Anything, &Caller::Unknown).await.expect("the api's own");
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
            other => panic!("{other:?}"),
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
    let ask = flowguard::ledger::Ask {
        id: 0,
        client: "a",
        estimate: None,
        kind: flowguard::ledger::RequestKind::Generates,
        model: None,
    };
    let worker = world.ledger.join(flowguard::ledger::WorkerId(0));
    world.ledger.decide(&worker, &[ask]).await;
    let left = spent(&world);
    assert_ne!(left, full);
    world.file(&[config("a", Some(60), None)]).await;
    assert_eq!(spent(&world), left);
    world.file(&[config("a", Some(60), Some(100)), config("b", None, None)]).await;
    assert_eq!(spent(&world), left);
}

//! Keys and tokens that a file names, beside those that the API makes.

use std::{path::Path, sync::Arc};

use flowguard::{
    credentials::{Digest, KeyError},
    ledger::{Ledger, ManualClock, Policy},
    operator::{
        Caller, FileChange, KeyDraft, Operator, OperatorError, Precondition, Wanted, WrongDocument,
    },
    store::{DataFolder, RedbStore},
};
use limiter::UnixMillis;

const CREATED: &str = "created_at: 2023-11-14T22:13:20Z";

struct World {
    ledger: Arc<Ledger>,
    operator: Arc<Operator>,
}

impl World {
    /// With a folder, of which all is in force.
    async fn start(folder: &DataFolder) -> Self {
        let clock = ManualClock::at(UnixMillis(1_700_000_000_000));
        let ledger = Arc::new(Ledger::new(Policy::default(), clock));
        let store = RedbStore::open(folder).await.expect("a file");
        let operator = Arc::new(Operator::new(Arc::clone(&ledger), Box::new(store)));
        flowguard::operator::start::load(&operator).await.expect("in order");
        Self { ledger, operator }
    }

    async fn file(&self, text: &str) -> Result<FileChange, OperatorError> {
        let wanted = Wanted::read(text.as_bytes()).expect("a document in order");
        self.operator.put_file_in_force(&Path::new("/file.yaml").into(), wanted).await
    }

    /// The API makes a key: its text.
    async fn key(&self, client: &str) -> (String, String) {
        let (draft, any) = (KeyDraft::default(), Precondition::Anything);
        let new = self.operator.create_key(client, draft, any, &Caller::Unknown).await;
        let new = new.expect("made");
        (new.secret.expose().to_owned(), new.key.public.to_string())
    }

    fn owner(&self, secret: &str) -> Result<String, KeyError> {
        let found = self.ledger.find_key(&Digest::of(secret.as_bytes()));
        found.map(|found| found.client.to_string())
    }

    async fn revoke(&self, client: &str, part: &str) -> Result<(), OperatorError> {
        let any = Precondition::Anything;
        self.operator.remove_key(client, part, any, &Caller::Unknown).await.map(|_| ())
    }
}

fn record(part: &str, client: &str, secret: &str) -> String {
    let digest = Digest::of(secret.as_bytes());
    format!("  {part}: {{client_id: {client}, sha256: '{digest}', {CREATED}}}\n")
}

fn errors(text: &str) -> String {
    let wrong: WrongDocument = Wanted::read(text.as_bytes()).expect_err("wrong");
    wrong.to_string()
}

#[tokio::test]
async fn a_file_owns_the_keys_that_it_names_and_the_api_all_others() {
    let parent = tempfile::tempdir().expect("a folder");
    let folder = DataFolder::open(parent.path()).expect("a folder");
    let world = World::start(&folder).await;
    let named = record("KeyOfFile001", "a", "by hand");
    let change = world.file(&format!("clients: {{a: {{rpm: 1}}, b: {{}}}}\nkeys:\n{named}")).await;
    let change = change.expect("in force");
    assert_eq!((change.clients, change.keys, change.created), (2, 1, 3));
    assert_eq!(world.owner("by hand"), Ok("a".to_owned()));
    // A client that stands in the file gets keys by the API.
    let (of_a, part) = world.key("a").await;
    let (of_b, _) = world.key("b").await;
    let refused = world.revoke("a", "KeyOfFile001").await.expect_err("the file's");
    assert_eq!(refused.row().code, "managed_by_file");

    // Who leaves the file takes all keys along, also those of the API; a file that says nothing of keys
    // any more has none.
    world.file("clients: {a: {rpm: 1}}").await.expect("in force");
    assert_eq!(world.owner("by hand"), Err(KeyError::Unknown));
    assert_eq!(world.owner(&of_b), Err(KeyError::Unknown));
    assert_eq!(world.owner(&of_a), Ok("a".to_owned()));
    assert_eq!(world.ledger.keys().len(), 1);
    drop(world);

    // What the API made is stored, and good while its client is configured.
    let world = World::start(&folder).await;
    assert_eq!(world.owner(&of_a), Err(KeyError::Unknown), "nobody is configured yet");
    world.file("clients: {a: {rpm: 1}, b: {}}").await.expect("in force");
    assert_eq!(world.owner(&of_a), Ok("a".to_owned()));
    assert_eq!(world.owner(&of_b), Err(KeyError::Unknown));
    world.revoke("a", &part).await.expect("the api's own");
    assert_eq!(world.owner(&of_a), Err(KeyError::Unknown));
}

#[tokio::test]
async fn tokens_that_a_file_names_are_its_own() {
    let parent = tempfile::tempdir().expect("a folder");
    let folder = DataFolder::open(parent.path()).expect("a folder");
    let world = World::start(&folder).await;
    let digest = Digest::of(b"by hand");
    let named = format!(
        "tokens:\n  TokenOfFile1: {{name: ci, scopes: [read], sha256: '{digest}', {CREATED}}}\n"
    );
    assert_eq!(world.file(&named).await.expect("in force").tokens, 1);
    let now = world.ledger.now();
    assert!(world.ledger.tokens().find(&digest, now).is_ok());
    let revoked =
        world.operator.remove_token("TokenOfFile1", Precondition::Anything, &Caller::Unknown);
    assert_eq!(revoked.await.expect_err("the file's").row().code, "managed_by_file");
    world.file("clients: {}").await.expect("in force");
    assert!(world.ledger.tokens().is_empty());
}

#[test]
fn everything_that_is_wrong_with_a_key_is_told_with_its_place() {
    let twice = record("KeyOfFile001", "a", "one") + &record("KeyOfFile002", "a", "one");
    let told = errors(&format!("keys:\n{twice}"));
    assert!(told.starts_with("3:"), "{told}");
    assert!(told.ends_with(": two keys must not be one: it is that in 2:3"), "{told}");
    let told =
        errors("keys:\n  short: {client_id: a b, sha256: x, x: 1}\n  KeyOfFile001: 5\ntokens: []");
    assert_eq!(
        told.split("; ").collect::<Vec<_>>(),
        [
            "2:3: public_part must be the public part of a key or token: 12 characters of A-Z a-z 0-9, \
             not \"short\"",
            "2:3: client_id must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ - + | = / ~, but not . or \
             .. alone, not \"a b\"",
            "2:3: created_at is required",
            "2:35: sha256 must be a SHA-256 digest: 64 hexadecimal digits in lower case, not \"x\"",
            "2:38: \"x\" is not a field: public_part, client_id, sha256, created_at and expires_at are",
            "3:17: a key must be an object, not 5",
            "4:9: tokens must be an object of tokens by their public parts, not a list",
        ]
    );
}

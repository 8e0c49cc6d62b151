//! Any bytes as a file of clients: it is a document, which is put in force as it stands and is the
//! same when it was written again, or all its errors have a place in it.

use std::{path::Path, sync::Arc};

use flowguard::{
    clients::ClientConfig,
    config_file::{Document, DocumentErrors},
    operator::Wanted,
};
use serde_json::{Value, json};

use crate::world::{configs, fields, fields_of, operator, runtime};

/// The longest text of an error: it shows no more than an excerpt of what is in the file.
const ERROR_BYTES_MAX: usize = 1_000;

/// Reads `bytes` as `CONFIG_FILE`.
pub fn check(bytes: &[u8]) {
    match Document::parse(bytes) {
        Ok(document) => {
            check_written_again(&document.clients);
            check_json(bytes, &document.clients);
            check_in_force(&document.clients);
        }
        Err(errors) => check_errors(bytes, &errors),
    }
}

fn check_written_again(clients: &[ClientConfig]) {
    let again = json!({ "clients": written(clients) });
    let again = Document::parse(again.to_string().as_bytes()).expect("the same once more");
    assert_eq!(by_id(again.clients), by_id(clients.to_vec()));
}

fn written(clients: &[ClientConfig]) -> Value {
    clients.iter().map(|client| (client.id.to_string(), fields_of(client))).collect()
}

/// A file that is JSON says what it says to any reader of JSON.
fn check_json(bytes: &[u8], clients: &[ClientConfig]) {
    let Ok(Value::Object(mut sections)) = serde_json::from_slice(bytes) else { return };
    let Some(Value::Object(by_id)) = sections.remove("clients") else { return };
    let by_id: Value = by_id.iter().map(|(id, client)| (id.clone(), fields(client))).collect();
    assert_eq!(written(clients), by_id);
}

/// The file's clients are there, beside the one that there was.
fn check_in_force(clients: &[ClientConfig]) {
    runtime().block_on(async {
        let operator = operator().await;
        let file: Arc<Path> = Path::new("/clients.yaml").into();
        let before = configs(&operator);
        let wanted = Wanted { clients: clients.to_vec(), ..Wanted::default() };
        let put = operator.put_file_in_force(&file, wanted).await;
        assert_eq!(put.expect("what is valid is put in force").clients, clients.len());

        let is_elsewhere =
            |config: &ClientConfig| clients.iter().all(|other| other.id != config.id);
        let stay = before.into_iter().filter(is_elsewhere);
        let expected = stay.chain(clients.iter().cloned()).collect();
        assert_eq!(configs(&operator), by_id(expected));
    });
}

fn by_id(mut clients: Vec<ClientConfig>) -> Vec<ClientConfig> {
    clients.sort_by(|one, other| one.id.cmp(&other.id));
    clients
}

fn check_errors(bytes: &[u8], errors: &DocumentErrors) {
    let told = errors.told();
    assert!(!told.is_empty());
    assert!(told.is_sorted_by_key(|error| error.place));
    // The last line may be one that ends with the file.
    let lines = bytes.split(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
    for error in told {
        assert!((1..=lines).contains(&error.place.line), "{error} of {lines} lines");
        assert!(error.place.column >= 1, "{error}");
        assert_eq!(error.text.lines().count(), 1, "{error}");
        assert!(error.text.len() < ERROR_BYTES_MAX, "{error}");
    }
}

//! Any bytes as a file of clients, models and limits: it is a document, which is put in force as it stands and is the
//! same when it was written again, or all its errors have a place in it.

use std::{path::Path, sync::Arc};

use flowguard::{
    clients::ClientConfig,
    config_file::{Document, DocumentErrors},
    credentials::{ClientKey, PublicPart, Scope, Token, UnixSeconds},
    limits::{BucketCount, LimitJson, Pattern},
    operator::{Notation, Wanted},
};
use serde_json::{Value, json};

use crate::world::{configs, fields, fields_of, operator, runtime};

/// The longest text of an error: it shows no more than an excerpt of what is in the file.
const ERROR_BYTES_MAX: usize = 2_000;

/// Reads `bytes` as `CONFIG_FILE`.
pub fn check(bytes: &[u8]) {
    match Document::parse(bytes) {
        Ok(document) => {
            check_together(&document);
            check_written_again(&document);
            check_json(bytes, &document);
            check_strict(bytes, &document);
            check_in_force(&document.clients);
        }
        Err(errors) => check_errors(bytes, &errors),
    }
}

/// What a limit names is there, each pattern is its model's, and nobody has too many buckets.
fn check_together(document: &Document) {
    let Document { clients, models, limits, keys, .. } = document;
    for (public, key) in keys.iter().flatten() {
        assert_eq!(public, &key.public);
    }
    for limit in limits {
        assert!(limit.matches.model.as_ref().is_none_or(|model| models.has(model)), "{limit:?}");
    }
    for (name, patterns) in models.iter() {
        let names = patterns.as_slice().iter().map(Pattern::as_str);
        for meant in names.filter(|text| !text.contains('*')) {
            assert_eq!(models.resolve(meant).as_str(), name.as_str(), "{meant}");
        }
    }
    let mut count = BucketCount::of(limits);
    for client in clients {
        count.check(&client.subject(), client.own_limits()).expect("not too many");
    }
}

fn check_written_again(document: &Document) {
    let mut again = json!({
        "limits": document.limits.iter().map(LimitJson::from).collect::<Vec<_>>(),
        "clients": written(&document.clients),
        "models": models(document),
    });
    for (section, credentials) in [("keys", keys(document)), ("tokens", tokens(document))] {
        if let Some(credentials) = credentials {
            again[section] = credentials;
        }
    }
    let again = Document::parse(again.to_string().as_bytes()).expect("the same once more");
    let Document { clients, models, limits, keys, tokens } = document.clone();
    assert_eq!((again.models, again.limits), (models, limits));
    assert_eq!((again.keys, again.tokens), (keys, tokens));
    assert_eq!(by_id(again.clients), by_id(clients));
}

fn written(clients: &[ClientConfig]) -> Value {
    clients.iter().map(|client| (client.id.to_string(), fields_of(client))).collect()
}

fn models(document: &Document) -> Value {
    let models = document.models.iter();
    models.map(|(name, patterns)| (name.to_string(), json!(patterns))).collect()
}

fn keys(document: &Document) -> Option<Value> {
    let written = |(public, key): (&PublicPart, &ClientKey)| {
        let ClientKey { digest, client, validity, .. } = key;
        let of = json!({
            "client_id": client.as_str(),
            "sha256": digest.to_string(),
            "created_at": validity.created.rfc3339(),
            "expires_at": validity.expires.map(UnixSeconds::rfc3339),
        });
        (public.to_string(), of)
    };
    document.keys.as_ref().map(|keys| keys.iter().map(written).collect())
}

fn tokens(document: &Document) -> Option<Value> {
    let written = |(public, token): (&PublicPart, &Token)| {
        let Token { digest, name, scopes, validity, .. } = token;
        let of = json!({
            "name": name.as_str(),
            "scopes": scopes.iter().map(Scope::word).collect::<Vec<_>>(),
            "sha256": digest.to_string(),
            "created_at": validity.created.rfc3339(),
            "expires_at": validity.expires.map(UnixSeconds::rfc3339),
        });
        (public.to_string(), of)
    };
    document.tokens.as_ref().map(|tokens| tokens.iter().map(written).collect())
}

/// A file that is JSON says what it says to any reader of JSON.
fn check_json(bytes: &[u8], document: &Document) {
    let Ok(sections) = serde_json::from_slice(bytes) else { return };
    if has_fraction(&sections) {
        return;
    }
    let Value::Object(mut sections) = sections else { return };
    if let Some(Value::Object(by_id)) = sections.remove("clients") {
        let by_id: Value = by_id.iter().map(|(id, client)| (id.clone(), said(client))).collect();
        assert_eq!(written(&document.clients), by_id);
    }
    if let Some(Value::Object(by_name)) = sections.remove("models") {
        let by_name: Value = by_name.iter().map(|(name, of)| (name.clone(), texts(of))).collect();
        assert_eq!(models(document), by_name);
    }
    let limits = sections.remove("limits").unwrap_or(json!([]));
    let said = limits.as_array().expect("a list").iter();
    for (limit, said) in document.limits.iter().zip(said) {
        assert_eq!(json!(limit.name.as_str()), text(&said["name"]));
        assert_eq!(json!(limit.measure.amount()), said[limit.measure.word()]);
        assert_eq!(json!(limit.trial), said["trial"]);
    }
}

/// What is taken as JSON too says the same.
fn check_strict(bytes: &[u8], document: &Document) {
    if let Ok(strict) = Document::parse_as(bytes, Notation::Json) {
        assert_eq!(&strict, document);
    }
}

/// Whether there is a number in it of which only its value is kept, not how it was written: as a
/// name it may be any text.
fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(list) => list.iter().any(has_fraction),
        Value::Object(object) => object.values().any(has_fraction),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

/// What an object says of a client. Names need no quotation marks in a file.
fn said(client: &Value) -> Value {
    let mut fields = fields(client);
    for name in ["group", "plan"] {
        fields[name] = text(&fields[name]);
    }
    if fields["identities"].is_array() {
        fields["identities"] = texts(&fields["identities"]);
    }
    fields
}

fn texts(list: &Value) -> Value {
    list.as_array().expect("a list").iter().map(text).collect()
}

fn text(value: &Value) -> Value {
    match value {
        Value::Bool(_) | Value::Number(_) => json!(value.to_string()),
        value => value.clone(),
    }
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

//! A line of the audit.

use std::{fmt, net::SocketAddr};

use limiter::UnixMillis;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::RequestId;
use crate::{credentials::PublicPart, rfc3339::rfc3339};

/// Bytes of what something was, or has become, that a line has at most. Of more it says how much it was.
const VALUE_BYTES_MAX: usize = 8 * 1_024;

/// What somebody is about to change.
#[derive(Debug)]
pub struct Change {
    /// Who.
    pub actor: Actor,
    /// From where.
    pub address: Option<SocketAddr>,
    /// By which call.
    pub request_id: Option<RequestId>,
    /// What is done.
    pub action: Action,
    /// To what.
    pub object: Object,
    /// What it was; `None`: it is new.
    pub before: Option<Box<RawValue>>,
    /// What it becomes; `None`: it is gone.
    pub after: Option<Box<RawValue>>,
    /// Which of the store's writes it is; `None`: it is none of the store's.
    pub revision: Option<u64>,
}

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// By what it is known who it is.
    pub kind: ActorKind,
    /// What it is called: a token's name, an issuer's subject, a file's path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Of a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_part: Option<String>,
}

/// By what it is known who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// By nothing: the port is open.
    Anybody,
    /// By a token.
    Token,
    /// By a token that another issuer signed.
    Jwt,
    /// It is a file of this host.
    File,
    /// It is this process itself.
    Process,
    /// It is whoever gives commands on the machine itself.
    Local,
}

impl Actor {
    /// Somebody of a kind, of whom nothing more is known.
    pub fn of(kind: ActorKind) -> Self {
        Self { kind, name: None, public_part: None }
    }

    /// Somebody known by a name.
    pub fn named(kind: ActorKind, name: impl Into<String>) -> Self {
        Self { kind, name: Some(name.into()), public_part: None }
    }

    /// Whoever has a token.
    pub fn token(name: impl Into<String>, public_part: PublicPart) -> Self {
        let public_part = Some(public_part.to_string());
        Self { kind: ActorKind::Token, name: Some(name.into()), public_part }
    }

    /// Whoever shows a token that is nobody's, by what it says that it is.
    pub fn token_not_known(public_part: PublicPart) -> Self {
        let public_part = Some(public_part.to_string());
        Self { kind: ActorKind::Anybody, name: None, public_part }
    }
}

/// What is done to something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is made.
    Create,
    /// It is changed.
    Change,
    /// It is deleted, or revoked.
    Delete,
    /// What was spent of it is forgotten.
    Reset,
    /// All of a configuration is replaced.
    Apply,
}

/// What something is done to: a kind and a name, as in `client/acme`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Object(String);

impl Object {
    /// A thing of a kind.
    pub fn new(kind: &str, name: &str) -> Self {
        Self(format!("{kind}/{name}"))
    }

    /// All that is configured.
    pub fn configuration() -> Self {
        Self("configuration".to_owned())
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is done, unless a line of the same id says otherwise.
    Done,
    /// It could not be stored, and is not in force.
    Failed,
}

/// A line of the audit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Numbers what was done, upward; a line that says that it failed has the number of the first.
    pub id: u64,
    /// When, in RFC 3339.
    pub time: String,
    /// Who.
    pub actor: Actor,
    /// From where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<SocketAddr>,
    /// What was done.
    pub action: Action,
    /// To what.
    pub object: Object,
    /// What it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Box<RawValue>>,
    /// What it became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Box<RawValue>>,
    /// Which of the store's writes it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// By which call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
}

impl Entry {
    pub(super) fn of(change: Change, id: u64, now: UnixMillis) -> Self {
        let Change { actor, address, request_id, action, object, before, after, revision } = change;
        Self {
            id,
            time: rfc3339(now).unwrap_or_default(),
            actor,
            address,
            action,
            object,
            before: before.map(cut),
            after: after.map(cut),
            revision,
            request_id: request_id.map(|id| id.to_string()),
            outcome: Outcome::Done,
        }
    }

    /// The line that says that it was not done.
    pub(super) fn failed(self, now: UnixMillis) -> Self {
        let time = rfc3339(now).unwrap_or_default();
        Self { time, outcome: Outcome::Failed, before: None, after: None, ..self }
    }
}

fn cut(value: Box<RawValue>) -> Box<RawValue> {
    let bytes = value.get().len();
    if bytes <= VALUE_BYTES_MAX {
        return value;
    }
    let told = format!("{{\"too_large\":true,\"bytes\":{bytes}}}");
    RawValue::from_string(told).unwrap_or(value)
}

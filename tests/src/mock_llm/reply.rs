//! What an API answers, before it is delivered.

use serde_json::Value;

/// The content of an answer.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// One JSON document.
    Json(Value),
    /// One JSON array whose elements are written one by one.
    Array(Vec<Value>),
    /// Server-sent events.
    Events(Vec<Event>),
}

/// One server-sent event.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// A document without an `event:` line.
    Data(Value),
    /// A document with an `event:` line that names it.
    Named(&'static str, Value),
    /// OpenAI's mark at the end of a stream.
    Done,
}

impl Event {
    /// A document whose `event:` line says what its `type` says.
    pub(super) fn typed(kind: &'static str, mut document: Value) -> Self {
        document["type"] = kind.into();
        Self::Named(kind, document)
    }
}

//! What an API answers, before it is delivered.

use bytes::Bytes;
use serde_json::Value;

/// The content of an answer.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// One JSON document.
    Json(Value),
    /// One JSON array whose elements are written one by one.
    Array(Vec<Value>),
    /// A stream in one of its framings.
    Stream(Framing, Vec<Event>),
    /// Bytes of whatever type the request said.
    Raw(Bytes),
}

/// How the events of a stream are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// Server-sent events.
    Events,
    /// A line of JSON each.
    Lines,
    /// Amazon's binary frames.
    AmazonFrames,
}

/// One event of a stream.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// What its `event:` line or its frame says it is.
    pub(super) name: Option<&'static str>,
    /// `None`: OpenAI's mark at the end of a stream.
    pub(super) document: Option<Value>,
    /// Tokens of the model's output that it brings.
    pub(super) output_tokens: u64,
}

impl Reply {
    /// Server-sent events.
    pub(super) fn events(events: Vec<Event>) -> Self {
        Self::Stream(Framing::Events, events)
    }
}

impl Event {
    /// A document without a name.
    pub(super) fn data(document: Value) -> Self {
        Self { name: None, document: Some(document), output_tokens: 0 }
    }

    /// A document with a name beside it.
    pub(super) fn named(name: &'static str, document: Value) -> Self {
        Self { name: Some(name), ..Self::data(document) }
    }

    /// A document whose name is also its `type`.
    pub(super) fn typed(kind: &'static str, mut document: Value) -> Self {
        document["type"] = kind.into();
        Self::named(kind, document)
    }

    /// OpenAI's mark at the end of a stream.
    pub(super) fn done() -> Self {
        Self { name: None, document: None, output_tokens: 0 }
    }

    /// The same, bringing so many tokens of output.
    pub(super) fn with_output(self, output_tokens: u64) -> Self {
        Self { output_tokens, ..self }
    }
}

//! What an API answers, before it is delivered.

use bytes::Bytes;
use serde_json::Value;

/// The content of an answer.
#[derive(Debug)]
pub(super) enum Reply {
    /// One JSON document.
    Json(Value),
    /// Server-sent events, each ready for the wire; one of them is one write.
    Events(Vec<Bytes>),
}

impl Reply {
    /// An event of one `data:` line.
    pub(super) fn data_event(data: &str) -> Bytes {
        Bytes::from(format!("data: {data}\n\n"))
    }
}

//! The audit on the wire.

use proto::api;
use serde::Serialize;

use crate::audit::{Entry, Page};

impl From<Page> for api::ListAuditResponse {
    fn from(page: Page) -> Self {
        Self {
            entries: page.entries.iter().map(api::AuditEntry::from).collect(),
            next_page_token: page.next.map(|id| id.to_string()),
            unreadable: u32::try_from(page.unreadable).ok().filter(|count| *count > 0),
        }
    }
}

impl From<&Entry> for api::AuditEntry {
    fn from(entry: &Entry) -> Self {
        let json = |value: &Option<Box<serde_json::value::RawValue>>| {
            value.as_ref().map(|value| value.get().to_owned())
        };
        Self {
            id: entry.id,
            time: entry.time.clone(),
            actor: Some(api::AuditActor {
                kind: word(&entry.actor.kind),
                name: entry.actor.name.clone(),
                public_part: entry.actor.public_part.clone(),
            }),
            address: entry.address.map(|address| address.to_string()),
            action: word(&entry.action),
            object: entry.object.to_string(),
            before_json: json(&entry.before),
            after_json: json(&entry.after),
            revision: entry.revision,
            request_id: entry.request_id.clone(),
            outcome: word(&entry.outcome),
        }
    }
}

/// The word that it has in JSON.
fn word(value: &impl Serialize) -> String {
    let word = serde_json::to_value(value).ok();
    word.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}

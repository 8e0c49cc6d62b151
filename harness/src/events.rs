//! Events as a program reads them that follows `/api/v1/events`.

use serde_json::Value;

use crate::http_client::{HttpClient, OpenAnswer};

/// A stream of events that somebody reads.
#[derive(Debug)]
pub struct EventReader {
    answer: OpenAnswer,
    text: String,
    /// The id of the last event that had one: what is sent as `Last-Event-ID`.
    pub last_id: String,
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct SentEvent {
    /// What it is known by.
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// Its JSON.
    pub data: Value,
}

impl EventReader {
    /// Follows `query` of the REST API, with a token if there is one, behind this event if there is one.
    pub async fn open(
        rest: &HttpClient,
        query: &str,
        token: Option<&str>,
        last_id: Option<&str>,
    ) -> Self {
        let mut request = rest.get(&format!("/api/v1/events{query}"));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(last_id) = last_id {
            request = request.header("last-event-id", last_id);
        }
        let answer = request.open().await;
        assert_eq!(answer.status(), http::StatusCode::OK);
        let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        assert_eq!(kind, Some("text/event-stream"));
        Self { answer, text: String::new(), last_id: String::new() }
    }

    /// The next event; `None` at the end of the stream. Comments and retries are passed over.
    pub async fn next(&mut self) -> Option<SentEvent> {
        loop {
            while let Some((block, _)) = self.text.split_once("\n\n") {
                let (event, len) = (read(block), block.len() + 2);
                self.text.drain(..len);
                if let Some(event) = event {
                    if let Some(id) = &event.id {
                        self.last_id.clone_from(id);
                    }
                    return Some(event);
                }
            }
            let chunk = self.answer.next_chunk().await?;
            let chunk = chunk.unwrap_or_else(|error| panic!("the stream broke: {error}"));
            self.text.push_str(std::str::from_utf8(&chunk).expect("whole characters"));
        }
    }

    /// The next event of this name that `is_meant`; others are passed over.
    pub async fn until(&mut self, name: &str, is_meant: impl Fn(&Value) -> bool) -> SentEvent {
        loop {
            let event = self.next().await;
            let event = event.unwrap_or_else(|| panic!("the stream ended before a {name}"));
            if event.name == name && is_meant(&event.data) {
                return event;
            }
        }
    }

    /// What is told next of this client, in an event of this name.
    pub async fn client(
        &mut self,
        name: &str,
        id: &str,
        is_meant: impl Fn(&Value) -> bool,
    ) -> Value {
        let of = |data: &Value| {
            let all = data[name].as_array().cloned().unwrap_or_default();
            all.into_iter().find(|one| one["client"] == id && is_meant(one))
        };
        let event = self.until(name, |data| of(data).is_some()).await;
        of(&event.data).expect("it is there")
    }
}

fn read(block: &str) -> Option<SentEvent> {
    let field = |name: &str| {
        let mut lines = block.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned))
    };
    let data = field("data")?;
    let data = serde_json::from_str(&data).unwrap_or_else(|error| panic!("{error}: {data}"));
    Some(SentEvent { id: field("id"), name: field("event").expect("a name"), data })
}

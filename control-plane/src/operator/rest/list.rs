//! Lists: JSON objects with a member for each client, in the order of the ids.

use std::fmt::Write as _;

use axum::response::{IntoResponse, Response};
use http::header;
use limiter::ClientId;
use serde::Serialize;

use super::shapes::Stats;
use crate::{
    clients::{CLIENTS_AT_A_TIME, ClientConfig, ClientJson},
    http::{
        ApiError,
        pieces::{self, PIECE_BYTES, Progress},
    },
    operator::ClientStats,
    turns::Turns,
};

/// What a list has one of for each client.
pub(super) trait Member {
    fn id(&self) -> &ClientId;
    fn json(&self) -> serde_json::Result<String>;
}

impl Member for ClientConfig {
    fn id(&self) -> &ClientId {
        &self.id
    }

    fn json(&self) -> serde_json::Result<String> {
        json(&ClientJson::from(self))
    }
}

impl Member for ClientStats {
    fn id(&self) -> &ClientId {
        &self.id
    }

    fn json(&self) -> serde_json::Result<String> {
        json(&Stats::from(self))
    }
}

fn json(shape: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string(shape)
}

/// Answers `{"KEY":{"ID":MEMBER,…},"count":N}`. `read` reads the clients after one of them, at most
/// so many: those that come or go meanwhile may be in the list or not.
pub(super) async fn answer<M: Member>(
    turns: Turns,
    key: &'static str,
    read: impl Fn(Option<&ClientId>, usize) -> Vec<M> + Send + 'static,
) -> Result<Response, ApiError> {
    let mut list = List { key, read, after: None, count: 0 };
    let body = pieces::body(turns, move |text| list.write(text)).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

struct List<R> {
    key: &'static str,
    read: R,
    after: Option<ClientId>,
    count: usize,
}

impl<M: Member, R: Fn(Option<&ClientId>, usize) -> Vec<M>> List<R> {
    fn write(&mut self, text: &mut String) -> Progress {
        if self.after.is_none() {
            text.push_str(r#"{""#);
            text.push_str(self.key);
            text.push_str(r#"":{"#);
        }
        while text.len() < PIECE_BYTES {
            let members = (self.read)(self.after.as_ref(), CLIENTS_AT_A_TIME);
            let Some(last) = members.last() else {
                // Writing to a string cannot fail.
                let _ = write!(text, r#"}},"count":{}}}"#, self.count);
                return Progress::End;
            };
            for member in &members {
                let Ok(json) = member.json() else { return Progress::Broken };
                let comma = if self.count == 0 { "" } else { "," };
                // An id's alphabet needs no escaping.
                let _ = write!(text, r#"{comma}"{}":{json}"#, member.id());
                self.count += 1;
            }
            self.after = Some(last.id().clone());
        }
        Progress::More
    }
}

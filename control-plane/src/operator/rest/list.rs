//! Lists: JSON objects with a member for each client, in the order of the ids.

use std::fmt::Write as _;

use axum::response::{IntoResponse, Response};
use http::header;
use limiter::ClientId;
use serde::Serialize;

use super::shapes::Stats;
use crate::{
    clients::{CLIENTS_AT_A_TIME, ClientConfig, ClientJson, Span},
    http::{
        ApiError,
        pieces::{self, PIECE_BYTES, Progress},
    },
    operator::{
        ClientStats,
        page::{Section, client_behind},
    },
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

/// Answers `{"KEY":{"ID":MEMBER,…},"count":N}`, and where to go on if the section is not all that there
/// is. `read` reads the clients of a span, at most so many: those that come or go meanwhile may be in the
/// list or not.
pub(super) async fn answer<M: Member>(
    turns: Turns,
    key: &'static str,
    section: Section,
    read: impl Fn(&Span, usize) -> Vec<M> + Send + 'static,
) -> Result<Response, ApiError> {
    let Section { after, prefix, max } = section;
    let after = after.and_then(|after| client_behind(&after, &prefix));
    let span = Span { after, prefix };
    let max = max.unwrap_or(usize::MAX);
    let mut list = List { key, read, span, max, count: 0, has_begun: false };
    let body = pieces::body(turns, move |text| list.write(text)).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

struct List<R> {
    key: &'static str,
    read: R,
    /// What is left to be read.
    span: Span,
    /// How many it has at most.
    max: usize,
    count: usize,
    has_begun: bool,
}

impl<M: Member, R: Fn(&Span, usize) -> Vec<M>> List<R> {
    fn write(&mut self, text: &mut String) -> Progress {
        if !self.has_begun {
            self.has_begun = true;
            text.push_str(r#"{""#);
            text.push_str(self.key);
            text.push_str(r#"":{"#);
        }
        while text.len() < PIECE_BYTES {
            // Of one more it is known whether there is a next page.
            let left = self.max - self.count;
            let members = (self.read)(&self.span, CLIENTS_AT_A_TIME.min(left.saturating_add(1)));
            let of_page = members.get(..left).unwrap_or(&members);
            let has_more = of_page.len() < members.len();
            for member in of_page {
                let Ok(json) = member.json() else { return Progress::Broken };
                let comma = if self.count == 0 { "" } else { "," };
                // An id's alphabet needs no escaping.
                let _ = write!(text, r#"{comma}"{}":{json}"#, member.id());
                self.count += 1;
            }
            if let Some(last) = of_page.last() {
                self.span.after = Some(last.id().clone());
            }
            if members.is_empty() || has_more {
                // Writing to a string cannot fail.
                let _ = write!(text, r#"}},"count":{}"#, self.count);
                if let Some(last) = self.span.after.as_ref().filter(|_| has_more) {
                    let _ = write!(text, r#","next_cursor":"{last}""#);
                }
                text.push('}');
                return Progress::End;
            }
        }
        Progress::More
    }
}

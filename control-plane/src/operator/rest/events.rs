//! The call that goes on: events, told while they happen (server-sent events, as in the HTML standard).

use std::{convert::Infallible, fmt::Write as _, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{RawQuery, Request, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::time::{Instant, sleep_until, timeout};

use super::{describe, query};
use crate::{
    auth::{Lock, Stay},
    credentials::Scope,
    events::{ClientFilter, Events, Filter, NoPlace, Subscriber, Told, Topic, TopicName, Wish},
    excerpt::Excerpt,
    health::Health,
    http::{ApiError, ErrorCode},
    limits::{Group, InvalidGroup},
    listener::{AtWork, ConnectionInfo},
    operator::Operator,
};

/// Somebody has to leave before anybody else can listen.
const TOO_MANY_STREAMS: ErrorCode =
    ErrorCode { name: "too_many_streams", status: StatusCode::SERVICE_UNAVAILABLE };

/// When to try again where all places are taken.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// How long a reader waits before it comes back by itself.
const RETRY_MS: u32 = 1_000;

/// After so much silence something is sent, so that both sides learn that the other one is gone.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How long a stream stays: who goes on is back at once and misses nothing, and whoever does not read
/// what is rarely written has a place no longer than that.
const STAY: Duration = Duration::from_hours(1);

/// Bytes after which what is there is sent, before more is added.
const PIECE_BYTES: usize = 32 * 1024;

/// What a stream takes.
#[derive(Clone)]
pub(super) struct Streams {
    pub(super) operator: Arc<Operator>,
    pub(super) health: Health,
    pub(super) lock: Lock,
}

/// A stream of events.
struct Reader {
    subscriber: Subscriber,
    health: Health,
    /// Where its caller had to show who they are: whether they still may be here.
    stay: Option<Stay>,
    /// Its connection keeps its place, but for a peer that does not read.
    _at_work: Option<AtWork>,
    ends_at: Instant,
    state: ReaderState,
}

enum ReaderState {
    Begins,
    GoesOn,
    HasEnded,
}

/// Why a stream ends that its reader does not end.
enum End {
    Stopping,
    NotAllowed(String),
    Hour,
}

/// What happens, told while it happens: figures of clients and limits, writes, refusals, workers and
/// control planes that come and go, and times in which requests could meet a failure mode. Server-sent
/// events of this control plane alone, which go on until one side ends them.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "service",
    operation_id = "followEvents",
    params(describe::EventWish),
    responses((status = 200, description = "Events, each with an id, a name and a line of JSON.", body = describe::EventStream, content_type = "text/event-stream"),
        describe::BadQuery),
)]
pub(super) async fn follow(
    State(streams): State<Streams>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, ApiError> {
    let wish = wish(query.as_deref())?;
    let (parts, _) = request.into_parts();
    let Streams { operator, health, lock } = streams;
    let events: &Arc<Events> = operator.events();
    let subscriber = match events.listen(wish, heard(&parts.headers).as_deref()).await {
        Ok(subscriber) => subscriber,
        Err(NoPlace) => return Ok(no_place()),
    };
    let connection = parts.extensions.get::<ConnectionInfo>();
    let reader = Reader {
        subscriber,
        health,
        stay: Stay::of(&lock, &parts.extensions, Scope::Read),
        _at_work: connection.map(|connection| connection.handle.at_work()),
        ends_at: Instant::now() + STAY,
        state: ReaderState::Begins,
    };
    let pieces = stream::unfold(reader, |reader| async {
        let (piece, reader) = reader.piece().await?;
        Some((Ok::<_, Infallible>(Bytes::from(piece)), reader))
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        // Who stands between is not to wait for more before it goes on.
        (header::HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

fn no_place() -> Response {
    let message = "as many streams of events are open as there can be: end one, or try again later";
    let mut response = ApiError::new(TOO_MANY_STREAMS, message).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    response
}

/// The last event that a reader heard, in its own words.
fn heard(headers: &HeaderMap) -> Option<String> {
    let heard = headers.get("last-event-id")?.as_bytes();
    // A browser says nothing by an empty one.
    (!heard.is_empty()).then(|| String::from_utf8_lossy(heard).into_owned())
}

fn wish(query: Option<&str>) -> Result<Wish, ApiError> {
    let [topics, client, group] = query::read(query, ["topics", "client", "group"])?;
    let client = client.as_deref().map(client_filter).transpose()?;
    let group = group.as_deref().map(group_filter).transpose()?;
    let topics = topics.as_deref().map_or(Ok(Topic::ALL.to_vec()), topics_of)?;
    Ok(Wish { topics, filter: Filter { client, group } })
}

fn topics_of(text: &str) -> Result<Vec<Topic>, ApiError> {
    let mut topics = Vec::new();
    for word in text.split(',') {
        let topic = Topic::try_from(word).map_err(|TopicName| {
            let known = Topic::ALL.map(Topic::word).join(", ");
            let value = Excerpt::quoted(word);
            query::invalid(format!(
                "topics must be one or more of {known}, with commas between, not {value}"
            ))
        })?;
        if !topics.contains(&topic) {
            topics.push(topic);
        }
    }
    Ok(topics)
}

fn client_filter(text: &str) -> Result<ClientFilter, ApiError> {
    ClientFilter::try_from(text).map_err(|_| {
        let value = Excerpt::quoted(text);
        query::invalid(format!(
            "client must be a client's id, or the beginning of ids and a *, not {value}"
        ))
    })
}

fn group_filter(text: &str) -> Result<Group, ApiError> {
    Group::try_from(text).map_err(|error: InvalidGroup| {
        query::invalid(format!("group {error}, not {}", Excerpt::quoted(text)))
    })
}

impl Reader {
    /// What is sent next; `None`: that was all.
    async fn piece(mut self) -> Option<(String, Self)> {
        match self.state {
            ReaderState::HasEnded => return None,
            ReaderState::Begins => {
                self.state = ReaderState::GoesOn;
                let (id, json) = self.subscriber.ready();
                let begin =
                    format!("retry: {RETRY_MS}\n\nid: {id}\nevent: ready\ndata: {json}\n\n");
                return Some((begin, self));
            }
            ReaderState::GoesOn => {}
        }
        let next = tokio::select! {
            biased;
            end = may_not_stay(&self.health, &mut self.stay, self.ends_at) => Err(end),
            piece = events(&mut self.subscriber) => Ok(piece),
        };
        let piece = next.unwrap_or_else(|end| {
            self.state = ReaderState::HasEnded;
            end.text()
        });
        Some((piece, self))
    }
}

/// The events that are there, as soon as there is one; a heartbeat after a while without any.
async fn events(subscriber: &mut Subscriber) -> String {
    loop {
        let mut text = String::new();
        while text.len() < PIECE_BYTES
            && let Some(told) = subscriber.try_next()
        {
            push(&mut text, &told);
        }
        if !text.is_empty() {
            return text;
        }
        if timeout(HEARTBEAT, subscriber.more()).await.is_err() {
            return ": heartbeat\n\n".to_owned();
        }
    }
}

/// Writing to a string cannot fail.
fn push(text: &mut String, told: &Told) {
    let _ = match told {
        Told::Event { id, topic, json } => {
            write!(text, "id: {id}\nevent: {topic}\ndata: {json}\n\n")
        }
        // Without an id: who goes on behind the last one is told again.
        Told::Lagged { topics, missed } => {
            let topics: Vec<_> = topics.iter().map(|topic| topic.word()).collect();
            let json = match missed {
                Some(missed) => serde_json::json!({ "topics": topics, "missed": missed }),
                None => serde_json::json!({ "topics": topics }),
            };
            write!(text, "event: lagged\ndata: {json}\n\n")
        }
    };
}

#[expect(clippy::disallowed_methods, reason = "how long a stream stays is a time")]
async fn may_not_stay(health: &Health, stay: &mut Option<Stay>, ends_at: Instant) -> End {
    let is_refused = async {
        match stay {
            Some(stay) => stay.ended().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        () = health.stopped() => End::Stopping,
        refusal = is_refused => End::NotAllowed(refusal.to_string()),
        () = sleep_until(ends_at) => End::Hour,
    }
}

impl End {
    fn text(&self) -> String {
        let (reason, message) = match self {
            Self::Stopping => ("stopping", "the process is stopping"),
            Self::NotAllowed(message) => ("not_allowed", message.as_str()),
            Self::Hour => ("hour", "a stream stays for an hour: go on where this one ended"),
        };
        let json = serde_json::json!({ "reason": reason, "message": message });
        format!("event: end\ndata: {json}\n\n")
    }
}

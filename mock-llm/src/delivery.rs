//! Delivers an answer the way the request asked for: at once, in its own time, held at a gate, or
//! cut short.

use std::io;
use std::sync::Arc;
use std::time::Duration;
use std::vec;

use bytes::Bytes;
use futures_util::stream;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, VARY,
};
use http::{HeaderMap, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;

use super::State;
use super::behaviour::{Behaviour, Gzip, Stall};
use super::form::Piece;
use super::gates::Gate;
use super::record::{RecordedRequest, ResponseEnd};
use super::reply::{Framing, Reply};
use super::{form, rate_limit_headers};

pub(super) type ResponseBody = UnsyncBoxBody<Bytes, io::Error>;

/// The response for `reply`. It may take its time, or never come.
pub(super) async fn deliver(
    reply: Reply,
    behaviour: &Behaviour,
    request: &HeaderMap,
    state: &State,
    record: Option<Arc<RecordedRequest>>,
) -> Response<ResponseBody> {
    let tracker = Tracker { record, complete: false };
    if behaviour.stall == Some(Stall::Head) {
        std::future::pending::<()>().await;
    }
    let pace = Pace {
        delay: behaviour.delay,
        gate: behaviour.gate.as_deref().map(|name| state.gates.named(name)),
    };
    let gzip = match behaviour.gzip {
        None => false,
        Some(Gzip::Always) => true,
        Some(Gzip::WhenAccepted) => accepts_gzip(request),
    };
    let mut pieces = form::pieces(&reply, behaviour, gzip);
    let body = if let Reply::Json(_) | Reply::Raw(_) = reply {
        pace.wait(true).await;
        let whole = behaviour.abort_after.is_none() && behaviour.stall.is_none();
        match pieces.as_slice() {
            [document] if whole => {
                tracker.complete();
                full(document.bytes.clone())
            }
            // Cut or stalled inside the document: its halves are its events.
            [document] => {
                let document = document.bytes.clone();
                let middle = document.len() / 2;
                pieces = vec![document.slice(..middle).into(), document.slice(middle..).into()];
                Events::new(pieces, behaviour, Pace::unhurried(), tracker).into_body()
            }
            _ => Events::new(pieces, behaviour, Pace::unhurried(), tracker).into_body(),
        }
    } else {
        Events::new(pieces, behaviour, pace, tracker).into_body()
    };
    let mut response = Response::new(body);
    *response.status_mut() = behaviour.status;
    add_headers(response.headers_mut(), &reply, behaviour, gzip);
    response
}

fn add_headers(headers: &mut HeaderMap, reply: &Reply, behaviour: &Behaviour, gzip: bool) {
    let content_type = match reply {
        Reply::Json(_) | Reply::Array(_) => Some("application/json"),
        Reply::Stream(Framing::Events, _) => {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            Some("text/event-stream")
        }
        Reply::Stream(Framing::Lines, _) => Some("application/x-ndjson"),
        Reply::Stream(Framing::AmazonFrames, _) => Some("application/vnd.amazon.eventstream"),
        Reply::Raw(_) => None,
    };
    if let Some(content_type) = content_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    if gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if behaviour.gzip == Some(Gzip::WhenAccepted) {
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    }
    if behaviour.ratelimit_headers {
        headers.extend(rate_limit_headers::all());
    }
    for (name, _) in &behaviour.response_headers {
        headers.remove(name);
    }
    for (name, value) in &behaviour.response_headers {
        headers.append(name.clone(), value.clone());
    }
}

fn accepts_gzip(request: &HeaderMap) -> bool {
    let values = request.get_all(ACCEPT_ENCODING).into_iter();
    let mut codings = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|coding| coding.trim().to_ascii_lowercase());
    codings
        .any(|coding| coding == "gzip" || coding.starts_with("gzip;") && !coding.ends_with("q=0"))
}

fn full(body: Bytes) -> ResponseBody {
    Full::new(body).map_err(|never| match never {}).boxed_unsync()
}

/// When the next piece may go.
struct Pace {
    delay: Duration,
    gate: Option<Gate>,
}

impl Pace {
    fn unhurried() -> Self {
        Self { delay: Duration::ZERO, gate: None }
    }

    async fn wait(&self, with_delay: bool) {
        if with_delay && !self.delay.is_zero() {
            #[expect(
                clippy::disallowed_methods,
                reason = "a request can ask for an answer that is late"
            )]
            tokio::time::sleep(self.delay).await;
        }
        if let Some(gate) = &self.gate {
            gate.pass().await;
        }
    }
}

/// Notes how a response ended, also when hyper drops its body because the other side has gone.
struct Tracker {
    record: Option<Arc<RecordedRequest>>,
    complete: bool,
}

impl Tracker {
    fn output_sent(&self, tokens: u64) {
        if let Some(record) = &self.record {
            record.output_sent(tokens);
        }
    }

    fn complete(mut self) {
        self.complete = true;
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        if let Some(record) = &self.record {
            record.response_ended(if self.complete {
                ResponseEnd::Complete
            } else {
                ResponseEnd::CutShort
            });
        }
    }
}

/// The pieces of a response body that are still to be sent.
struct Events {
    left: vec::IntoIter<Piece>,
    sent: usize,
    pace: Pace,
    stall: Option<Stall>,
    abort_after: Option<usize>,
    tracker: Tracker,
}

impl Events {
    fn new(events: Vec<Piece>, behaviour: &Behaviour, pace: Pace, tracker: Tracker) -> Self {
        Self {
            left: events.into_iter(),
            sent: 0,
            pace,
            stall: behaviour.stall,
            abort_after: behaviour.abort_after,
            tracker,
        }
    }

    fn into_body(self) -> ResponseBody {
        let frames = stream::unfold(self, Events::next);
        StreamBody::new(frames).boxed_unsync()
    }

    async fn next(mut self) -> Option<(io::Result<Frame<Bytes>>, Self)> {
        if self.sent > 0 {
            // A body that is not ready is flushed: each event is a write of its own.
            tokio::task::yield_now().await;
        }
        if self.stall == Some(Stall::Body) && self.sent == 1 {
            std::future::pending::<()>().await;
        }
        if self.abort_after == Some(self.sent) {
            return Some((Err(io::Error::other("cut short on request")), self));
        }
        let Some(event) = self.left.next() else {
            if self.stall == Some(Stall::End) {
                std::future::pending::<()>().await;
            }
            self.tracker.complete();
            return None;
        };
        self.pace.wait(self.sent > 0).await;
        self.sent += 1;
        self.tracker.output_sent(event.output_tokens);
        Some((Ok(Frame::data(event.bytes)), self))
    }
}

//! Delivers an answer the way the request asked for: at once, in its own time, held at a gate, or
//! cut short.

use std::io;
use std::sync::Arc;
use std::time::Duration;
use std::vec;

use bytes::Bytes;
use futures_util::stream;
use http::{Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;

use super::State;
use super::behaviour::{Behaviour, Stall};
use super::gates::Gate;
use super::record::{RecordedRequest, ResponseEnd};
use super::reply::Reply;

pub(super) type ResponseBody = UnsyncBoxBody<Bytes, io::Error>;

/// The response for `reply`. It may take its time, or never come.
pub(super) async fn deliver(
    reply: Reply,
    behaviour: &Behaviour,
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
    match reply {
        Reply::Json(document) => {
            pace.wait(true).await;
            let body = Bytes::from(document.to_string());
            if behaviour.abort_after.is_none() && behaviour.stall.is_none() {
                tracker.complete();
                return response(behaviour.status, "application/json", full(body));
            }
            // Cut or stalled inside the document: its halves are its events.
            let halves = vec![body.slice(..body.len() / 2), body.slice(body.len() / 2..)];
            let events =
                Events { pace: Pace::unhurried(), ..Events::new(halves, behaviour, pace, tracker) };
            response(behaviour.status, "application/json", events.into_body())
        }
        Reply::Events(events) => {
            let events = Events::new(events, behaviour, pace, tracker);
            let mut response = response(behaviour.status, "text/event-stream", events.into_body());
            response
                .headers_mut()
                .insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-cache"));
            response
        }
    }
}

fn full(body: Bytes) -> ResponseBody {
    Full::new(body).map_err(|never| match never {}).boxed_unsync()
}

fn response(
    status: StatusCode,
    content_type: &'static str,
    body: ResponseBody,
) -> Response<ResponseBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    response
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
    left: vec::IntoIter<Bytes>,
    sent: usize,
    pace: Pace,
    stalls: bool,
    abort_after: Option<usize>,
    tracker: Tracker,
}

impl Events {
    fn new(events: Vec<Bytes>, behaviour: &Behaviour, pace: Pace, tracker: Tracker) -> Self {
        Self {
            left: events.into_iter(),
            sent: 0,
            pace,
            stalls: behaviour.stall == Some(Stall::Body),
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
        if self.stalls && self.sent == 1 {
            std::future::pending::<()>().await;
        }
        if self.abort_after == Some(self.sent) {
            return Some((Err(io::Error::other("cut short on request")), self));
        }
        let Some(event) = self.left.next() else {
            self.tracker.complete();
            return None;
        };
        self.pace.wait(self.sent > 0).await;
        self.sent += 1;
        Some((Ok(Frame::data(event)), self))
    }
}

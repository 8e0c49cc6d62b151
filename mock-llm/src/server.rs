//! Connections, and the way of one request through the mock.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::State;
use super::api::{self, Api};
use super::behaviour::{Behaviour, Echo, ErrorPlace};
use super::delivery::{ResponseBody, deliver};
use super::record::{RecordedRequest, Recorder};
use super::reply::Reply;

/// The first bytes of a body that an API gets to see; the rest is only counted.
const READ_BODY_BYTES: usize = 1024 * 1024;

/// Serves HTTP/1.1 and HTTP/2 with prior knowledge until it is dropped, which closes every
/// connection.
pub async fn serve(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A connection that failed before it was accepted is the other side's matter.
                let Ok((stream, _)) = accepted else { continue };
                // Events go out one by one.
                let _ = stream.set_nodelay(true);
                let state = Arc::clone(&state);
                connections.spawn(async move {
                    let service = service_fn(move |request| answer(request, Arc::clone(&state)));
                    let builder = auto::Builder::new(TokioExecutor::new());
                    // An error is a connection that the other side or `abort_after` cut.
                    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn answer(
    request: Request<Incoming>,
    state: Arc<State>,
) -> Result<Response<ResponseBody>, Infallible> {
    let (head, body) = request.into_parts();
    let _unanswered = state.recorder.as_ref().map(Recorder::arrived);
    let record = state.recorder.as_ref().map(|recorder| recorder.add(&head));
    let body = read(body, record.as_deref()).await;
    let api = Api::of(&head);
    let api = api.as_ref();
    let (reply, behaviour) = match Behaviour::read(&head.uri, &head.headers) {
        Ok(behaviour) if let Some(echo) = behaviour.echo => {
            let reply = match echo {
                Echo::Headers => Reply::Json(headers(&head.headers)),
                Echo::Body => Reply::Raw(body.start),
            };
            (reply, behaviour)
        }
        Ok(behaviour) if let Some(status) = requested_error(&behaviour) => {
            (api::error(api, status, "as requested"), behaviour)
        }
        Ok(mut behaviour) => {
            match api.map(|api| api.answer(head.uri.path(), &body.start, &behaviour)) {
                Some(Ok(reply)) => {
                    let headers = api.map(|api| api.headers(&body.start, &behaviour));
                    behaviour.response_headers.extend(headers.into_iter().flatten());
                    (reply, behaviour)
                }
                Some(Err(message)) => bad_request(api, &message),
                None => (Reply::Json(description(&head, &body)), behaviour),
            }
        }
        Err(message) => bad_request(api, &message),
    };
    Ok(deliver(reply, &behaviour, &head.headers, &state, record).await)
}

/// The status an error body tells of, when the request asked for one.
fn requested_error(behaviour: &Behaviour) -> Option<StatusCode> {
    if behaviour.status.as_u16() >= 400 {
        Some(behaviour.status)
    } else {
        let inside = behaviour.error == Some(ErrorPlace::Body);
        inside.then_some(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

fn bad_request(api: Option<&Api>, message: &str) -> (Reply, Behaviour) {
    let status = StatusCode::BAD_REQUEST;
    (api::error(api, status, message), Behaviour { status, ..Behaviour::default() })
}

/// What arrived, for a path that no API has.
fn description(head: &Parts, body: &ReadBody) -> Value {
    json!({
        "object": "mock",
        "method": head.method.as_str(),
        "path": head.uri.path_and_query().map_or("", |path| path.as_str()),
        "body_bytes": body.bytes,
    })
}

fn headers(headers: &HeaderMap) -> Value {
    let pairs = headers
        .iter()
        .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]));
    json!({"headers": pairs.collect::<Vec<_>>()})
}

struct ReadBody {
    start: Bytes,
    bytes: u64,
}

/// Reads a body to its end and keeps its start.
async fn read(mut body: Incoming, record: Option<&RecordedRequest>) -> ReadBody {
    let mut start = BytesMut::new();
    let mut bytes = 0;
    while let Some(Ok(frame)) = body.frame().await {
        let Some(data) = frame.data_ref() else { continue };
        bytes += data.len() as u64;
        start.extend_from_slice(
            &data[..data.len().min(READ_BODY_BYTES.saturating_sub(start.len()))],
        );
        if let Some(record) = record {
            record.body_arrived(data);
        }
    }
    if let Some(record) = record {
        record.body_ended();
    }
    ReadBody { start: start.freeze(), bytes }
}

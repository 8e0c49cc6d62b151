//! What arrived at the mock, for a test to look at.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use http::header::HOST;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Uri, Version};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// The first bytes of a body that are kept; of the rest only the number.
const KEPT_BODY_BYTES: usize = 64 * 1024;

/// All requests of one server.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    requests: Mutex<Vec<Arc<RecordedRequest>>>,
    arrival: Notify,
    unanswered: Mutex<AtATime>,
}

/// How many there are now, and how many there were at most.
#[derive(Clone, Copy, Debug, Default)]
struct AtATime {
    now: usize,
    most: usize,
}

/// A request that has arrived, until its answer begins or nobody waits for it any more.
#[derive(Debug)]
pub(super) struct Unanswered<'a>(&'a Recorder);

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        lock(&self.0.unanswered).now -= 1;
    }
}

impl Recorder {
    pub(super) fn all(&self) -> Vec<Arc<RecordedRequest>> {
        lock(&self.requests).clone()
    }

    /// A request has arrived.
    pub(super) fn arrived(&self) -> Unanswered<'_> {
        let mut unanswered = lock(&self.unanswered);
        unanswered.now += 1;
        unanswered.most = unanswered.most.max(unanswered.now);
        Unanswered(self)
    }

    /// How many requests were without an answer at a time, at most.
    pub(super) fn most_unanswered(&self) -> usize {
        lock(&self.unanswered).most
    }

    /// Ends with the next request that arrives after the call.
    pub(super) fn next_arrival(&self) -> Notified<'_> {
        self.arrival.notified()
    }

    pub(super) fn add(&self, head: &Parts) -> Arc<RecordedRequest> {
        let request = Arc::new(RecordedRequest {
            method: head.method.clone(),
            uri: head.uri.clone(),
            version: head.version,
            headers: head.headers.clone(),
            progress: Mutex::default(),
            body: Mutex::default(),
            output_tokens: AtomicU64::default(),
            end: Mutex::default(),
        });
        lock(&self.requests).push(Arc::clone(&request));
        self.arrival.notify_waiters();
        request
    }
}

/// One request, as it arrived so far.
#[derive(Debug)]
pub struct RecordedRequest {
    /// The method.
    pub method: Method,
    /// The request target: path and query, and with HTTP/2 also scheme and authority.
    pub uri: Uri,
    /// The HTTP version of the hop from Envoy.
    pub version: Version,
    /// All headers.
    pub headers: HeaderMap,
    progress: Mutex<BodyProgress>,
    body: Mutex<BytesMut>,
    output_tokens: AtomicU64,
    end: Mutex<Option<ResponseEnd>>,
}

/// How much of a request's body has arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BodyProgress {
    /// Bytes so far.
    pub bytes: u64,
    /// Whether its end has arrived.
    pub complete: bool,
}

/// How a response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseEnd {
    /// All of it was handed to the connection.
    Complete,
    /// The other side went away before the end, or the mock itself cut it.
    CutShort,
}

impl RecordedRequest {
    /// The path without the query.
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    /// The host the request was sent to: `Host`, or `:authority` with HTTP/2.
    pub fn host(&self) -> String {
        let header = self.headers.get(HOST).map(HeaderValue::as_bytes);
        let host =
            header.or_else(|| self.uri.authority().map(|authority| authority.as_str().as_bytes()));
        String::from_utf8_lossy(host.unwrap_or_default()).into_owned()
    }

    /// All values of a header, as bytes.
    pub fn header_values(&self, name: &str) -> Vec<Bytes> {
        self.headers
            .get_all(name)
            .iter()
            .map(|value| Bytes::copy_from_slice(value.as_bytes()))
            .collect()
    }

    /// How much of the body has arrived.
    pub fn progress(&self) -> BodyProgress {
        *lock(&self.progress)
    }

    /// The body so far, cut at 64 KiB.
    pub fn body(&self) -> Bytes {
        Bytes::copy_from_slice(&lock(&self.body))
    }

    /// The tokens of the model's output that were sent so far, in a stream.
    pub fn output_tokens(&self) -> u64 {
        self.output_tokens.load(Ordering::Relaxed)
    }

    /// How the response ended; `None` while it lasts.
    pub fn response_end(&self) -> Option<ResponseEnd> {
        *lock(&self.end)
    }

    pub(super) fn body_arrived(&self, data: &[u8]) {
        let mut body = lock(&self.body);
        let room = KEPT_BODY_BYTES.saturating_sub(body.len());
        body.extend_from_slice(&data[..data.len().min(room)]);
        lock(&self.progress).bytes += data.len() as u64;
    }

    pub(super) fn body_ended(&self) {
        lock(&self.progress).complete = true;
    }

    pub(super) fn output_sent(&self, tokens: u64) {
        self.output_tokens.fetch_add(tokens, Ordering::Relaxed);
    }

    pub(super) fn response_ended(&self, end: ResponseEnd) {
        lock(&self.end).get_or_insert(end);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

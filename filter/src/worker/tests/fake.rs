//! An Envoy and a control plane that do what a test tells them, and write down what they are told.

use std::collections::{BTreeMap, HashMap, HashSet};

use prost::Message as _;
use proto::decision::{
    Balance, ControlFrame, Decision, FilterFrame, Settle, Verdict, Welcome, verdict::Wait,
};

use super::super::Worker;
use crate::{
    config::Config,
    header_map::{HeaderMap, headers},
    header_value::HeaderValue,
    host::{Host, Next, Pace, RequestId, ResponseBody, StreamToken},
    rate_limit_headers::ResponseEdit,
    reply::Reply,
    stats::Stat,
};

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Resumed,
    Replied(u32),
}

#[derive(Debug, Default)]
pub(super) struct FakeHost {
    pub(super) reachable: bool,
    pub(super) open: HashSet<StreamToken>,
    pub(super) half_closed: Vec<StreamToken>,
    pub(super) reset: Vec<StreamToken>,
    pub(super) frames: Vec<(StreamToken, FilterFrame)>,
    pub(super) fates: BTreeMap<RequestId, Fate>,
    pub(super) replies: HashMap<RequestId, Reply>,
    pub(super) counts: HashMap<&'static str, i64>,
    pub(super) pace: Option<Pace>,
    pub(super) waits_us: Vec<u64>,
    pub(super) log: Vec<String>,
    /// Names of headers that were taken off requests.
    pub(super) removed: Vec<(RequestId, String)>,
    /// Headers that requests were given, and paths.
    pub(super) given: Vec<(RequestId, String, Vec<u8>)>,
    /// What is known of every request, by the path of the property.
    pub(super) properties: HashMap<String, Vec<u8>>,
    /// The headers of the response that is being handled.
    pub(super) response: HeaderMap,
    /// Where that response comes from, in Envoy's words.
    pub(super) code_details: Vec<u8>,
    pub(super) edits: Vec<(RequestId, ResponseEdit)>,
    /// The `x-request-id` of every request.
    pub(super) request_id: Vec<u8>,
    /// What the access log was told of each request, and how often.
    pub(super) told: BTreeMap<RequestId, Vec<String>>,
    /// The number of the last frame with ends on each stream.
    numbers: HashMap<StreamToken, u64>,
    next_stream: StreamToken,
}

impl Host for FakeHost {
    fn open_stream(&mut self) -> Option<StreamToken> {
        if !self.reachable {
            return None;
        }
        self.next_stream += 1;
        self.open.insert(self.next_stream);
        Some(self.next_stream)
    }

    fn send(&mut self, stream: StreamToken, frame: &[u8]) -> bool {
        if !self.open.contains(&stream) {
            return false;
        }
        let frame = FilterFrame::decode(frame).unwrap();
        let number = self.numbers.entry(stream).or_default();
        *number = (*number).max(frame.number);
        self.frames.push((stream, frame));
        true
    }

    fn close_stream(&mut self, stream: StreamToken) {
        self.open.remove(&stream);
        self.half_closed.push(stream);
    }

    fn reset_stream(&mut self, stream: StreamToken) {
        self.open.remove(&stream);
        self.reset.push(stream);
    }

    fn set_pace(&mut self, pace: Pace) {
        self.pace = Some(pace);
    }

    fn remove_request_header(&mut self, request: RequestId, name: &str) {
        self.removed.push((request, name.to_owned()));
    }

    fn set_request_header(&mut self, request: RequestId, name: &str, value: &HeaderValue) {
        assert!(!self.fates.contains_key(&request), "{request} is not held any more");
        self.given.push((request, name.to_owned(), value.as_bytes().to_vec()));
    }

    fn cut_request_path(&mut self, request: RequestId, path: &[u8]) {
        self.given.push((request, ":path".to_owned(), path.to_vec()));
    }

    fn property(&mut self, _request: RequestId, path: &[&str]) -> Option<Vec<u8>> {
        self.properties.get(&path.join("/")).cloned()
    }

    fn response_headers(&mut self, _request: RequestId) -> HeaderMap {
        self.response.clone()
    }

    fn response_code_details(&mut self, _request: RequestId) -> Vec<u8> {
        self.code_details.clone()
    }

    fn edit_response_headers(&mut self, request: RequestId, edit: &ResponseEdit) {
        self.edits.push((request, edit.clone()));
    }

    fn resume(&mut self, request: RequestId) {
        self.decide(request, Fate::Resumed);
    }

    fn request_id(&mut self, _request: RequestId) -> Vec<u8> {
        self.request_id.clone()
    }

    fn tell_access_log(&mut self, request: RequestId, json: &str) {
        self.told.entry(request).or_default().push(json.to_owned());
    }

    fn reply(&mut self, request: RequestId, reply: &Reply) {
        self.decide(request, Fate::Replied(reply.status));
        self.replies.insert(request, reply.clone());
    }

    fn count(&mut self, stat: Stat, by: i64) {
        *self.counts.entry(stat.name()).or_default() += by;
    }

    fn decided_after(&mut self, wait_us: u64) {
        self.waits_us.push(wait_us);
    }

    fn info(&mut self, text: &str) {
        self.log.push(text.to_owned());
    }

    fn warn(&mut self, text: &str) {
        self.log.push(text.to_owned());
    }
}

impl FakeHost {
    fn decide(&mut self, request: RequestId, fate: Fate) {
        let before = self.fates.insert(request, fate);
        assert_eq!(before, None, "request {request} was decided twice");
    }
}

/// What is left of a limit that refuses.
pub(super) const SPENT: Balance = Balance {
    limit: 60,
    remaining: 0,
    full_in_ms: 60_000,
    used: 60,
    name: String::new(),
    window_s: 0,
    burst: 0,
};

/// What the worker is called.
pub(super) const NAME: [u8; 16] = [7; 16];

/// A worker in a fake Envoy, with a clock that the test moves.
pub(super) struct Bench {
    pub(super) worker: Worker,
    pub(super) host: FakeHost,
    pub(super) now_us: u64,
    welcomed: HashSet<StreamToken>,
}

impl Bench {
    pub(super) fn new(config: &str) -> Self {
        let config = Config::parse(config.as_bytes()).unwrap();
        let host = FakeHost { reachable: true, ..FakeHost::default() };
        Self {
            worker: Worker::new(config, "node".into(), 1),
            host,
            now_us: 1_700_000_000_000_000,
            welcomed: HashSet::new(),
        }
    }

    /// A worker whose stream is open, and that has seen nothing.
    pub(super) fn open(config: &str) -> Self {
        let mut bench = Self::new(config);
        bench.request(u32::MAX);
        bench.tick(20);
        bench.answer(&[]);
        bench.answer(&[(u32::MAX, Decision::Admitted, 0)]);
        bench.end(u32::MAX, true);
        bench.tick(20);
        bench.acknowledge();
        bench.host.frames.clear();
        bench.host.fates.clear();
        bench.host.counts.clear();
        bench.host.waits_us.clear();
        bench
    }

    pub(super) fn request(&mut self, id: RequestId) -> Next {
        let headers = headers(&[("x-client-id", "client"), ("x-token-estimate", "10")]);
        self.worker.on_request(&mut self.host, id, &headers, false, self.now_us)
    }

    /// The headers and the body of the upstream's answer.
    pub(super) fn respond(
        &mut self,
        id: RequestId,
        pairs: &[(&str, &str)],
        body: &str,
    ) -> ResponseBody {
        self.host.response = headers(pairs);
        let read = self.worker.on_response(&mut self.host, id);
        if read == ResponseBody::Read {
            for piece in body.as_bytes().chunks(7) {
                self.worker.on_response_body(id, piece);
            }
        }
        read
    }

    pub(super) fn settles(&self) -> Vec<Settle> {
        self.host.frames.iter().flat_map(|(_, frame)| frame.settles.clone()).collect()
    }

    pub(super) fn end(&mut self, id: RequestId, completed: bool) {
        self.worker.on_end(&mut self.host, id, completed, self.now_us);
    }

    pub(super) fn tick(&mut self, after_ms: u64) {
        self.now_us += after_ms * 1_000;
        self.worker.on_tick(&mut self.host, self.now_us);
    }

    /// Answers the oldest frame on the newest stream, and acknowledges all ends on it.
    pub(super) fn answer(&mut self, verdicts: &[(RequestId, Decision, u64)]) {
        let stream = self.stream();
        let welcome = Welcome { protocol_version: 1, worker: NAME.to_vec() };
        let frame = ControlFrame {
            welcome: self.welcomed.insert(stream).then_some(welcome),
            verdicts: verdicts
                .iter()
                .map(|&(id, decision, retry_after_ms)| Verdict {
                    id,
                    decision: decision.into(),
                    wait: Some(Wait::RetryAfterMs(retry_after_ms)),
                    requests: (decision == Decision::RpmExceeded).then_some(SPENT),
                    tokens: (decision == Decision::TpmExceeded).then_some(SPENT),
                    ..Verdict::default()
                })
                .collect(),
            acknowledged: self.number(),
        };
        self.deliver(stream, &frame);
    }

    /// Acknowledges all ends on the newest stream, and says nothing else.
    pub(super) fn acknowledge(&mut self) {
        let acknowledged = self.number();
        let frame = ControlFrame { acknowledged, ..ControlFrame::default() };
        self.deliver(self.stream(), &frame);
    }

    fn number(&self) -> u64 {
        self.host.numbers.get(&self.stream()).copied().unwrap_or(0)
    }

    pub(super) fn deliver(&mut self, stream: StreamToken, frame: &ControlFrame) {
        let bytes = frame.encode_to_vec();
        self.worker.on_frame(&mut self.host, stream, &bytes, self.now_us);
    }

    /// The control plane or the network breaks the newest stream.
    pub(super) fn break_stream(&mut self) {
        self.close_with(14);
    }

    /// The control plane ends the newest stream in order.
    pub(super) fn end_stream(&mut self) {
        self.close_with(0);
    }

    fn close_with(&mut self, grpc_status: u32) {
        let stream = self.stream();
        self.host.open.remove(&stream);
        self.worker.on_stream_close(&mut self.host, stream, grpc_status, self.now_us);
    }

    /// Whether the worker has closed a stream gently, and still hears what comes on it.
    pub(super) fn is_half_closed(&self, stream: StreamToken) -> bool {
        self.host.half_closed.contains(&stream) && !self.host.reset.contains(&stream)
    }

    pub(super) fn stream(&self) -> StreamToken {
        self.host.open.iter().copied().max().expect("a stream is open")
    }

    pub(super) fn fate(&self, id: RequestId) -> Option<&Fate> {
        self.host.fates.get(&id)
    }

    pub(super) fn asked(&self, frame: usize) -> Vec<RequestId> {
        self.host.frames[frame].1.asks.iter().map(|ask| ask.id).collect()
    }

    pub(super) fn cancels(&self) -> Vec<RequestId> {
        self.host.frames.iter().flat_map(|(_, frame)| frame.cancels.clone()).collect()
    }

    pub(super) fn cancels_on(&self, stream: StreamToken) -> Vec<RequestId> {
        let on_it = self.host.frames.iter().filter(|(on, _)| *on == stream);
        on_it.flat_map(|(_, frame)| frame.cancels.clone()).collect()
    }

    pub(super) fn count(&self, name: &str) -> i64 {
        self.host.counts.get(name).copied().unwrap_or(0)
    }
}

//! An Envoy with one worker: the real filter's state machine, and around it a host that does what
//! Envoy does with requests and responses.

use std::collections::{BTreeMap, BTreeSet};

use filter::simulation::{
    Config, HeaderMap, HeaderValue, Host, Next, Pace, Reply, RequestId, ResponseBody, ResponseEdit,
    Stat, StreamToken, Worker,
};

use crate::{
    queue::Micros,
    upstream::{Answer, Kind},
};

/// The wall clock of all Envoys at the start of a run.
const WALL_US: u64 = 1_700_000_000_000_000;

/// What a worker wants of its host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// A stream is opened.
    Open(StreamToken),
    /// A frame is sent.
    Send(StreamToken, Vec<u8>),
    /// Nothing more will be sent.
    Close(StreamToken),
    /// The stream is dropped.
    Reset(StreamToken),
    /// A request goes on to the upstream.
    Resume(RequestId),
    /// A request is answered, with this status.
    Reply(RequestId, u32),
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It waits for its verdict.
    Waits,
    /// It is on its way to the upstream.
    Forwarded,
    /// So many pieces of its response have passed.
    Responds(usize),
}

/// A request of a client.
#[derive(Debug)]
pub(crate) struct Request {
    /// When it arrived.
    pub(crate) arrived: Micros,
    /// What it is for.
    pub(crate) kind: Kind,
    /// How the upstream answers it.
    pub(crate) answer: Answer,
    /// How far it has come.
    pub(crate) stage: Stage,
    body: ResponseBody,
    /// Its end was told to the worker.
    pub(crate) is_over: bool,
}

/// How an Envoy's worker lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// It serves.
    Serves,
    /// Another filter has taken its place: it serves what it has.
    IsReplaced,
    /// It was asked to stop.
    Stops,
}

/// One worker of one Envoy.
#[derive(Debug)]
pub(crate) struct Envoy {
    worker: Worker,
    /// What the worker sees of it.
    pub(crate) host: SimulatedHost,
    /// Its requests, by their numbers.
    pub(crate) requests: BTreeMap<RequestId, Request>,
    /// How it lives.
    pub(crate) life: Life,
    next_request: RequestId,
}

/// The host, as the worker sees it.
#[derive(Debug, Default)]
pub(crate) struct SimulatedHost {
    /// Whether a stream can be opened at all.
    pub(crate) is_reachable: bool,
    open: BTreeSet<StreamToken>,
    next_stream: StreamToken,
    wishes: Vec<Wish>,
    response: HeaderMap,
    code_details: Vec<u8>,
}

impl Host for SimulatedHost {
    fn open_stream(&mut self) -> Option<StreamToken> {
        if !self.is_reachable {
            return None;
        }
        self.next_stream += 1;
        self.open.insert(self.next_stream);
        self.wishes.push(Wish::Open(self.next_stream));
        Some(self.next_stream)
    }

    fn send(&mut self, stream: StreamToken, frame: &[u8]) -> bool {
        let is_open = self.open.contains(&stream);
        if is_open {
            self.wishes.push(Wish::Send(stream, frame.to_vec()));
        }
        is_open
    }

    fn close_stream(&mut self, stream: StreamToken) {
        if self.open.remove(&stream) {
            self.wishes.push(Wish::Close(stream));
        }
    }

    fn reset_stream(&mut self, stream: StreamToken) {
        self.open.remove(&stream);
        self.wishes.push(Wish::Reset(stream));
    }

    fn set_pace(&mut self, _pace: Pace) {}

    fn remove_request_header(&mut self, _request: RequestId, _name: &str) {}

    fn set_request_header(&mut self, _request: RequestId, _name: &str, _value: &HeaderValue) {}

    fn cut_request_path(&mut self, _request: RequestId, _path: &[u8]) {}

    fn property(&mut self, _request: RequestId, _path: &[&str]) -> Option<Vec<u8>> {
        None
    }

    fn response_headers(&mut self, _request: RequestId) -> HeaderMap {
        self.response.clone()
    }

    fn response_code_details(&mut self, _request: RequestId) -> Vec<u8> {
        self.code_details.clone()
    }

    fn edit_response_headers(&mut self, _request: RequestId, _edit: &ResponseEdit) {}

    fn resume(&mut self, request: RequestId) {
        self.wishes.push(Wish::Resume(request));
    }

    fn request_id(&mut self, _request: RequestId) -> Vec<u8> {
        Vec::new()
    }

    fn tell_access_log(&mut self, _request: RequestId, _json: &str) {}

    fn reply(&mut self, request: RequestId, reply: &Reply) {
        self.wishes.push(Wish::Reply(request, reply.status));
    }

    fn count(&mut self, _stat: Stat, _by: i64) {}

    fn decided_after(&mut self, _wait_us: u64) {}

    fn info(&mut self, _text: &str) {}

    fn warn(&mut self, _text: &str) {}
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), value.as_bytes().to_vec());
    pairs.iter().map(owned).collect::<Vec<_>>().into()
}

impl Envoy {
    /// An Envoy whose filter has this configuration.
    pub(crate) fn new(config: Config, seed: u64) -> Self {
        Self {
            worker: Worker::new(config, "envoy".to_owned(), seed),
            host: SimulatedHost { is_reachable: true, ..SimulatedHost::default() },
            requests: BTreeMap::new(),
            life: Life::Serves,
            next_request: 1,
        }
    }

    /// What the worker wished for since this was last asked.
    pub(crate) fn take_wishes(&mut self) -> Vec<Wish> {
        std::mem::take(&mut self.host.wishes)
    }

    /// A request arrives; it waits, or wishes say what became of it.
    pub(crate) fn request(
        &mut self,
        (client, model): (&str, &str),
        estimate: u64,
        kind: Kind,
        answer: Answer,
        now: Micros,
    ) -> RequestId {
        // Envoy numbers contexts, of which not all are requests.
        self.next_request += 1;
        let id = self.next_request;
        let of_model = format!("/openai/deployments/{model}/chat/completions");
        let (method, path) = match kind {
            Kind::Generates if model.is_empty() => ("POST", "/v1/chat/completions"),
            Kind::Generates => ("POST", &*of_model),
            Kind::Reads => ("GET", "/v1/responses/1"),
            Kind::Counts => ("POST", "/v1/messages/count_tokens"),
        };
        let estimate = estimate.to_string();
        let headers = headers(&[
            (":method", method),
            (":path", path),
            ("x-client-id", client),
            ("x-token-estimate", &estimate),
        ]);
        let (stage, body) = (Stage::Waits, ResponseBody::Pass);
        let request = Request { arrived: now, kind, answer, stage, body, is_over: false };
        self.requests.insert(id, request);
        let has_body = kind != Kind::Reads;
        let next = self.worker.on_request(&mut self.host, id, &headers, has_body, WALL_US + now);
        if next == Next::Continue {
            self.host.wishes.push(Wish::Resume(id));
        }
        id
    }

    /// The headers of a request's response arrive; whether more of it is to come.
    pub(crate) fn begin_response(&mut self, id: RequestId, now: Micros) -> bool {
        let Some(request) = self.requests.get_mut(&id) else { return false };
        request.stage = Stage::Responds(0);
        let answer = &request.answer;
        let has_body = !answer.pieces.is_empty();
        let content = if answer.is_stream { "text/event-stream" } else { "application/json" };
        let status = answer.status.to_string();
        self.host.response = headers(&[(":status", &status), ("content-type", content)]);
        self.host.code_details = answer.code_details.into();
        request.body = self.worker.on_response(&mut self.host, id);
        if !has_body {
            self.end(id, true, now);
        }
        has_body
    }

    /// The next piece of a response passes; whether more of it is to come.
    pub(crate) fn pass_piece(&mut self, id: RequestId, now: Micros) -> bool {
        let Some(request) = self.requests.get_mut(&id) else { return false };
        let Stage::Responds(passed) = request.stage else { return false };
        let Some(piece) = request.answer.pieces.get(passed) else { return false };
        let is_last = passed + 1 == request.answer.pieces.len();
        if !request.is_over {
            let bytes = piece.bytes.as_bytes();
            request.body = match request.body {
                ResponseBody::Pass => self.worker.on_response_body_unread(id, bytes.len()),
                _ => self.worker.on_response_body(id, bytes),
            };
        }
        let is_told = request.body == ResponseBody::Over;
        request.stage = Stage::Responds(passed + 1);
        if is_last || is_told {
            self.end(id, true, now);
        }
        !is_last
    }

    /// A request's end is told to the worker, once.
    pub(crate) fn end(&mut self, id: RequestId, completed: bool, now: Micros) {
        if let Some(request) = self.requests.get_mut(&id)
            && !std::mem::replace(&mut request.is_over, true)
        {
            request.body = ResponseBody::Pass;
            self.worker.on_end(&mut self.host, id, completed, WALL_US + now);
        }
    }

    /// Some milliseconds have passed.
    pub(crate) fn tick(&mut self, now: Micros) {
        self.worker.on_tick(&mut self.host, WALL_US + now);
    }

    /// A frame of the control plane's has arrived.
    pub(crate) fn frame(&mut self, stream: StreamToken, frame: &[u8], now: Micros) {
        self.worker.on_frame(&mut self.host, stream, frame, WALL_US + now);
    }

    /// A stream has ended.
    pub(crate) fn stream_closed(&mut self, stream: StreamToken, now: Micros) {
        self.host.open.remove(&stream);
        self.worker.on_stream_close(&mut self.host, stream, 14, WALL_US + now);
    }

    /// No request will come any more.
    pub(crate) fn stop(&mut self, now: Micros) {
        self.life = Life::Stops;
        self.worker.stop(&mut self.host, WALL_US + now);
    }

    /// Whether it may go.
    pub(crate) fn is_over(&self) -> bool {
        self.worker.is_over()
    }
}

//! The Envoy around a worker, as a trait: the real one is `envoy.rs`, tests have their own.

use crate::{
    header_map::HeaderMap, header_value::HeaderValue, rate_limit_headers::ResponseEdit,
    reply::Reply, stats::Stat,
};

/// One HTTP request, by the host's number for it.
pub type RequestId = u32;

/// One gRPC stream, by the host's number for it.
pub type StreamToken = u32;

/// How often the worker is called, unless it is busy.
pub const TICK_MS: u64 = 20;

/// How often the worker is called for what is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Each [`TICK_MS`], often enough for deadlines.
    Usual,
    /// As soon as possible: more is overdue than may be handled in one call.
    Hurried,
}

/// What the worker needs of the Envoy that it runs in.
pub trait Host {
    /// Opens a stream to the control plane; `None` when Envoy refuses at once. Only called while
    /// a tick is handled.
    fn open_stream(&mut self) -> Option<StreamToken>;
    /// Sends a message; `false` when the stream has gone.
    fn send(&mut self, stream: StreamToken, frame: &[u8]) -> bool;
    /// Says that nothing more will be sent; what was sent is still delivered.
    fn close_stream(&mut self, stream: StreamToken);
    /// Drops a stream with all that is on its way.
    fn reset_stream(&mut self, stream: StreamToken);
    /// Changes how often ticks come, from the next one on.
    fn set_pace(&mut self, pace: Pace);
    /// Takes a header off a request whose headers are being handled.
    fn remove_request_header(&mut self, request: RequestId, name: &str);
    /// Gives a request this header, and no other of its name. Its headers are being handled, or it is
    /// held.
    fn set_request_header(&mut self, request: RequestId, name: &str, value: &HeaderValue);
    /// Gives a request whose headers are being handled a part of its path as its path.
    fn cut_request_path(&mut self, request: RequestId, path: &[u8]);
    /// What is known of a request whose headers are being handled, by the path of what Envoy calls a
    /// property: any bytes, `None` where there is none.
    fn property(&mut self, request: RequestId, path: &[&str]) -> Option<Vec<u8>>;
    /// The headers of a response that are being handled.
    fn response_headers(&mut self, request: RequestId) -> HeaderMap;
    /// Envoy's word for where the response whose headers are being handled comes from, or for how
    /// the request ended that is over.
    fn response_code_details(&mut self, request: RequestId) -> Vec<u8>;
    /// Changes the headers of a response that are being handled.
    fn edit_response_headers(&mut self, request: RequestId, edit: &ResponseEdit);
    /// Lets a paused request go on to the upstream.
    fn resume(&mut self, request: RequestId);
    /// What a request that is held, or whose headers are being handled, has as its `x-request-id`: any
    /// bytes, none where it has none.
    fn request_id(&mut self, request: RequestId) -> Vec<u8>;
    /// Answers a request.
    fn reply(&mut self, request: RequestId, reply: &Reply);
    /// Says for Envoy's access log what became of a request, in place of what was said before.
    fn tell_access_log(&mut self, request: RequestId, json: &str);
    /// Adds to a counter or a gauge.
    fn count(&mut self, stat: Stat, by: i64);
    /// A request got its verdict after so long.
    fn decided_after(&mut self, wait_us: u64);
    /// Tells the operator of something that works.
    fn info(&mut self, text: &str);
    /// Tells the operator of something that does not.
    fn warn(&mut self, text: &str);
}

/// What Envoy is to do with a request whose headers have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Forward it.
    Continue,
    /// Hold it: it is resumed or answered later, or was answered just now.
    Pause,
}

/// Whether the rest of a response has to be shown to the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseBody {
    /// Each piece of it.
    Read,
    /// It tells nothing.
    Pass,
    /// It has told all that it will tell. Its client may ask again before the upstream closes it.
    Over,
}

//! The only module that knows proxy-wasm: it turns Envoy's callbacks into calls of [`Worker`], and
//! the worker's wishes into host calls.
//!
//! The SDK panics on a status that it does not expect, so each host call is made only where it is
//! legal, and only in its form that takes any bytes.

use std::{
    cell::RefCell,
    rc::Rc,
    time::{Duration, UNIX_EPOCH},
};

use proxy_wasm::{
    hostcalls,
    traits::{Context, HttpContext, RootContext},
    types::{Action, BufferType, ContextType, LogLevel, MapType, MetricType},
};

use crate::{
    config::Config,
    grpc_service::GrpcService,
    header_map::HeaderMap,
    header_value::HeaderValue,
    host::{Host, Next, Pace, RequestId, ResponseBody, StreamToken, TICK_MS},
    rate_limit_headers::ResponseEdit,
    reply::{Denial, REQUEST_ID, Reply, ReplyStyle},
    stats::{Stat, StatKind},
    worker::Worker,
};

/// How late a timeout is noticed at most.
const TICK: Duration = Duration::from_millis(TICK_MS);

/// Bytes of a response that are copied in at once: memory that a VM grew by it never gives back.
const PIECE_BYTES: usize = 16 * 1024;

/// Envoy keeps it as the filter state `wasm.flowguard`, which an access log can read.
const ACCESS_LOG_PROPERTY: &str = "flowguard";

/// The host knows no shorter one.
const HURRIED_TICK: Duration = Duration::from_millis(1);

proxy_wasm::main! {{
    proxy_wasm::set_log_level(proxy_wasm::types::LogLevel::Info);
    proxy_wasm::set_root_context(|root_id| Box::new(Root::new(root_id)));
}}

/// A worker's own context: it owns the stream and all that the worker's requests share.
struct Root {
    id: u32,
    plugin: Option<Plugin>,
    /// The host waits for this context to be done.
    is_awaited: bool,
}

/// What a valid configuration brings to life.
#[derive(Clone)]
struct Plugin {
    worker: Rc<RefCell<Worker>>,
    envoy: Envoy,
}

/// One request's context.
struct Request {
    id: RequestId,
    plugin: Option<Plugin>,
    response_body: ResponseBody,
    is_over: bool,
}

impl Root {
    fn new(id: u32) -> Self {
        Self { id, plugin: None, is_awaited: false }
    }

    /// Lets the host go on that waits for this context to be done.
    fn be_done(&mut self) {
        if self.is_awaited && self.is_over() {
            self.is_awaited = false;
            self.stop_ticks();
            self.done();
        }
    }

    fn is_over(&self) -> bool {
        with(self.plugin.as_ref(), self.id, |worker, _| worker.is_over()).unwrap_or(true)
    }

    /// The host would keep the timer after the context has gone.
    fn stop_ticks(&self) {
        self.set_tick_period(Duration::ZERO);
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        let json = self.get_plugin_configuration().unwrap_or_default();
        match Config::parse(&json) {
            Ok(config) => {
                if config.mode.asks() {
                    self.set_tick_period(TICK);
                }
                let envoy = Envoy::new(self.id, config.control_plane.clone());
                let node = hostcalls::get_property(vec!["xds", "node", "id"]).ok().flatten();
                let node = String::from_utf8_lossy(&node.unwrap_or_default()).into_owned();
                let worker = Rc::new(RefCell::new(Worker::new(config, node, wall_us())));
                self.plugin = Some(Plugin { worker, envoy });
                true
            }
            Err(error) => {
                log(LogLevel::Error, &format!("flowguard: plugin configuration refused: {error}"));
                false
            }
        }
    }

    fn on_tick(&mut self) {
        with(self.plugin.as_ref(), self.id, |worker, envoy| worker.on_tick(envoy, wall_us()));
        self.be_done();
    }

    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        let plugin = self.plugin.clone();
        let response_body = ResponseBody::Pass;
        Some(Box::new(Request { id: context_id, plugin, response_body, is_over: false }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Context for Root {
    fn on_grpc_stream_message(&mut self, token: u32, size: usize) {
        let Some(frame) = self.get_grpc_stream_message(0, size) else { return };
        with(self.plugin.as_ref(), self.id, |worker, envoy| {
            worker.on_frame(envoy, token, &frame, wall_us());
        });
        self.be_done();
    }

    /// Another configuration takes this one's place, or Envoy ends. `false`: the host waits until
    /// this context is done. Where another filter.wasm takes its place, or Envoy ends, it does not
    /// wait all the same.
    fn on_done(&mut self) -> bool {
        with(self.plugin.as_ref(), self.id, |worker, envoy| worker.stop(envoy, wall_us()));
        self.is_awaited = !self.is_over();
        if !self.is_awaited {
            self.stop_ticks();
        }
        !self.is_awaited
    }

    fn on_grpc_stream_close(&mut self, token: u32, status: u32) {
        with(self.plugin.as_ref(), self.id, |worker, envoy| {
            worker.on_stream_close(envoy, token, status, wall_us());
        });
    }
}

impl Context for Request {}

impl HttpContext for Request {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        let id = self.id;
        let next = with(self.plugin.as_ref(), id, |worker, envoy| {
            let headers = if worker.looks_at_requests() {
                hostcalls::get_map_bytes(MapType::HttpRequestHeaders).ok()?
            } else {
                Vec::new()
            };
            Some(worker.on_request(envoy, id, &headers.into(), !end_of_stream, wall_us()))
        });
        match next.flatten() {
            Some(Next::Continue) => Action::Continue,
            Some(Next::Pause) => Action::Pause,
            None => {
                // Envoy serves nothing with a filter that refused its configuration. Should it do so
                // all the same, no request passes unlimited, and none waits for ever.
                let reply = ReplyStyle::default().reply(&Denial::LimiterUnavailable);
                send(&reply.with_request_id(&request_id()));
                Action::Pause
            }
        }
    }

    fn on_http_response_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        let id = self.id;
        let body = with(self.plugin.as_ref(), id, |worker, envoy| worker.on_response(envoy, id));
        self.response_body = body.unwrap_or(ResponseBody::Pass);
        if end_of_stream {
            self.end(true);
        }
        Action::Continue
    }

    /// Called for each part before it is sent; nothing is held back, so each one is seen once.
    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if !self.is_over {
            self.pass_response_body(size);
        }
        if end_of_stream || self.response_body == ResponseBody::Over {
            self.end(true);
        }
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, _count: usize) -> Action {
        self.end(true);
        Action::Continue
    }

    fn on_log(&mut self) {
        self.end(false);
    }
}

impl Request {
    fn pass_response_body(&mut self, size: usize) {
        let Some(plugin) = &self.plugin else { return };
        let Ok(mut worker) = plugin.worker.try_borrow_mut() else { return };
        if self.response_body == ResponseBody::Pass {
            self.response_body = worker.on_response_body_unread(self.id, size);
            return;
        }
        for start in (0..size).step_by(PIECE_BYTES) {
            let piece = hostcalls::get_buffer(
                BufferType::HttpResponseBody,
                start,
                PIECE_BYTES.min(size - start),
            );
            let Ok(Some(piece)) = piece else {
                self.response_body = ResponseBody::Pass;
                return worker.on_response_body_missed(self.id);
            };
            self.response_body = worker.on_response_body(self.id, &piece);
        }
    }

    /// Told to the worker once: when the last of the response has passed, or else when the request
    /// has gone.
    fn end(&mut self, completed: bool) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        self.response_body = ResponseBody::Pass;
        let id = self.id;
        with(self.plugin.as_ref(), id, |worker, envoy| {
            worker.on_end(envoy, id, completed, wall_us());
        });
    }
}

/// Calls the worker and then puts back the context that the host is in.
fn with<T>(
    plugin: Option<&Plugin>,
    context_id: u32,
    call: impl FnOnce(&mut Worker, &mut Envoy) -> T,
) -> Option<T> {
    let plugin = plugin?;
    // The host never calls back into a call: it defers what would.
    let mut worker = plugin.worker.try_borrow_mut().ok()?;
    let mut envoy = Envoy { effective: context_id, ..plugin.envoy.clone() };
    let result = call(&mut worker, &mut envoy);
    envoy.enter(context_id);
    Some(result)
}

fn wall_us() -> u64 {
    let since_epoch = hostcalls::get_current_time()
        .ok()
        .and_then(|now| now.duration_since(UNIX_EPOCH).ok())
        .unwrap_or_default();
    u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX)
}

/// Legal while a request's headers are handled, and while it is held after that.
fn request_id() -> Vec<u8> {
    let id = hostcalls::get_map_value_bytes(MapType::HttpRequestHeaders, REQUEST_ID);
    id.ok().flatten().unwrap_or_default()
}

fn send(reply: &Reply) {
    let headers = reply.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let _ = hostcalls::send_http_response(reply.status, headers, Some(reply.body.as_bytes()));
}

fn log(level: LogLevel, text: &str) {
    let _ = hostcalls::log(level, text);
}

/// The host, as the worker sees it.
#[derive(Clone)]
struct Envoy {
    root_id: u32,
    /// The context that host calls act on now.
    effective: u32,
    control_plane: Rc<GrpcService>,
    /// In the order of [`Stat::ALL`].
    stats: Rc<[Option<u32>]>,
}

impl Envoy {
    fn new(root_id: u32, control_plane: GrpcService) -> Self {
        let define = |stat: &Stat| {
            let metric = match stat.kind() {
                StatKind::Counter => MetricType::Counter,
                StatKind::Gauge => MetricType::Gauge,
                StatKind::Histogram => MetricType::Histogram,
            };
            hostcalls::define_metric(metric, stat.name()).ok()
        };
        Self {
            root_id,
            effective: root_id,
            control_plane: Rc::new(control_plane),
            stats: Stat::ALL.iter().map(define).collect(),
        }
    }

    fn stat(&self, stat: Stat) -> Option<u32> {
        *self.stats.get(stat as usize)?
    }

    /// `false`: that context has gone, and nothing may be asked of it.
    fn enter(&mut self, context_id: u32) -> bool {
        if self.effective != context_id {
            if hostcalls::set_effective_context(context_id).is_err() {
                return false;
            }
            self.effective = context_id;
        }
        true
    }
}

impl Envoy {
    fn set_request_header_bytes(&mut self, request: RequestId, name: &str, value: &[u8]) {
        if self.enter(request) {
            let _ = hostcalls::set_map_value_bytes(MapType::HttpRequestHeaders, name, Some(value));
        }
    }
}

impl Host for Envoy {
    fn open_stream(&mut self) -> Option<StreamToken> {
        hostcalls::open_grpc_stream(
            self.control_plane.as_str(),
            proto::DECISION_SERVICE,
            proto::DECISION_METHOD,
            Vec::new(),
        )
        .ok()
    }

    fn send(&mut self, stream: StreamToken, frame: &[u8]) -> bool {
        self.enter(self.root_id)
            && hostcalls::send_grpc_stream_message(stream, Some(frame), false).is_ok()
    }

    fn close_stream(&mut self, stream: StreamToken) {
        if self.enter(self.root_id) {
            let _ = hostcalls::close_grpc_stream(stream);
        }
    }

    fn reset_stream(&mut self, stream: StreamToken) {
        if self.enter(self.root_id) {
            let _ = hostcalls::cancel_grpc_stream(stream);
        }
    }

    fn set_pace(&mut self, pace: Pace) {
        let period = match pace {
            Pace::Usual => TICK,
            Pace::Hurried => HURRIED_TICK,
        };
        if self.enter(self.root_id) {
            let _ = hostcalls::set_tick_period(period);
        }
    }

    fn remove_request_header(&mut self, request: RequestId, name: &str) {
        if self.enter(request) {
            let _ = hostcalls::remove_map_value(MapType::HttpRequestHeaders, name);
        }
    }

    fn set_request_header(&mut self, request: RequestId, name: &str, value: &HeaderValue) {
        self.set_request_header_bytes(request, name, value.as_bytes());
    }

    fn cut_request_path(&mut self, request: RequestId, path: &[u8]) {
        self.set_request_header_bytes(request, ":path", path);
    }

    fn property(&mut self, request: RequestId, path: &[&str]) -> Option<Vec<u8>> {
        if !self.enter(request) {
            return None;
        }
        hostcalls::get_property(path.to_vec()).ok().flatten()
    }

    fn response_headers(&mut self, request: RequestId) -> HeaderMap {
        if !self.enter(request) {
            return HeaderMap::default();
        }
        hostcalls::get_map_bytes(MapType::HttpResponseHeaders).unwrap_or_default().into()
    }

    fn response_code_details(&mut self, request: RequestId) -> Vec<u8> {
        if !self.enter(request) {
            return Vec::new();
        }
        hostcalls::get_property(vec!["response", "code_details"]).ok().flatten().unwrap_or_default()
    }

    fn edit_response_headers(&mut self, request: RequestId, edit: &ResponseEdit) {
        if !self.enter(request) {
            return;
        }
        let headers = MapType::HttpResponseHeaders;
        for name in &edit.remove {
            let _ = hostcalls::remove_map_value(headers, name);
        }
        for (name, value) in &edit.set {
            let _ = hostcalls::set_map_value_bytes(headers, name, Some(value.as_bytes()));
        }
    }

    fn resume(&mut self, request: RequestId) {
        if self.enter(request) {
            let _ = hostcalls::resume_http_request();
        }
    }

    fn request_id(&mut self, request: RequestId) -> Vec<u8> {
        if self.enter(request) { request_id() } else { Vec::new() }
    }

    fn reply(&mut self, request: RequestId, reply: &Reply) {
        if self.enter(request) {
            send(reply);
        }
    }

    fn tell_access_log(&mut self, request: RequestId, json: &str) {
        if self.enter(request) {
            let _ = hostcalls::set_property(vec![ACCESS_LOG_PROPERTY], Some(json.as_bytes()));
        }
    }

    fn count(&mut self, stat: Stat, by: i64) {
        if let Some(stat) = self.stat(stat) {
            let _ = hostcalls::increment_metric(stat, by);
        }
    }

    fn decided_after(&mut self, wait_us: u64) {
        if let Some(histogram) = self.stat(Stat::DecisionWait) {
            let _ = hostcalls::record_metric(histogram, wait_us);
        }
    }

    fn info(&mut self, text: &str) {
        log(LogLevel::Info, &format!("flowguard: {text}"));
    }

    fn warn(&mut self, text: &str) {
        log(LogLevel::Warn, &format!("flowguard: {text}"));
    }
}

//! One Envoy worker: its requests, its decision stream, and what flows between them.
//!
//! Group commit: one frame of asks is unanswered at a time. What arrives meanwhile waits in the
//! queue and leaves as the next frame, so a batch grows with the load, to its bound, and an idle
//! worker's request leaves at once.

mod host;
mod lanes;
mod link;
mod outbox;
mod refusals;
mod requests;
mod response;
mod stream;
mod undecided;
mod verdict;

use proto::decision::ControlFrame;

use crate::{
    clock::Clock,
    config::{AcceptEncoding, Config, Mode},
    counters::{Cause, Counter, Outcome},
    headers::{HeaderMap, RequestHeaders},
    reply::{Denial, ErrorFormat},
};
pub use host::{Host, Next, Pace, RequestId, StreamToken};
use link::Link;
use outbox::Outbox;
use refusals::Refusals;
use requests::{Arrival, Ended, Requests};
pub use response::ResponseBody;

/// Requests that are resumed or answered in one call of the host's, at most.
///
/// Envoy does it when the call has returned, and each answer calls the filter again, inside of the
/// one before: some 300 in one call overflow the stack of the VM, and every request of the worker
/// dies with it. Other filters in the chain make each step deeper, hence the distance.
const DECIDED_PER_CALL_MAX: usize = 64;

const ACCEPT_ENCODING: &str = "accept-encoding";

/// The state of one worker.
#[derive(Debug)]
pub struct Worker {
    config: Config,
    clock: Clock,
    link: Link,
    requests: Requests,
    refusals: Refusals,
    outbox: Outbox,
    pace: Pace,
}

impl Worker {
    /// A worker that has seen no request; `node` is Envoy's id, for the control plane's log, and
    /// `seed` a number that no client can know.
    pub fn new(config: Config, node: String, seed: u64) -> Self {
        Self {
            config,
            clock: Clock::default(),
            link: Link::new(node),
            requests: Requests::new(seed),
            refusals: Refusals::new(),
            outbox: Outbox::default(),
            pace: Pace::Usual,
        }
    }

    /// A request's headers have arrived. `has_body`: more of it is to come.
    pub fn on_request(
        &mut self,
        host: &mut impl Host,
        id: RequestId,
        headers: &HeaderMap,
        has_body: bool,
        wall_us: u64,
    ) -> Next {
        if self.config.exemptions.apply_to(headers, has_body) {
            host.count(Counter::Decisions(Outcome::Exempt), 1);
            return Next::Continue;
        }
        let error_format = self.config.error_format.for_request(headers);
        let read = match RequestHeaders::read(headers, self.config.estimate) {
            Ok(read) => read,
            Err(invalid) => {
                host.count(Counter::Decisions(Outcome::InvalidHeaders), 1);
                if self.config.mode == Mode::Shadow {
                    return Next::Continue;
                }
                self.deny(host, id, error_format, &Denial::InvalidHeaders(invalid));
                return Next::Pause;
            }
        };
        if self.config.mode == Mode::Off {
            return Next::Continue;
        }
        let now = self.clock.advance(wall_us);
        self.link.need(host, now);
        if let Some(next) = self.decide_without_asking(host, id, &read, error_format, now) {
            return next;
        }
        // An encoded response could not be read for what was used.
        if self.config.accept_encoding == AcceptEncoding::Drop
            && headers.iter().any(|(name, _)| name == ACCEPT_ENCODING)
        {
            host.remove_request_header(id, ACCEPT_ENCODING);
        }
        self.requests.ask(&Arrival {
            id,
            headers: &read,
            error_format,
            started: now,
            deadline: now.plus_ms(self.config.decision_timeout_ms),
        });
        self.flush(host, now);
        Next::Pause
    }

    /// A response's headers have arrived: the upstream's, or the answer of a filter, this one
    /// included, or of Envoy itself.
    pub fn on_response(&mut self, host: &mut impl Host, id: RequestId) -> ResponseBody {
        if self.requests.response(id).is_some_and(|response| response.settle_at_once()) {
            self.go_before_the_response(host);
        }
        let Some(response) = self.requests.response(id) else { return ResponseBody::Pass };
        let headers = host.response_headers(id);
        // In shadow nobody shall slow down for limits that are not in force.
        if self.config.mode == Mode::Enforce
            && let Some(standing) = response.standing()
        {
            let ours = self.config.rate_limit_headers;
            let edit = self.config.upstream_rate_limit_headers.edit(ours, &standing, &headers);
            host.edit_response_headers(id, &edit);
        }
        response.begin(&headers, || host.response_code_details(id))
    }

    /// A piece of a response's body passes by. [`ResponseBody::Over`] is to be told as its end.
    pub fn on_response_body(&mut self, id: RequestId, bytes: &[u8]) -> ResponseBody {
        match self.requests.response(id) {
            Some(response) => response.read(bytes),
            None => ResponseBody::Pass,
        }
    }

    /// So many bytes of a response's body pass by that need not be seen.
    pub fn on_response_body_unread(&mut self, id: RequestId, bytes: usize) -> ResponseBody {
        self.requests.response(id).map_or(ResponseBody::Pass, |response| response.pass(bytes))
    }

    /// A piece of a response's body has passed by that should have been seen.
    pub fn on_response_body_missed(&mut self, id: RequestId) {
        if let Some(response) = self.requests.response(id) {
            response.stop_reading();
        }
    }

    /// A request is over, whatever became of it. `completed`: its response ended as the upstream
    /// ended it. Told twice it is told once: the first time, when the last of the response is about
    /// to be sent, is before its client can ask again.
    pub fn on_end(&mut self, host: &mut impl Host, id: RequestId, completed: bool, wall_us: u64) {
        let now = self.clock.advance(wall_us);
        match self.requests.end(id) {
            Some(Ended::Waiting(waiting)) if waiting.asked => self.outbox.cancel(id),
            Some(Ended::Forwarded(request)) if self.link.is_session(request.session) => {
                let report = request.response.end(completed);
                let at_once = request.response.settle_at_once();
                self.outbox.settle(id, report, now.since(request.started), at_once);
            }
            Some(Ended::Forwarded(_) | Ended::Waiting(_)) | None => return,
        }
        self.report_what_is_due(host, now);
    }

    /// Some milliseconds have passed.
    pub fn on_tick(&mut self, host: &mut impl Host, wall_us: u64) {
        let now = self.clock.advance(wall_us);
        self.requests.tick();
        self.fail_overdue(host, now);
        self.give_up_hung_stream(host, now);
        if self.link.is_due(now) {
            self.link.open(host, now);
        }
        self.flush(host, now);
        self.report(host, now);
        self.set_pace(host, now);
    }

    /// A message of the control plane's has arrived.
    pub fn on_frame(
        &mut self,
        host: &mut impl Host,
        stream: StreamToken,
        frame: &[u8],
        wall_us: u64,
    ) {
        let now = self.clock.advance(wall_us);
        if !self.link.is_current(stream) {
            return;
        }
        let frame = match <ControlFrame as prost::Message>::decode(frame) {
            Ok(frame) => frame,
            Err(error) => return self.drop_stream(host, stream, &error.to_string(), now),
        };
        if let Err(reason) = self.link.accept(host, frame.welcome.as_ref()) {
            return self.drop_stream(host, stream, &reason, now);
        }
        let Some(asks) = self.requests.frame_answered() else {
            return self.drop_stream(host, stream, "an answer to nothing", now);
        };
        for verdict in frame.verdicts.iter().take(DECIDED_PER_CALL_MAX) {
            self.on_verdict(host, verdict, &asks, now);
        }
        self.flush(host, now);
        self.report_what_is_due(host, now);
    }

    /// A stream has ended, for the control plane's reason or the network's.
    pub fn on_stream_close(
        &mut self,
        host: &mut impl Host,
        stream: StreamToken,
        grpc_status: u32,
        wall_us: u64,
    ) {
        let now = self.clock.advance(wall_us);
        self.link.forget(stream);
        if self.link.is_current(stream) {
            let reason = stream::why_closed(grpc_status);
            self.on_stream_lost(host, Cause::StreamLost, &reason, now);
        }
    }

    /// No request will come any more.
    pub fn stop(&mut self, host: &mut impl Host, wall_us: u64) {
        let now = self.clock.advance(wall_us);
        self.report(host, now);
        self.link.stop(host);
    }

    fn deny(&self, host: &mut impl Host, id: RequestId, format: ErrorFormat, denial: &Denial) {
        host.reply(id, &self.config.replies(format).reply(denial));
    }
}

#[cfg(test)]
mod tests;

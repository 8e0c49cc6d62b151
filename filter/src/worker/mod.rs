//! One Envoy worker: its requests, its decision stream, and what flows between them.
//!
//! Group commit: one frame of asks is unanswered at a time. What arrives meanwhile waits in the
//! queue and leaves as the next frame, so a batch grows with the load, to its bound, and an idle
//! worker's request leaves at once.

mod host;
mod link;
mod outbox;
mod requests;
mod response;

use limiter::Dimension;
use proto::{
    DECISION_PROTOCOL_VERSION,
    decision::{ControlFrame, Decision, Verdict},
};

use crate::{
    clock::{Clock, Micros},
    config::{AcceptEncoding, Config, FailureMode, Mode},
    counters::{Cause, Counter, Outcome},
    headers::{HeaderMap, RequestHeaders},
    reply::{Denial, Refused},
    standing::{Balance, Standing},
};
pub use host::{Host, Next, Pace, RequestId, StreamToken};
use link::Link;
use outbox::Outbox;
use requests::{Ended, Requests};
use response::Response;
pub use response::ResponseBody;

/// A stream that leaves a frame unanswered this long is given up, or twice the decision timeout
/// when that is longer.
const HUNG_AFTER_MS: u64 = 1_000;

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
    outbox: Outbox,
    pace: Pace,
}

impl Worker {
    /// A worker that has seen no request; `node` is Envoy's id, for the control plane's log.
    pub fn new(config: Config, node: String) -> Self {
        Self {
            config,
            clock: Clock::default(),
            link: Link::new(node),
            requests: Requests::default(),
            outbox: Outbox::default(),
            pace: Pace::Usual,
        }
    }

    /// A request's headers have arrived.
    pub fn on_request(
        &mut self,
        host: &mut impl Host,
        id: RequestId,
        headers: &HeaderMap,
        wall_us: u64,
    ) -> Next {
        let read = match RequestHeaders::read(headers, self.config.estimate) {
            Ok(read) => read,
            Err(invalid) => {
                host.count(Counter::Decisions(Outcome::InvalidHeaders), 1);
                if self.config.mode == Mode::Shadow {
                    return Next::Continue;
                }
                self.deny(host, id, &Denial::InvalidHeaders(invalid));
                return Next::Pause;
            }
        };
        if self.config.mode == Mode::Off {
            return Next::Continue;
        }
        let now = self.clock.advance(wall_us);
        if self.requests.are_too_many() {
            host.count(Counter::Failures(Cause::QueueFull), 1);
            return self.undecided(host, id);
        }
        // An encoded response could not be read for what was used.
        if self.config.accept_encoding == AcceptEncoding::Drop
            && headers.iter().any(|(name, _)| name == ACCEPT_ENCODING)
        {
            host.remove_request_header(id, ACCEPT_ENCODING);
        }
        self.link.need(host, now);
        let deadline = now.plus_ms(self.config.decision_timeout_ms);
        self.requests.ask(id, &read, now, deadline);
        self.flush(host, now);
        Next::Pause
    }

    /// A response's headers have arrived: the upstream's, or the answer of a filter, this one
    /// included, or of Envoy itself.
    pub fn on_response(&mut self, host: &mut impl Host, id: RequestId) -> ResponseBody {
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
        response.begin(&headers)
    }

    /// A piece of a response's body passes by.
    pub fn on_response_body(&mut self, id: RequestId, bytes: &[u8]) {
        if let Some(response) = self.requests.response(id) {
            response.read(bytes);
        }
    }

    /// A piece of a response's body has passed by unseen.
    pub fn on_response_body_missed(&mut self, id: RequestId) {
        if let Some(response) = self.requests.response(id) {
            response.stop_reading();
        }
    }

    /// A request is over, whatever became of it. `completed`: its response was sent to the end.
    pub fn on_end(&mut self, host: &mut impl Host, id: RequestId, completed: bool, wall_us: u64) {
        let now = self.clock.advance(wall_us);
        match self.requests.end(id) {
            Some(Ended::Asked) => self.outbox.cancel(id),
            Some(Ended::Forwarded(request)) if self.link.is_session(request.session) => {
                let report = request.response.end(completed);
                self.outbox.settle(id, report, now.since(request.started));
            }
            Some(Ended::Forwarded(_) | Ended::Queued) | None => return,
        }
        if self.outbox.is_large() {
            self.flush_outbox(host, now);
        }
    }

    /// Some milliseconds have passed.
    pub fn on_tick(&mut self, host: &mut impl Host, wall_us: u64) {
        let now = self.clock.advance(wall_us);
        self.fail_overdue(host, now);
        self.give_up_hung_stream(host, now);
        if self.link.is_due(now) {
            self.link.open(host, now);
        }
        self.flush(host, now);
        self.flush_outbox(host, now);
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
        if !self.requests.frame_answered() {
            return self.drop_stream(host, stream, "an answer to nothing", now);
        }
        for verdict in frame.verdicts.iter().take(DECIDED_PER_CALL_MAX) {
            self.on_verdict(host, verdict, now);
        }
        self.flush(host, now);
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
            self.on_stream_lost(host, Cause::StreamLost, &why_closed(grpc_status), now);
        }
    }

    /// No request will come any more.
    pub fn stop(&mut self, host: &mut impl Host, wall_us: u64) {
        let now = self.clock.advance(wall_us);
        self.flush_outbox(host, now);
        self.link.stop(host);
    }

    fn on_verdict(&mut self, host: &mut impl Host, verdict: &Verdict, now: Micros) {
        let id = verdict.id;
        // 0 stands for a wait that never ends.
        let retry_after_ms = Some(verdict.retry_after_ms).filter(|ms| *ms > 0);
        let standing = standing(verdict);
        let refused = |limit| {
            let requested_tokens = verdict.reserved_tokens;
            Denial::Refused(Refused { limit, retry_after_ms, standing, requested_tokens })
        };
        let (outcome, denial) = match verdict.decision() {
            Decision::Admitted => (Outcome::Admitted, None),
            Decision::RpmExceeded => (Outcome::RpmExceeded, Some(refused(Dimension::Rpm))),
            Decision::TpmExceeded => (Outcome::TpmExceeded, Some(refused(Dimension::Tpm))),
            Decision::UnknownClient => (Outcome::UnknownClient, Some(Denial::UnknownClient)),
            Decision::Unspecified => {
                if self.requests.drop_waiting(id).is_some() {
                    host.count(Counter::Failures(Cause::BadFrame), 1);
                    self.finish_undecided(host, id);
                }
                return;
            }
        };
        let waits_since = match denial {
            None => self.requests.forward(id, self.link.session(), Response::awaited(standing)),
            Some(_) => self.requests.drop_waiting(id),
        };
        let Some(started) = waits_since else { return };
        host.count(Counter::Decisions(outcome), 1);
        host.decided_after(now.since(started));
        match denial {
            Some(denial) if self.config.mode == Mode::Enforce => self.deny(host, id, &denial),
            _ => host.resume(id),
        }
    }

    fn deny(&self, host: &mut impl Host, id: RequestId, denial: &Denial) {
        host.reply(id, &self.config.replies().reply(denial));
    }

    /// The failure mode, for a request whose headers are being handled.
    fn undecided(&self, host: &mut impl Host, id: RequestId) -> Next {
        if self.passes_undecided() {
            host.count(Counter::Decisions(Outcome::FailedOpen), 1);
            return Next::Continue;
        }
        host.count(Counter::Decisions(Outcome::FailedClosed), 1);
        self.deny(host, id, &Denial::LimiterUnavailable);
        Next::Pause
    }

    /// The failure mode, for a request that was paused.
    fn finish_undecided(&self, host: &mut impl Host, id: RequestId) {
        if self.undecided(host, id) == Next::Continue {
            host.resume(id);
        }
    }

    fn passes_undecided(&self) -> bool {
        self.config.failure_mode == FailureMode::Open || self.config.mode == Mode::Shadow
    }

    /// So many as one call may; the rest follows in the next one, which is then due at once.
    fn fail_overdue(&mut self, host: &mut impl Host, now: Micros) {
        let cause = if self.link.is_open() { Cause::Timeout } else { Cause::Unreachable };
        for _ in 0..DECIDED_PER_CALL_MAX {
            let Some((id, asked)) = self.requests.next_overdue(now) else { break };
            host.count(Counter::Failures(cause), 1);
            if asked && self.passes_undecided() {
                // It may have been charged, and it is forwarded: then the charge is right.
                let unknown = Response::awaited(Standing::default());
                self.requests.forward(id, self.link.session(), unknown);
            } else {
                self.requests.drop_waiting(id);
                if asked {
                    self.outbox.cancel(id);
                }
            }
            self.finish_undecided(host, id);
        }
    }

    fn set_pace(&mut self, host: &mut impl Host, now: Micros) {
        let pace = match self.requests.next_overdue(now) {
            Some(_) => Pace::Hurried,
            None => Pace::Usual,
        };
        if self.pace != pace {
            self.pace = pace;
            host.set_pace(pace);
        }
    }

    /// Sends the next frame of asks, when none is unanswered.
    fn flush(&mut self, host: &mut impl Host, now: Micros) {
        while let Some(stream) = self.link.stream()
            && self.requests.may_send()
        {
            let hello = self.link.take_hello();
            let asks = self.requests.next_batch();
            if hello.is_none() && asks.is_empty() {
                break;
            }
            let frame = self.outbox.frame(hello, asks);
            let sent = host.send(stream, &prost::Message::encode_to_vec(&frame));
            self.requests.sent(frame.asks, now);
            if !sent {
                self.on_stream_lost(host, Cause::StreamLost, "nothing can be sent on it", now);
            }
        }
    }

    /// Sends what is reported without a question, when no frame of asks took it along.
    fn flush_outbox(&mut self, host: &mut impl Host, now: Micros) {
        if let Some(stream) = self.link.greeted_stream()
            && !self.outbox.is_empty()
        {
            let frame = self.outbox.frame(None, Vec::new());
            if !host.send(stream, &prost::Message::encode_to_vec(&frame)) {
                self.on_stream_lost(host, Cause::StreamLost, "nothing can be sent on it", now);
            }
        }
    }

    /// A stream that answers no more is closed gently: if the control plane wakes up again, it
    /// still reads the cancels and gives back what it then would have charged.
    fn give_up_hung_stream(&mut self, host: &mut impl Host, now: Micros) {
        let patience_ms = HUNG_AFTER_MS.max(self.config.decision_timeout_ms.saturating_mul(2));
        let is_hung =
            self.requests.unanswered_since().is_some_and(|sent| sent.plus_ms(patience_ms) <= now);
        if !is_hung {
            return;
        }
        self.flush_outbox(host, now);
        if let Some(stream) = self.link.stream() {
            host.close_stream(stream);
            self.link.abandon(host, stream);
            let reason = format!("no answer for {patience_ms} ms");
            self.on_stream_lost(host, Cause::StreamHung, &reason, now);
        }
    }

    fn drop_stream(
        &mut self,
        host: &mut impl Host,
        stream: StreamToken,
        reason: &str,
        now: Micros,
    ) {
        host.reset_stream(stream);
        self.on_stream_lost(host, Cause::BadFrame, reason, now);
    }

    /// Asks that were under way are asked again on the next stream while their time lasts. What
    /// the old stream's requests hold stays charged: nobody can know what was admitted.
    fn on_stream_lost(&mut self, host: &mut impl Host, cause: Cause, reason: &str, now: Micros) {
        // While nobody listens, each attempt ends at once: that is no further loss.
        if self.link.is_open() || cause != Cause::StreamLost {
            host.count(Counter::Failures(cause), 1);
        }
        self.link.lost(host, reason, now);
        self.requests.requeue_unanswered();
        self.outbox.clear();
    }
}

fn standing(verdict: &Verdict) -> Standing {
    let balance = |balance: proto::decision::Balance| Balance {
        limit: balance.limit,
        remaining: balance.remaining,
        full_in_ms: balance.full_in_ms,
    };
    Standing { requests: verdict.requests.map(balance), tokens: verdict.tokens.map(balance) }
}

/// gRPC's `FAILED_PRECONDITION`: how the control plane refuses a hello.
const GRPC_FAILED_PRECONDITION: u32 = 9;

fn why_closed(grpc_status: u32) -> String {
    if grpc_status == GRPC_FAILED_PRECONDITION {
        return format!(
            "the control plane does not speak version {DECISION_PROTOCOL_VERSION} of it: use a \
             filter.wasm of the same release"
        );
    }
    format!("gRPC status {grpc_status}")
}

#[cfg(test)]
mod tests;

//! A request's way through the worker: it arrives, is asked for, its response passes, it is over.

use proto::plugin_config::{AcceptEncoding, Mode};

use super::{
    Worker,
    requests::{Arrival, State},
    response::Report,
};
use crate::{
    access_log::Entry,
    header_map::HeaderMap,
    host::{Host, Next, RequestId, ResponseBody},
    rate_limit_headers,
    reply::{BodyFormat, Denial, ReplyStyle},
    stats::Stat,
};

const ACCEPT_ENCODING: &str = "accept-encoding";

impl Worker {
    /// A request's headers have arrived. `has_body`: more of it is to come.
    pub fn on_request(
        &mut self,
        host: &mut impl Host,
        id: RequestId,
        headers: &HeaderMap,
        has_body: bool,
        wall_us: u64,
    ) -> Next {
        self.count_itself(host);
        if !self.looks_at_requests() {
            host.count(Stat::Passed, 1);
            return Next::Continue;
        }
        self.take_off(host, id, headers);
        if self.config.exemptions.apply_to(headers, has_body) {
            host.count(Stat::Exempt, 1);
            self.tell_access_log(host, id, Entry::exempt);
            return Next::Continue;
        }
        let body_format = BodyFormat::of(self.config.error_format, headers);
        let read = match self.read(host, id, headers) {
            Ok(read) => read,
            Err(denial) => {
                let is_answered = self.deny_unread(host, id, headers, body_format, &denial);
                return if is_answered { Next::Pause } else { Next::Continue };
            }
        };
        if self.config.mode == Mode::Off {
            return Next::Continue;
        }
        let now = self.clock.advance(wall_us);
        self.link.need(host, now);
        let model = self.config.model_sources.model(headers);
        let arrival = Arrival {
            id,
            headers: &read,
            model: model.as_deref(),
            body_format,
            started: now,
            deadline: now.plus_ms(self.config.decision_timeout_ms),
        };
        if let Some(next) = self.decide_without_asking(host, &arrival) {
            return next;
        }
        // An encoded response could not be read for what was used.
        if self.config.accept_encoding == AcceptEncoding::Drop && headers.has(ACCEPT_ENCODING) {
            host.remove_request_header(id, ACCEPT_ENCODING);
        }
        self.requests.ask(&arrival);
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
            && let Some(tightest) = response.tightest()
        {
            let upstreams = self.config.upstream_rate_limit_headers;
            let ours = self.config.rate_limit_headers;
            let edit = rate_limit_headers::edit(upstreams, ours, tightest, &headers);
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
            Some(State::Waiting(waiting)) => {
                let entry = || Entry::canceled().for_model(waiting.model.as_deref());
                self.tell_access_log(host, id, entry);
                if !waiting.may_be_charged() {
                    return;
                }
                self.outbox.cancel(id);
            }
            Some(State::Forwarded(request)) => {
                let details = || host.response_code_details(id);
                let report = request.response.end(completed, details);
                if let Some(entry) = request.entry {
                    let Report { outcome, usage, used_tokens, observed_tokens, .. } = report;
                    let ended = || entry.ended(outcome, usage, used_tokens, observed_tokens);
                    self.tell_access_log(host, id, ended);
                }
                let at_once = request.response.settle_at_once();
                self.outbox.settle(id, report, now.since(request.started), at_once);
            }
            None => return,
        }
        self.report_what_is_due(host, now);
    }

    /// Says what became of a request, where Envoy has an access log that tells it.
    pub(super) fn tell_access_log(
        &self,
        host: &mut impl Host,
        id: RequestId,
        entry: impl FnOnce() -> Entry,
    ) {
        self.tell_access_log_of(host, id, self.config.mode != Mode::Shadow, entry);
    }

    /// The same of a decision that is carried out, or is not.
    pub(super) fn tell_access_log_of(
        &self,
        host: &mut impl Host,
        id: RequestId,
        is_carried_out: bool,
        entry: impl FnOnce() -> Entry,
    ) {
        if !self.config.access_log {
            return;
        }
        let entry = entry();
        let entry = if is_carried_out { entry } else { entry.in_shadow() };
        host.tell_access_log(id, &entry.to_json());
    }

    pub(super) fn deny(
        &self,
        host: &mut impl Host,
        id: RequestId,
        body_format: BodyFormat,
        denial: &Denial,
    ) {
        let style = ReplyStyle { body_format, rate_limit_headers: self.config.rate_limit_headers };
        let request_id = host.request_id(id);
        host.reply(id, &style.reply(denial).with_request_id(&request_id));
    }
}

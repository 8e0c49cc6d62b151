//! The care of the stream: what comes on it, when it is given up, what its loss means.

use proto::{DECISION_PROTOCOL_VERSION, decision::ControlFrame};

use super::{DECIDED_PER_CALL_MAX, Worker};
use crate::{
    clock::Micros,
    host::{Host, StreamToken},
    stats::Stat,
};

/// A stream that leaves a frame unanswered or ends unacknowledged this long is given up, or twice
/// the decision timeout when that is longer.
const HUNG_AFTER_MS: u64 = 1_000;

/// How a stream came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// It broke, or could not be opened.
    Broken,
    /// It answered no more.
    Hung,
    /// What came on it could not be understood.
    BadFrame,
}

impl Worker {
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
        self.outbox.ends.acknowledge(frame.acknowledged, now);
        self.end_if_all_is_told(host, now);
        if frame.welcome.is_none() && frame.verdicts.is_empty() {
            return;
        }
        let Some(asks) = self.requests.frame_answered() else {
            return self.drop_stream(host, stream, "an answer to nothing", now);
        };
        for verdict in frame.verdicts.into_iter().take(DECIDED_PER_CALL_MAX) {
            self.on_verdict(host, verdict, &asks, now);
        }
        self.flush(host, now);
        self.report_what_is_due(host, now);
    }

    /// A stream has ended, for the control plane's reason or the network's. One that the control plane
    /// ended in order is not lost: it stops, or its worker is to see which others there are.
    pub fn on_stream_close(
        &mut self,
        host: &mut impl Host,
        stream: StreamToken,
        grpc_status: u32,
        wall_us: u64,
    ) {
        let now = self.clock.advance(wall_us);
        self.link.forget(stream);
        if !self.link.is_current(stream) {
            return;
        }
        if grpc_status == GRPC_OK && self.link.is_open() {
            self.link.ended(host, now);
            self.ask_again_on_next_stream();
        } else {
            let reason = why_closed(grpc_status);
            self.on_stream_lost(host, Loss::Broken, &reason, now);
        }
    }

    /// A stream that answers no more is closed gently: if the control plane wakes up again, it
    /// still reads the cancels and gives back what it then would have charged.
    pub(super) fn give_up_hung_stream(&mut self, host: &mut impl Host, now: Micros) {
        let patience_ms = HUNG_AFTER_MS.max(self.config.decision_timeout_ms.saturating_mul(2));
        let is_hung = self.requests.is_unanswered_for(patience_ms, now)
            || self.outbox.ends.is_unacknowledged_for(patience_ms, now);
        if !is_hung {
            return;
        }
        self.report(host, now);
        if let Some(stream) = self.link.stream() {
            host.close_stream(stream);
            self.link.abandon(host, stream);
            let reason = format!("no answer for {patience_ms} ms");
            self.on_stream_lost(host, Loss::Hung, &reason, now);
            self.link.count_hang();
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
        self.on_stream_lost(host, Loss::BadFrame, reason, now);
    }

    /// On the next stream, asks that were under way are asked again while their time lasts, and ends
    /// that nobody acknowledged are told again.
    pub(super) fn on_stream_lost(
        &mut self,
        host: &mut impl Host,
        loss: Loss,
        reason: &str,
        now: Micros,
    ) {
        // While nobody listens, each attempt ends at once: that is no further loss.
        if self.link.is_open() || loss != Loss::Broken {
            host.count(loss.stat(), 1);
        }
        self.link.lost(host, reason, now);
        self.ask_again_on_next_stream();
    }

    fn ask_again_on_next_stream(&mut self) {
        self.requests.requeue_unanswered();
        self.outbox.ends.stream_lost();
    }
}

impl Loss {
    fn stat(self) -> Stat {
        match self {
            Self::Broken => Stat::StreamLost,
            Self::Hung => Stat::StreamHung,
            Self::BadFrame => Stat::BadFrame,
        }
    }
}

/// gRPC's `OK`: how the control plane ends a stream that goes on elsewhere.
const GRPC_OK: u32 = 0;

/// gRPC's `FAILED_PRECONDITION`: how the control plane refuses a hello.
const GRPC_FAILED_PRECONDITION: u32 = 9;

fn why_closed(grpc_status: u32) -> String {
    if grpc_status == GRPC_FAILED_PRECONDITION {
        return format!(
            "the control plane does not speak version {DECISION_PROTOCOL_VERSION} of the \
             decision protocol: use a filter.wasm of the same release"
        );
    }
    format!("gRPC status {grpc_status}")
}

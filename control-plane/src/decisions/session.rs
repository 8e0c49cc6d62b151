//! One worker's session: frames in, frames out, and what its requests hold meanwhile. No IO.

use std::{collections::HashMap, sync::Arc};

use limiter::{Dimension, Refusal, Tokens, UnixMillis};
use proto::{
    DECISION_PROTOCOL_VERSION,
    decision::{Ask, ControlFrame, Decision, FilterFrame, Hello, Settle, Verdict, Welcome},
};
use tonic::Status;

use super::StreamMetrics;
use crate::ledger::{Answer, Held, Ledger};

/// How many of a worker's requests are followed to their end. Beyond it a request is decided and
/// charged like any other, but it can be neither given back nor timed.
const HELD_MAX: usize = 100_000;

/// What a worker's requests hold; it ends with the stream, and then the charges stand.
#[derive(Debug)]
pub struct Session {
    ledger: Arc<Ledger>,
    metrics: StreamMetrics,
    held: HashMap<u32, Held>,
    welcomed: bool,
}

impl Session {
    /// Begins with the worker's hello; a version that this build does not speak is refused.
    pub fn start(
        hello: Option<&Hello>,
        ledger: Arc<Ledger>,
        metrics: StreamMetrics,
    ) -> Result<Self, Status> {
        let Some(hello) = hello else {
            return Err(Status::invalid_argument("the first frame of a stream has to say hello"));
        };
        if hello.protocol_version != DECISION_PROTOCOL_VERSION {
            return Err(Status::failed_precondition(format!(
                "the filter speaks version {} of the decision stream, this control plane speaks \
                 version {DECISION_PROTOCOL_VERSION}: use a filter.wasm of the same release",
                hello.protocol_version
            )));
        }
        metrics.stream_opened();
        Ok(Self { ledger, metrics, held: HashMap::new(), welcomed: false })
    }

    /// Takes a frame's items in the order asks, settles, cancels. A frame with a hello or with
    /// asks has an answer.
    pub fn answer(
        &mut self,
        frame: FilterFrame,
        now: UnixMillis,
    ) -> Result<Option<ControlFrame>, Status> {
        let mut verdicts = Vec::with_capacity(frame.asks.len());
        for ask in &frame.asks {
            verdicts.push(self.decide(ask, now)?);
        }
        for settle in frame.settles {
            self.settle(settle);
        }
        for id in frame.cancels {
            self.cancel(id, now);
        }
        let welcome =
            (!self.welcomed).then_some(Welcome { protocol_version: DECISION_PROTOCOL_VERSION });
        self.welcomed = true;
        self.metrics.frame_received();
        Ok((welcome.is_some() || !verdicts.is_empty())
            .then_some(ControlFrame { welcome, verdicts }))
    }

    fn decide(&mut self, ask: &Ask, now: UnixMillis) -> Result<Verdict, Status> {
        let tokens = Tokens::new(ask.tokens).map_err(|error| {
            Status::invalid_argument(format!("ask {}: tokens {error}, got {}", ask.id, ask.tokens))
        })?;
        let answer = self.ledger.decide(&ask.client_id, tokens, now);
        let verdict = verdict(ask.id, &answer, now);
        self.metrics.decided(verdict.decision());
        if let Answer::Admitted(held) = answer
            && self.held.len() < HELD_MAX
        {
            self.held.insert(ask.id, held);
        }
        Ok(verdict)
    }

    fn settle(&mut self, settle: Settle) {
        if let Some(held) = self.held.remove(&settle.id) {
            self.metrics.settled(settle.outcome());
            held.settle(settle.duration_us);
        }
    }

    fn cancel(&mut self, id: u32, now: UnixMillis) {
        if let Some(held) = self.held.remove(&id) {
            self.metrics.canceled();
            held.release(now);
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.metrics.stream_closed(self.held.len());
    }
}

fn verdict(id: u32, answer: &Answer, now: UnixMillis) -> Verdict {
    let (decision, retry_after_ms) = match answer {
        Answer::Admitted(_) => (Decision::Admitted, 0),
        Answer::UnknownClient => (Decision::UnknownClient, 0),
        Answer::Refused(refusal) => {
            let decision = match refusal.limit() {
                Dimension::Rpm => Decision::RpmExceeded,
                Dimension::Tpm => Decision::TpmExceeded,
            };
            let retry_after_ms = match refusal {
                // The account's clock may be ahead of `now` by a frame that was decided meanwhile.
                Refusal::RetryAt { at, .. } => at.0.saturating_sub(now.0).max(1),
                Refusal::NeverFits { .. } => 0,
            };
            (decision, retry_after_ms)
        }
    };
    Verdict { id, decision: decision.into(), retry_after_ms }
}

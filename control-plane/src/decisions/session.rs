//! One worker's session: frames in, frames out, and what its requests hold meanwhile. No IO.

use std::{collections::HashMap, sync::Arc};

use limiter::{Balance, Dimension, PER_MINUTE_MAX, Refusal, Standing, Tokens, UnixMillis};
use proto::{
    DECISION_PROTOCOL_VERSION,
    decision::{
        self, Ask, ControlFrame, Decision, FilterFrame, Hello, Settle, UsageSource, Verdict,
        Welcome,
    },
};
use tonic::Status;

use super::StreamMetrics;
use crate::ledger::{Answer, End, Held, Ledger, Outcome};

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
        self.end_requests(frame.settles, frame.cancels, now);
        let welcome =
            (!self.welcomed).then_some(Welcome { protocol_version: DECISION_PROTOCOL_VERSION });
        self.welcomed = true;
        self.metrics.frame_received();
        Ok((welcome.is_some() || !verdicts.is_empty())
            .then_some(ControlFrame { welcome, verdicts }))
    }

    /// Takes the part of a frame that needs no answer.
    pub fn end_requests(&mut self, settles: Vec<Settle>, cancels: Vec<u32>, now: UnixMillis) {
        for settle in settles {
            self.settle(settle, now);
        }
        for id in cancels {
            self.cancel(id, now);
        }
    }

    fn decide(&mut self, ask: &Ask, now: UnixMillis) -> Result<Verdict, Status> {
        let estimate = ask.tokens.map(Tokens::new).transpose().map_err(|error| {
            let tokens = ask.tokens();
            Status::invalid_argument(format!("ask {}: tokens {error}, got {tokens}", ask.id))
        })?;
        let verdict = match self.ledger.decide(&ask.client_id, estimate, now) {
            Answer::Admitted { held, standing } => {
                let verdict = verdict(ask.id, Decision::Admitted, &standing, held.reserved());
                // An id that is asked for twice: the earlier request's end cannot be told any more.
                let beyond = if self.held.len() < HELD_MAX {
                    self.held.insert(ask.id, held)
                } else {
                    Some(held)
                };
                if let Some(beyond) = beyond {
                    beyond.stand();
                }
                verdict
            }
            Answer::Refused { refusal, reserved, standing } => {
                let decision = match refusal.limit() {
                    Dimension::Rpm => Decision::RpmExceeded,
                    Dimension::Tpm => Decision::TpmExceeded,
                };
                let retry_after_ms = match refusal {
                    // The account's clock may be ahead of `now` by a frame that was decided
                    // meanwhile.
                    Refusal::RetryAt { at, .. } => at.0.saturating_sub(now.0).max(1),
                    Refusal::NeverFits { .. } => 0,
                };
                Verdict { retry_after_ms, ..verdict(ask.id, decision, &standing, reserved) }
            }
            Answer::UnknownClient => {
                let decision = Decision::UnknownClient.into();
                Verdict { id: ask.id, decision, ..Verdict::default() }
            }
        };
        self.metrics.decided(verdict.decision());
        Ok(verdict)
    }

    fn settle(&mut self, settle: Settle, now: UnixMillis) {
        if let Some(held) = self.held.remove(&settle.id) {
            let end = end(&settle);
            self.metrics.settled(settle.outcome(), settle.usage(), held.reserved(), end.used);
            self.ledger.settle(held, &end, now);
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
        for (_, held) in self.held.drain() {
            held.stand();
        }
    }
}

fn verdict(id: u32, decision: Decision, standing: &Standing, reserved: Tokens) -> Verdict {
    Verdict {
        id,
        decision: decision.into(),
        retry_after_ms: 0,
        requests: standing.requests.map(balance),
        tokens: standing.tokens.map(balance),
        reserved_tokens: reserved.get(),
    }
}

fn balance(balance: Balance) -> decision::Balance {
    decision::Balance {
        limit: balance.limit.per_minute(),
        remaining: balance.left.whole(),
        full_in_ms: balance.full_in_ms,
    }
}

fn end(settle: &Settle) -> End {
    let used = match settle.usage() {
        UsageSource::None | UsageSource::Encoded => None,
        UsageSource::Completions
        | UsageSource::Responses
        | UsageSource::Anthropic
        | UsageSource::Gemini => Tokens::new(settle.used_tokens.min(PER_MINUTE_MAX)).ok(),
    };
    let outcome = match settle.outcome() {
        decision::Outcome::Completed => Outcome::Completed,
        decision::Outcome::Aborted | decision::Outcome::Unspecified => Outcome::Aborted,
        decision::Outcome::UpstreamFailed => Outcome::UpstreamFailed,
    };
    End { outcome, used, duration_us: settle.duration_us }
}

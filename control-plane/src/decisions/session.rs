//! One worker's session: frames in, frames out, and what its requests hold meanwhile. No IO.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use limiter::{Balance, Dimension, Refusal, Standing, Tokens, UnixMillis};
use proto::{
    DECISION_PROTOCOL_VERSION,
    decision::{self, ControlFrame, Decision, FilterFrame, Hello, Verdict, Welcome, verdict::Wait},
};
use tonic::Status;

use super::{
    StreamMetrics,
    frame::{AskOf, Frame, FrameError, Settle},
};
use crate::ledger::{Answer, Held, Ledger};

/// How many of a worker's requests are followed to their end. Beyond it a request is decided and
/// charged like any other, but it can be neither given back nor timed.
const HELD_MAX: usize = 100_000;

/// The same of all workers together, some 100 MB.
const HELD_IN_ALL_MAX: usize = 1_000_000;

/// Bytes of a node's id, which is logged. Envoy's own are some tens of bytes.
const NODE_BYTES_MAX: usize = 256;

/// How many requests are followed by all sessions of a process; a clone counts into the same.
#[derive(Clone, Debug, Default)]
pub struct HeldInAll(Arc<AtomicUsize>);

/// What a worker's requests hold; it ends with the stream, and then the charges stand.
#[derive(Debug)]
pub struct Session {
    ledger: Arc<Ledger>,
    metrics: StreamMetrics,
    held: HashMap<u32, Held>,
    held_in_all: HeldInAll,
    welcomed: bool,
}

impl Session {
    /// Begins with the worker's hello; a version that this build does not speak is refused.
    pub fn start(
        hello: Option<&Hello>,
        ledger: Arc<Ledger>,
        metrics: StreamMetrics,
        held_in_all: HeldInAll,
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
        if hello.node.len() > NODE_BYTES_MAX {
            return Err(Status::invalid_argument(format!(
                "the node's id has at most {NODE_BYTES_MAX} bytes, not {}",
                hello.node.len()
            )));
        }
        metrics.stream_opened();
        Ok(Self { ledger, metrics, held: HashMap::new(), held_in_all, welcomed: false })
    }

    /// Takes a frame, all of it or nothing. A frame with a hello or with asks has an answer.
    ///
    /// Ends take effect before asks: what a client gets back is there for its next request.
    pub fn answer(
        &mut self,
        frame: FilterFrame,
        now: UnixMillis,
    ) -> Result<Option<ControlFrame>, Status> {
        if self.welcomed && frame.hello.is_some() {
            return Err(refused(FrameError::SecondHello));
        }
        let frame = Frame::try_from(frame).map_err(refused)?;
        self.end(&frame, now);
        let mut verdicts = Vec::with_capacity(frame.asks.len());
        for ask in &frame.asks {
            verdicts.push(self.decide(ask, now));
        }
        let welcome =
            (!self.welcomed).then_some(Welcome { protocol_version: DECISION_PROTOCOL_VERSION });
        self.welcomed = true;
        self.metrics.frame_received();
        Ok((welcome.is_some() || !verdicts.is_empty())
            .then_some(ControlFrame { welcome, verdicts }))
    }

    /// Takes the part of a frame that needs no answer, of a stream that has ended.
    pub fn end_requests(&mut self, frame: FilterFrame, now: UnixMillis) {
        if let Ok(frame) = Frame::try_from(frame) {
            self.end(&frame, now);
        }
    }

    fn end(&mut self, frame: &Frame, now: UnixMillis) {
        for settle in &frame.settles {
            self.settle(settle, now);
        }
        for id in &frame.cancels {
            self.cancel(*id, now);
        }
        for drop in &frame.drops {
            let decision = exceeded(drop.limit);
            self.metrics.decided(decision, drop.requests);
            self.ledger.drop_requests(&drop.client_id, drop.limit, drop.requests, now);
        }
    }

    fn decide(&mut self, ask: &AskOf, now: UnixMillis) -> Verdict {
        let verdict = match self.ledger.decide(&ask.client_id, ask.ask, now) {
            Answer::Admitted { held, standing } => {
                let reserved = held.reserved();
                self.hold(ask.id, held);
                Verdict {
                    settle_at_once: is_short(&standing, reserved),
                    ..verdict(ask.id, Decision::Admitted, &standing, reserved)
                }
            }
            Answer::Refused { refusal, reserved, standing } => {
                let decision = exceeded(refusal.limit());
                let wait = match refusal {
                    // The account's clock may be ahead of `now` by a frame that was decided
                    // meanwhile.
                    Refusal::RetryAt { at, .. } => {
                        Wait::RetryAfterMs(at.0.saturating_sub(now.0).max(1))
                    }
                    Refusal::NeverFits { .. } => Wait::Never(true),
                };
                Verdict { wait: Some(wait), ..verdict(ask.id, decision, &standing, reserved) }
            }
            Answer::UnknownClient => {
                let decision = Decision::UnknownClient.into();
                Verdict { id: ask.id, decision, ..Verdict::default() }
            }
        };
        self.metrics.decided(verdict.decision(), 1);
        verdict
    }

    fn hold(&mut self, id: u32, held: Held) {
        if self.held.len() >= HELD_MAX || !self.held_in_all.take_place() {
            return held.stand();
        }
        // An id that is asked for twice: the earlier request's end cannot be told any more.
        if let Some(earlier) = self.held.insert(id, held) {
            self.held_in_all.give_back(1);
            earlier.stand();
        }
    }

    fn take(&mut self, id: u32) -> Option<Held> {
        let held = self.held.remove(&id)?;
        self.held_in_all.give_back(1);
        Some(held)
    }

    fn settle(&mut self, settle: &Settle, now: UnixMillis) {
        if let Some(held) = self.take(settle.id) {
            let (outcome, told) = (settle.outcome, settle.end.told);
            self.metrics.settled(outcome, settle.source, held.reserved(), told);
            self.ledger.settle(held, &settle.end, now);
        }
    }

    fn cancel(&mut self, id: u32, now: UnixMillis) {
        if let Some(held) = self.take(id) {
            self.metrics.canceled();
            held.release(now);
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.metrics.stream_closed(self.held.len());
        self.held_in_all.give_back(self.held.len());
        for (_, held) in self.held.drain() {
            held.stand();
        }
    }
}

impl HeldInAll {
    fn take_place(&self) -> bool {
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        if before >= HELD_IN_ALL_MAX {
            self.give_back(1);
        }
        before < HELD_IN_ALL_MAX
    }

    fn give_back(&self, places: usize) {
        self.0.fetch_sub(places, Ordering::Relaxed);
    }
}

fn refused(error: FrameError) -> Status {
    Status::invalid_argument(error.to_string())
}

fn exceeded(limit: Dimension) -> Decision {
    match limit {
        Dimension::Rpm => Decision::RpmExceeded,
        Dimension::Tpm => Decision::TpmExceeded,
    }
}

/// Whether the same request would now be refused for the tokens that this one may give back.
fn is_short(standing: &Standing, reserved: Tokens) -> bool {
    standing.tokens.is_some_and(|tokens| tokens.left.whole() < reserved.get())
}

fn verdict(id: u32, decision: Decision, standing: &Standing, reserved: Tokens) -> Verdict {
    Verdict {
        id,
        decision: decision.into(),
        requests: standing.requests.map(balance),
        tokens: standing.tokens.map(balance),
        reserved_tokens: reserved.get(),
        ..Verdict::default()
    }
}

fn balance(balance: Balance) -> decision::Balance {
    decision::Balance {
        limit: balance.limit.per_minute(),
        remaining: balance.left.whole(),
        full_in_ms: balance.full_in_ms,
        used: (balance.limit.per_minute().saturating_sub(balance.left.whole()))
            .saturating_add(balance.left.owed()),
    }
}

//! The worker's decision stream: when it is opened, when again, and whether it answers.

use std::collections::VecDeque;

use proto::{
    DECISION_PROTOCOL_VERSION,
    decision::{self, Hello, IdentityKind, Welcome},
};

use crate::{
    clock::Micros,
    host::{Host, StreamToken},
    stats::Stat,
};

/// The wait before a stream is opened again: doubled from the first to the last of these.
const BACKOFF_MS_MIN: u64 = 10;
const BACKOFF_MS_MAX: u64 = 250;

/// Failures in a row after which the control plane is taken to be away: a stream was lost, and its
/// successor too.
const FAILURES_UNTIL_FAILING: u32 = 2;

/// Failures in a row after which nobody waits for the stream to come back.
const FAILURES_UNTIL_DOWN: u32 = 3;

/// What names this worker to the control plane, over all of its streams.
type Name = [u8; 16];

/// Streams that were closed because they hung, and may still come to life.
const ABANDONED_MAX: usize = 4;

#[derive(Debug)]
pub(super) struct Link {
    node: String,
    mode: decision::Mode,
    identity: IdentityKind,
    /// As the control plane gave it; `None` until it has welcomed this worker for the first time.
    name: Option<Name>,
    /// Streams that were opened so far.
    opened: u64,
    state: State,
    /// How often in a row no stream was welcomed; one that hung counts twice.
    failures: u32,
    abandoned: VecDeque<StreamToken>,
    /// The worker is about to end, and its stream is counted nowhere.
    is_leaving: bool,
}

#[derive(Debug)]
enum State {
    /// Envoy's main thread has a worker too, which never serves a request.
    Unneeded,
    Down {
        retry_at: Micros,
    },
    Opening {
        stream: StreamToken,
        hello: Option<Hello>,
    },
    Open {
        stream: StreamToken,
    },
}

impl Link {
    pub(super) fn new(node: String, mode: decision::Mode, identity: IdentityKind) -> Self {
        Self {
            node,
            mode,
            identity,
            name: None,
            opened: 0,
            state: State::Unneeded,
            failures: 0,
            abandoned: VecDeque::new(),
            is_leaving: false,
        }
    }

    /// A request has arrived: a stream is wanted from now on.
    pub(super) fn need(&mut self, host: &mut impl Host, now: Micros) {
        if matches!(self.state, State::Unneeded) {
            self.set(host, State::Down { retry_at: now });
        }
    }

    pub(super) fn is_due(&self, now: Micros) -> bool {
        matches!(self.state, State::Down { retry_at } if retry_at <= now)
    }

    pub(super) fn open(&mut self, host: &mut impl Host, now: Micros) {
        match host.open_stream() {
            Some(stream) => {
                self.opened += 1;
                let hello = Hello {
                    protocol_version: DECISION_PROTOCOL_VERSION,
                    node: self.node.clone(),
                    worker: self.name.map(Vec::from).unwrap_or_default(),
                    stream: self.opened,
                    mode: self.mode.into(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    identity: self.identity.into(),
                };
                self.set(host, State::Opening { stream, hello: Some(hello) });
            }
            None => self.lost(host, "Envoy knows no endpoint of the control plane", now),
        }
    }

    /// A new stream, and the hello that its first frame carries.
    pub(super) fn take_hello(&mut self) -> Option<(StreamToken, Hello)> {
        match &mut self.state {
            State::Opening { stream, hello } => Some((*stream, hello.take()?)),
            _ => None,
        }
    }

    /// Checks the welcome of an answer: the first one has it, and with it this worker's name.
    pub(super) fn accept(
        &mut self,
        host: &mut impl Host,
        welcome: Option<&Welcome>,
    ) -> Result<(), String> {
        match (&self.state, welcome) {
            (State::Opening { stream, .. }, Some(welcome)) => {
                if welcome.protocol_version != DECISION_PROTOCOL_VERSION {
                    return Err(format!(
                        "the control plane speaks version {} of the decision protocol, this filter \
                         speaks version {DECISION_PROTOCOL_VERSION}: use a filter.wasm of the same release",
                        welcome.protocol_version
                    ));
                }
                let Ok(name) = Name::try_from(welcome.worker.as_slice()) else {
                    return Err(format!(
                        "the control plane gave this worker a name of {} bytes, not {}",
                        welcome.worker.len(),
                        size_of::<Name>()
                    ));
                };
                let stream = *stream;
                self.name = Some(name);
                self.failures = 0;
                self.set(host, State::Open { stream });
                host.info("decision stream is open");
                Ok(())
            }
            (State::Opening { .. }, None) => Err("no welcome in the first answer".to_owned()),
            _ => Ok(()),
        }
    }

    /// The stream is no more; a new one is due after the back-off.
    pub(super) fn lost(&mut self, host: &mut impl Host, reason: &str, now: Micros) {
        let backoff_ms =
            BACKOFF_MS_MIN.saturating_mul(1 << self.failures.min(8)).min(BACKOFF_MS_MAX);
        // Between half of it and all, so that many workers do not come back in step. The clock's
        // microseconds are as good as a random number for that.
        let jitter_ms = now.0 % (backoff_ms / 2 + 1);
        let retry_at = now.plus_ms(backoff_ms - jitter_ms);
        if self.failures == 0 {
            host.warn(&format!("decision stream is down: {reason}; trying again until it is back"));
        }
        self.failures = self.failures.saturating_add(1);
        self.set(host, State::Down { retry_at });
    }

    /// The control plane has ended the stream in order, and nothing is wrong: the next one is due at
    /// once. Should nobody listen there, its loss brings the back-off.
    pub(super) fn ended(&mut self, host: &mut impl Host, now: Micros) {
        host.info("decision stream was ended by its control plane; opening the next one");
        self.set(host, State::Down { retry_at: now });
    }

    /// The worker is about to end. The host may do that without asking again, and keeps its gauges.
    pub(super) fn leave(&mut self, host: &mut impl Host) {
        if let Some(stat) = self.stat() {
            host.count(stat, -1);
        }
        self.is_leaving = true;
    }

    /// Ends the stream for good.
    pub(super) fn stop(&mut self, host: &mut impl Host) {
        if let Some(stream) = self.stream() {
            host.close_stream(stream);
        }
        self.set(host, State::Unneeded);
    }

    /// Keeps a stream in mind that was half closed and still may end by itself.
    pub(super) fn abandon(&mut self, host: &mut impl Host, stream: StreamToken) {
        if self.abandoned.len() >= ABANDONED_MAX
            && let Some(oldest) = self.abandoned.pop_front()
        {
            host.reset_stream(oldest);
        }
        self.abandoned.push_back(stream);
    }

    pub(super) fn forget(&mut self, stream: StreamToken) {
        self.abandoned.retain(|abandoned| *abandoned != stream);
    }

    pub(super) fn stream(&self) -> Option<StreamToken> {
        match self.state {
            State::Opening { stream, .. } | State::Open { stream } => Some(stream),
            State::Unneeded | State::Down { .. } => None,
        }
    }

    /// The stream, once hello was said on it: from then on reports may be sent. A worker without a
    /// name has none before it is welcomed.
    pub(super) fn greeted_stream(&self) -> Option<StreamToken> {
        match self.state {
            State::Opening { stream, hello: None } | State::Open { stream } => Some(stream),
            _ => None,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// Whether it was lost or not reached so often in a row that a request need not wait for it.
    pub(super) fn is_known_to_be_down(&self) -> bool {
        !self.is_open() && self.failures >= FAILURES_UNTIL_DOWN
    }

    /// Whether something is wrong with it, more than that it is not open yet: a busy worker may take
    /// long to open a healthy stream.
    pub(super) fn is_failing(&self) -> bool {
        !self.is_open() && self.failures >= FAILURES_UNTIL_FAILING
    }

    /// The stream left a frame unanswered, and nothing else is known of the control plane until it
    /// welcomes another one.
    pub(super) fn count_hang(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    pub(super) fn is_current(&self, stream: StreamToken) -> bool {
        self.stream() == Some(stream)
    }

    /// Where the stream is counted; a worker that never needed one is counted nowhere.
    fn stat(&self) -> Option<Stat> {
        if self.is_leaving {
            return None;
        }
        match self.state {
            State::Unneeded => None,
            State::Down { .. } => Some(Stat::StreamsDown),
            State::Opening { .. } => Some(Stat::StreamsOpening),
            State::Open { .. } => Some(Stat::StreamsOpen),
        }
    }

    fn set(&mut self, host: &mut impl Host, state: State) {
        let before = self.stat();
        self.state = state;
        let after = self.stat();
        if before != after {
            if let Some(before) = before {
                host.count(before, -1);
            }
            if let Some(after) = after {
                host.count(after, 1);
            }
        }
    }
}

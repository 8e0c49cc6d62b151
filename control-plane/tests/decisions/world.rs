//! A ledger with one client, a session on it, and frames in few words.

use std::sync::Arc;

use flowguard::{
    clients::{ClientConfig, Limits},
    decisions::{self, Greeting, StreamMetrics},
    ledger::{Clock, Ledger, ManualClock, Policy, RecordSnapshot, UnknownClients},
};
use futures_util::FutureExt as _;
use limiter::{ClientId, PerMinute, UnixMillis};
use prometheus::Registry;
use proto::decision::{
    Ask, ControlFrame, Decision, FilterFrame, Hello, Outcome, Resume, Settle, UsageSource, Verdict,
    ask::Who, verdict::Wait,
};
use tonic::Status;

pub(crate) const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

pub(crate) fn ledger(clock: impl Into<Clock>) -> Arc<Ledger> {
    ledger_with(UnknownClients::Deny, clock)
}

pub(crate) fn ledger_with(unknown_clients: UnknownClients, clock: impl Into<Clock>) -> Arc<Ledger> {
    let policy = Policy { unknown_clients, ..Policy::default() };
    let ledger = Ledger::new(policy, clock);
    let limits = Limits { rpm: PerMinute::new(2).ok(), tpm: PerMinute::new(100).ok() };
    let id = ClientId::try_from("client").unwrap();
    ledger.configure(&ClientConfig::new(id, limits));
    Arc::new(ledger)
}

/// A worker's session without its stream, and the ledger behind it, whose clock stands still.
pub(crate) struct Session {
    pub(crate) session: decisions::Session,
    pub(crate) ledger: Arc<Ledger>,
}

impl Session {
    pub(crate) fn new() -> Self {
        Self::start(&hello()).unwrap()
    }

    pub(crate) fn start(hello: &Hello) -> Result<Self, Status> {
        Self::start_on(&ledger(ManualClock::at(NOW)), hello)
    }

    pub(crate) fn start_on(ledger: &Arc<Ledger>, hello: &Hello) -> Result<Self, Status> {
        Self::start_with(ledger, &StreamMetrics::register(&Registry::new()).unwrap(), hello)
    }

    pub(crate) fn start_with(
        ledger: &Arc<Ledger>,
        metrics: &StreamMetrics,
        hello: &Hello,
    ) -> Result<Self, Status> {
        let greeting = Greeting::read(Some(hello))?;
        let session = decisions::Session::start(greeting, Arc::clone(ledger), metrics.clone());
        Ok(Self { session, ledger: Arc::clone(ledger) })
    }

    /// The stream of the session ends.
    pub(crate) fn close(self) {
        self.session.close();
    }

    pub(crate) fn answer(&mut self, frame: FilterFrame) -> Result<Option<ControlFrame>, Status> {
        self.session.answer(frame).now_or_never().expect("local balances are ready at once")
    }

    /// What is left of the client's requests and tokens, in whole ones.
    pub(crate) fn left(&self) -> (i64, i64) {
        let standing = self.ledger.snapshot("client").unwrap().standing;
        (standing.requests.unwrap().whole(), standing.tokens.unwrap().whole())
    }

    pub(crate) fn record(&self) -> RecordSnapshot {
        self.ledger.snapshot("client").unwrap().record
    }
}

pub(crate) fn hello() -> Hello {
    Hello { protocol_version: 1, node: "test".into(), ..Hello::default() }
}

pub(crate) fn ask(id: u32, client_id: &str, tokens: u64) -> Ask {
    let who = Some(Who::ClientId(client_id.into()));
    Ask { id, who, tokens: Some(tokens), ..Ask::default() }
}

pub(crate) fn asks(asks: &[Ask]) -> FilterFrame {
    FilterFrame { asks: asks.to_vec(), ..FilterFrame::default() }
}

/// The first frame of a worker that comes back, and holds these.
pub(crate) fn back(worker: &[u8], ids: &[u32]) -> FilterFrame {
    let hello = Hello { worker: worker.to_vec(), ..hello() };
    let resume = Resume { ids: ids.to_vec(), more: false };
    FilterFrame { hello: Some(hello), resume: Some(resume), ..FilterFrame::default() }
}

/// A response that ended as it should, and told what it used.
pub(crate) fn settle(id: u32, used_tokens: u64) -> Settle {
    Settle {
        id,
        outcome: Outcome::Completed.into(),
        duration_us: 1,
        usage: UsageSource::Completions.into(),
        used_tokens: Some(used_tokens),
        ..Settle::default()
    }
}

pub(crate) const NEVER: u64 = u64::MAX;

/// 0 for an admission.
pub(crate) fn wait_ms(verdict: &Verdict) -> u64 {
    match verdict.wait {
        None => 0,
        Some(Wait::RetryAfterMs(wait_ms)) => wait_ms,
        Some(Wait::Never(_)) => NEVER,
    }
}

pub(crate) fn decisions_of(frame: &ControlFrame) -> Vec<(u32, Decision, u64)> {
    frame.verdicts.iter().map(|v| (v.id, v.decision(), wait_ms(v))).collect()
}

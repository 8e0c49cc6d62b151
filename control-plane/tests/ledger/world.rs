//! A ledger in a test's hands, whose clock the test moves.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use flowguard::{
    clients::{ClientConfig, Limits},
    ledger::{
        Answer, Ask, ClientSnapshot, End, Ledger, ManualClock, Outcome, Policy, RequestKind,
        Response, UnknownClients, Worker, WorkerId,
    },
};
use futures_util::FutureExt as _;
use limiter::{ClientId, PerMinute, Tokens, UnixMillis};

pub(crate) const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

pub(crate) struct World {
    pub(crate) ledger: Ledger,
    pub(crate) worker: Arc<Worker>,
    clock: ManualClock,
    asked: AtomicU32,
}

/// A request that was admitted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admitted {
    pub(crate) id: u32,
    pub(crate) reserved: Tokens,
}

impl World {
    pub(crate) fn new(policy: Policy) -> Self {
        let clock = ManualClock::at(NOW);
        let ledger = Ledger::new(policy, clock.clone());
        let worker = ledger.join(WorkerId(0));
        Self { ledger, worker, clock, asked: AtomicU32::new(0) }
    }

    pub(crate) fn of(configs: &[ClientConfig]) -> Self {
        let world = Self::new(denying_unknown_clients());
        for config in configs {
            world.ledger.configure(config);
        }
        world
    }

    pub(crate) fn at(&self, now: UnixMillis) -> &Self {
        self.clock.set(now);
        self
    }

    pub(crate) fn ask(&self, client: &str, estimate: Option<Tokens>, kind: RequestKind) -> Answer {
        let id = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        self.ask_by(&self.worker, Ask { id, client, estimate, kind, model: None })
    }

    pub(crate) fn ask_by(&self, worker: &Worker, ask: Ask<'_>) -> Answer {
        let answers = self.ledger.decide(worker, &[ask]).now_or_never();
        answers.expect("local balances are ready at once").remove(0)
    }

    /// What is decided over a request that may use tokens.
    pub(crate) fn decide(&self, client: &str, estimate: Option<Tokens>) -> Answer {
        self.ask(client, estimate, RequestKind::Generates)
    }

    /// The request of a client called `client`, which passes.
    pub(crate) fn admit(&self, estimate: Option<Tokens>) -> Admitted {
        self.admit_kind(estimate, RequestKind::Generates)
    }

    pub(crate) fn admit_kind(&self, estimate: Option<Tokens>, kind: RequestKind) -> Admitted {
        self.admitted(&self.ask("client", estimate, kind))
    }

    /// The request that was asked for last, which was admitted.
    pub(crate) fn admitted(&self, answer: &Answer) -> Admitted {
        match *answer {
            Answer::Admitted { reserved, .. } => {
                Admitted { id: self.asked.load(Ordering::Relaxed), reserved }
            }
            ref other => panic!("not admitted: {other:?}"),
        }
    }

    pub(crate) fn end(&self, request: Admitted, end: End) {
        let ended = self.ledger.end(&self.worker, vec![(request.id, end)]).now_or_never();
        ended.expect("local balances are ready at once");
    }

    pub(crate) fn settle(&self, request: Admitted, response: Response) {
        self.end(request, End::Settled(response));
    }

    pub(crate) fn snapshot(&self, client: &str) -> ClientSnapshot {
        self.ledger.snapshot(client).unwrap()
    }
}

/// Every other setting's default.
pub(crate) fn with_unknown_clients(unknown_clients: UnknownClients) -> Policy {
    Policy { unknown_clients, ..Policy::default() }
}

/// A request without an estimate reserves nothing.
pub(crate) fn denying_unknown_clients() -> Policy {
    let mut policy = with_unknown_clients(UnknownClients::Deny);
    policy.estimate.default = Tokens::ZERO;
    policy
}

pub(crate) fn limit(per_minute: u64) -> PerMinute {
    PerMinute::new(per_minute).unwrap()
}

pub(crate) fn config(
    id: &str,
    rpm: impl Into<Option<PerMinute>>,
    tpm: impl Into<Option<PerMinute>>,
) -> ClientConfig {
    let id = ClientId::try_from(id).unwrap();
    let (rpm, tpm) = (rpm.into(), tpm.into());
    ClientConfig::new(id, Limits { rpm, tpm })
}

pub(crate) fn tokens(tokens: u64) -> Option<Tokens> {
    Tokens::new(tokens).ok()
}

pub(crate) fn response(used: Option<Tokens>) -> Response {
    Response {
        outcome: Outcome::Completed,
        told: used,
        observed: Tokens::ZERO,
        duration_us: Some(1_500),
    }
}

pub(crate) fn later(ms: u64) -> UnixMillis {
    UnixMillis(NOW.0 + ms)
}

/// What is left of the client's requests and tokens, in whole ones.
pub(crate) fn left(snapshot: &ClientSnapshot) -> (Option<i64>, Option<i64>) {
    let whole = |balance: Option<limiter::Balance>| balance.map(|balance| balance.whole());
    (whole(snapshot.standing.requests), whole(snapshot.standing.tokens))
}

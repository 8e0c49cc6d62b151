//! A ledger in a test's hands, whose clock the test moves.

use flowguard::{
    clients::{ClientConfig, Limits},
    ledger::{
        Answer, Ask, ClientSnapshot, End, Ledger, ManualClock, Outcome, Policy, RequestKind,
        Reservation, Response, UnknownClients, WorkerId,
    },
};
use futures_util::FutureExt as _;
use limiter::{ClientId, PerMinute, Tokens, UnixMillis};

pub(crate) const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

pub(crate) struct World {
    pub(crate) ledger: Ledger,
    clock: ManualClock,
}

impl World {
    pub(crate) fn new(policy: Policy) -> Self {
        let clock = ManualClock::at(NOW);
        Self { ledger: Ledger::new(policy, clock.clone()), clock }
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
        let ask = Ask { owner: WorkerId(0), id: 0, client, estimate, kind };
        let answers = self.ledger.decide(&[ask]).now_or_never();
        answers.expect("local balances are ready at once").remove(0)
    }

    /// What is decided over a request that may use tokens.
    pub(crate) fn decide(&self, client: &str, estimate: Option<Tokens>) -> Answer {
        self.ask(client, estimate, RequestKind::Generates)
    }

    /// The request of a client called `client`, which passes.
    pub(crate) fn admit(&self, estimate: Option<Tokens>) -> Reservation {
        self.admit_kind(estimate, RequestKind::Generates)
    }

    pub(crate) fn admit_kind(&self, estimate: Option<Tokens>, kind: RequestKind) -> Reservation {
        match self.ask("client", estimate, kind) {
            Answer::Admitted { reservation, .. } => reservation,
            other => panic!("not admitted: {other:?}"),
        }
    }

    pub(crate) fn end(&self, reservation: Reservation, end: End) {
        let ended = self.ledger.end(vec![(reservation, end)]).now_or_never();
        ended.expect("local balances are ready at once");
    }

    pub(crate) fn settle(&self, reservation: Reservation, response: Response) {
        self.end(reservation, End::Settled(response));
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
    ClientConfig { id, limits: Limits { rpm, tpm }, enabled: true, min_estimate: None }
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

//! A control plane whose events are read on a real socket.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use flowguard::{
    auth::{AuthMetrics, Authenticator, CredentialFiles, Lock, PortName},
    clients::{ClientConfig, Limits},
    credentials::Tokens,
    health::Health,
    http::{self, Access},
    ledger::{
        Answer, Ask, End, Ledger, Outcome, Policy, RequestKind, Response, SystemClock, Worker,
        WorkerId,
    },
    listener::ConnectionLimits,
    operator::{Caller, Draft, Given, Operator, Precondition, rest},
    store::NoStore,
};
use harness::{events::EventReader, http_client::HttpClient};
use limiter::{ClientId, PerMinute, Tokens as Count};
use prometheus::Registry;
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

pub(crate) struct World {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) operator: Arc<Operator>,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) health: Health,
    pub(crate) address: SocketAddr,
    pub(crate) worker: Arc<Worker>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) server: JoinHandle<()>,
    asked: AtomicU32,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(Policy::default(), false).await
    }

    /// Callers have to show a token.
    pub(crate) async fn locked() -> Self {
        Self::with(Policy::default(), true).await
    }

    /// Who reads nothing is let go after so long.
    pub(crate) async fn within(unread_timeout: Duration) -> Self {
        let limits = ConnectionLimits { unread_timeout, ..http::LIMITS_WITH_EVENTS };
        Self::serve(Policy::default(), false, limits).await
    }

    pub(crate) async fn with(policy: Policy, is_locked: bool) -> Self {
        Self::serve(policy, is_locked, http::LIMITS_WITH_EVENTS).await
    }

    async fn serve(policy: Policy, is_locked: bool, limits: ConnectionLimits) -> Self {
        let ledger = Arc::new(Ledger::new(policy, SystemClock::start()));
        let operator = Arc::new(Operator::new(Arc::clone(&ledger), Box::new(NoStore::default())));
        let tokens = Arc::new(Tokens::default());
        let authenticator = Authenticator::new(Arc::clone(&tokens), CredentialFiles::default());
        let metrics = AuthMetrics::register(&Registry::new()).expect("metrics");
        let lock = if is_locked {
            Lock::closed(PortName::Rest, Arc::new(authenticator), metrics, Arc::default())
        } else {
            Lock::open()
        };
        let (health, shutdown) = (Health::ready(), CancellationToken::new());
        let router = rest::router(Arc::clone(&operator), health.clone(), &Access::default(), &lock);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let server = http::serve_within(limits, listener, router, shutdown.clone());
        let server = tokio::spawn(server);
        let worker = ledger.join(WorkerId(1));
        let asked = AtomicU32::new(0);
        Self { ledger, operator, tokens, health, address, worker, shutdown, server, asked }
    }

    pub(crate) fn rest(&self) -> HttpClient {
        HttpClient::one_connection_each(self.address)
    }

    /// Somebody who listens, and has been told how things stand.
    pub(crate) async fn listen(&self, query: &str) -> EventReader {
        let mut reader = EventReader::open(&self.rest(), query, None, None).await;
        assert_eq!(reader.next().await.expect("an event").name, "ready");
        reader
    }

    /// The same, behind an event, with what it was told first.
    pub(crate) async fn go_on(&self, query: &str, last_id: &str) -> (EventReader, String) {
        let mut reader = EventReader::open(&self.rest(), query, None, Some(last_id)).await;
        let ready = reader.next().await.expect("an event");
        assert_eq!(ready.name, "ready");
        (reader, ready.id.expect("an id"))
    }

    pub(crate) async fn configure(&self, id: &str, group: Option<&str>) {
        let mut draft = Draft::new(id, Some(60), Some(1_000));
        if let Some(group) = group {
            draft.group = Given::Value(Some(group.to_owned()));
        }
        self.set(draft).await;
    }

    pub(crate) async fn set(&self, draft: Draft) {
        let set = self.operator.set(draft, Precondition::Anything, &Caller::Process).await;
        set.expect("the draft is valid");
    }

    /// So many clients, which nobody is told of.
    pub(crate) fn configure_many(&self, clients: usize) {
        for n in 0..clients {
            let id = ClientId::try_from(format!("c{n}").as_str()).expect("an id");
            let limits = Limits { rpm: PerMinute::new(60).ok(), tpm: PerMinute::new(1_000).ok() };
            self.ledger.configure(&ClientConfig::new(id, limits));
        }
    }

    pub(crate) async fn ask(&self, client: &str, tokens: u64) -> (u32, bool) {
        let id = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        let estimate = Some(Count::new(tokens).expect("few tokens"));
        let ask = Ask { id, client, estimate, kind: RequestKind::Generates, model: None };
        let answers = self.ledger.decide(&self.worker, &[ask]).await;
        (id, matches!(answers.first(), Some(Answer::Admitted { .. })))
    }

    pub(crate) async fn complete(&self, request: u32, used: u64) {
        let response = Response {
            outcome: Outcome::Completed,
            told: Count::new(used).ok(),
            observed: Count::ZERO,
            duration_us: Some(1_000),
        };
        self.ledger.end(&self.worker, vec![(request, End::Settled(response))]).await;
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.rest().post(path).json(body).send().await;
        assert!(answer.status.is_success(), "{}", answer.text());
        answer.json()
    }
}

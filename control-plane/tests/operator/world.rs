//! One control plane in a test's hands, without a process and without a port.

use std::{
    fmt::Debug,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header},
};
use flowguard::{
    auth::Lock,
    health::Health,
    http::{Access, AllowedHosts, CorsOrigins},
    ledger::{
        Answer, Ask, DecisionsKept, End, Ledger, ManualClock, Outcome, Policy, RequestKind,
        Response, UnknownClients, Worker, WorkerId,
    },
    metrics,
    operator::{Caller, Draft, Operator, Precondition, rest},
    store::{ConfigStore, NoStore},
};
use futures_util::FutureExt as _;
use limiter::{PerMinute, Tokens, UnixMillis};
use serde_json::Value;
use tower::ServiceExt as _;

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

pub(crate) struct World {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) operator: Arc<Operator>,
    pub(crate) health: Health,
    pub(crate) cors: CorsOrigins,
    pub(crate) clock: ManualClock,
    pub(crate) worker: Arc<Worker>,
    pub(crate) asked: AtomicU32,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_unknown_clients(&UnknownClients::Shared { rpm: limit(60), tpm: limit(1_000) })
    }

    pub(crate) fn with_unknown_clients(unknown: &UnknownClients) -> Self {
        Self::with(unknown, NoStore::default())
    }

    pub(crate) fn with_store(store: impl ConfigStore + 'static) -> Self {
        Self::with(&UnknownClients::Allow, store)
    }

    /// One that keeps so many decisions.
    pub(crate) fn keeping(max: u64, unknown: &UnknownClients) -> Self {
        let (ledger, clock) = ledger(unknown);
        Self::of(ledger.keeping(DecisionsKept { max }), clock, NoStore::default())
    }

    fn with(unknown: &UnknownClients, store: impl ConfigStore + 'static) -> Self {
        let (ledger, clock) = ledger(unknown);
        Self::of(ledger, clock, store)
    }

    fn of(ledger: Ledger, clock: ManualClock, store: impl ConfigStore + 'static) -> Self {
        let ledger = Arc::new(ledger);
        let operator = Operator::new(Arc::clone(&ledger), Box::new(store));
        Self {
            worker: ledger.join(WorkerId(0)),
            asked: AtomicU32::new(0),
            ledger,
            operator: Arc::new(operator),
            health: Health::ready(),
            cors: CorsOrigins::None,
            clock,
        }
    }

    pub(crate) async fn configure(&self, id: &str, rpm: Option<u64>, tpm: Option<u64>) {
        let draft = Draft::new(id, rpm, tpm);
        self.operator
            .set(draft, Precondition::Anything, &Caller::Process)
            .await
            .expect("the draft is valid");
    }

    /// Moves the clock, which stands still otherwise.
    pub(crate) fn at(&self, now: UnixMillis) {
        self.clock.set(now);
    }

    pub(crate) fn later(&self, ms: u64) {
        self.at(UnixMillis(self.ledger.now().0 + ms));
    }

    pub(crate) fn ask(&self, client: &str, tokens: u64) -> Answer {
        let ask = Ask {
            id: self.asked.fetch_add(1, Ordering::Relaxed) + 1,
            client,
            estimate: Some(Tokens::new(tokens).expect("few tokens")),
            kind: RequestKind::Generates,
            model: None,
        };
        let answers = self.ledger.decide(&self.worker, &[ask]).now_or_never();
        answers.expect("local balances are ready at once").remove(0)
    }

    /// The number of a request that is admitted.
    pub(crate) fn ask_admitted(&self, client: &str, tokens: u64) -> u32 {
        match self.ask(client, tokens) {
            Answer::Admitted { .. } => self.asked.load(Ordering::Relaxed),
            other => panic!("not admitted: {other:?}"),
        }
    }

    pub(crate) fn end(&self, request: u32, end: End) {
        let ended = self.ledger.end(&self.worker, vec![(request, end)]).now_or_never();
        ended.expect("local balances are ready at once");
    }

    /// A request that is admitted and ends after `duration_us`, with a response without usage.
    pub(crate) fn complete(&self, client: &str, tokens: u64, duration_us: u64) {
        self.complete_with(client, tokens, None, duration_us);
    }

    /// A request that is admitted and whose response told what it used.
    pub(crate) fn complete_with(
        &self,
        client: &str,
        tokens: u64,
        used: Option<Tokens>,
        duration_us: u64,
    ) {
        let duration_us = Some(duration_us);
        let response = Response {
            outcome: Outcome::Completed,
            told: used,
            observed: Tokens::ZERO,
            duration_us,
        };
        self.end(self.ask_admitted(client, tokens), End::Settled(response));
    }

    pub(crate) fn rest(&self) -> Router {
        let access = self.access();
        rest::router(Arc::clone(&self.operator), self.health.clone(), &access, &Lock::open())
    }

    pub(crate) fn metrics(&self) -> Router {
        let registry = metrics::registry().expect("each metric is defined once");
        let (ledger, health) = (Arc::clone(&self.ledger), self.health.clone());
        metrics::router(ledger, registry, health, &self.access(), &Lock::open())
    }

    fn access(&self) -> Access {
        let hosts = AllowedHosts::parse("flowguard.example").expect("a host name");
        Access { hosts, origins: self.cors.clone() }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.send(Method::DELETE, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, json: impl Into<Body>) -> Reply {
        self.send(Method::POST, path, Some(json.into())).await
    }

    pub(crate) async fn put(&self, path: &str, json: impl Into<Body>) -> Reply {
        self.send(Method::PUT, path, Some(json.into())).await
    }

    pub(crate) async fn patch(&self, path: &str, json: impl Into<Body>) -> Reply {
        self.send(Method::PATCH, path, Some(json.into())).await
    }

    async fn send(&self, method: Method, path: &str, json: Option<Body>) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        if json.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request.body(json.unwrap_or_default()).expect("a request");
        reply(self.rest(), request).await
    }
}

pub(crate) fn limit(per_minute: u64) -> PerMinute {
    PerMinute::new(per_minute).expect("a limit")
}

pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// Sends `request`, to this host unless it names another.
pub(crate) async fn reply(router: Router, mut request: Request<Body>) -> Reply {
    let host = HeaderValue::from_static("localhost");
    request.headers_mut().entry(header::HOST).or_insert(host);
    reply_as_sent(router, request).await
}

/// Sends `request` as it is.
pub(crate) async fn reply_as_sent(router: Router, request: Request<Body>) -> Reply {
    let (head, body) = router.oneshot(request).await.expect("routers do not fail").into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    let body = String::from_utf8(body.to_vec()).expect("UTF-8");
    Reply { status: head.status, headers: head.headers, body }
}

impl Reply {
    #[track_caller]
    pub(crate) fn is(&self, status: u16, body: &str) {
        assert_eq!((self.status.as_u16(), self.body.as_str()), (status, body));
        self.is_json();
    }

    #[track_caller]
    pub(crate) fn is_error(&self, status: u16, code: &str, message: &str) {
        assert_eq!(self.error(), (status, code.to_owned(), message.to_owned()));
    }

    /// Status, code and message of an answer that has exactly the shape of an error.
    #[track_caller]
    pub(crate) fn error(&self) -> (u16, String, String) {
        self.is_json();
        let Ok(Value::Object(error)) = serde_json::from_str(&self.body) else {
            panic!("no JSON object: {}", self.body)
        };
        assert_eq!(error.keys().collect::<Vec<_>>(), ["error", "message"]);
        let text = |key: &str| error[key].as_str().expect("a string").to_owned();
        (self.status.as_u16(), text("error"), text("message"))
    }

    #[track_caller]
    fn is_json(&self) {
        assert_eq!(self.header("content-type"), Some("application/json"), "{}", self.body);
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// What an answer says that is well.
#[track_caller]
pub(crate) fn parsed(reply: &Reply) -> Value {
    assert_eq!(reply.status, 200, "{}", reply.body);
    serde_json::from_str(&reply.body).expect("JSON")
}

/// A ledger, and the clock by which it goes.
fn ledger(unknown: &UnknownClients) -> (Ledger, ManualClock) {
    let clock = ManualClock::at(NOW);
    let policy = Policy { unknown_clients: *unknown, ..Policy::default() };
    (Ledger::new(policy, clock.clone()), clock)
}

/// The error that has to be there.
#[track_caller]
pub(crate) fn refused<T: Debug, E>(result: Result<T, E>) -> E {
    match result {
        Ok(done) => panic!("not refused: {done:?}"),
        Err(error) => error,
    }
}

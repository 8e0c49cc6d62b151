//! A control plane whose ports are locked, on real sockets, and everybody who may come.

use std::{
    future,
    io::{self, Write},
    net::SocketAddr,
    sync::{Arc, OnceLock},
};

use flowguard::{
    auth::{AuthMetrics, Authenticator, CredentialFiles, Lock, PortName},
    credentials::{Scope, Secret, SecretKind, Token, TokenName, Tokens, UnixSeconds, Validity},
    decisions::{self, StreamMetrics},
    health::Health,
    http::{self, Access},
    ledger::{Ledger, Policy, SystemClock},
    metrics,
    operator::{Caller, Draft, Operator, Precondition, grpc, rest},
    store::NoStore,
};
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

const CREATED: u32 = 1_700_000_000;

/// Long ago.
const EXPIRED: u32 = 1_700_000_001;

pub(crate) struct World {
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) rest: SocketAddr,
    pub(crate) metrics: SocketAddr,
    pub(crate) grpc: SocketAddr,
    pub(crate) decisions: SocketAddr,
    /// Whatever was made in this world and nobody may read anywhere.
    secrets: Mutex<Vec<String>>,
    _shutdown: DropGuard,
}

impl World {
    pub(crate) async fn start() -> Self {
        log();
        let ledger = Arc::new(Ledger::new(Policy::default(), SystemClock::start()));
        let operator = Arc::new(Operator::new(Arc::clone(&ledger), Box::new(NoStore::default())));
        let draft = Draft::new("a", Some(60), None);
        operator.set(draft, Precondition::Anything, &Caller::Process).await.expect("a valid draft");
        let tokens = Arc::new(Tokens::default());
        let authenticator =
            Arc::new(Authenticator::new(Arc::clone(&tokens), CredentialFiles::default()));
        let registry = metrics::registry().expect("metrics");
        let counters = AuthMetrics::register(&registry).expect("metrics");
        let lock =
            |port| Lock::closed(port, Arc::clone(&authenticator), counters.clone(), Arc::default());
        let stream_metrics = StreamMetrics::register(&registry).expect("metrics");
        let (access, shutdown) = (Access::default(), CancellationToken::new());

        let (listener, rest) = bound().await;
        let router =
            rest::router(Arc::clone(&operator), Health::ready(), &access, &lock(PortName::Rest));
        tokio::spawn(http::serve(listener, router, shutdown.clone()));
        let (listener, metrics) = bound().await;
        let router = metrics::router(
            Arc::clone(&ledger),
            registry,
            Health::ready(),
            &access,
            &lock(PortName::Metrics),
        );
        tokio::spawn(http::serve(listener, router, shutdown.clone()));
        let (listener, grpc) = bound().await;
        let calls = Arc::clone(&operator);
        let served =
            grpc::serve(listener, calls, Health::ready(), lock(PortName::Grpc), shutdown.clone());
        tokio::spawn(served);
        let (listener, decisions) = bound().await;
        tokio::spawn(decisions::serve_on_own_thread(
            listener,
            ledger,
            stream_metrics,
            lock(PortName::Decisions),
            future::ready(()),
            shutdown.clone(),
        ));
        let secrets = Mutex::default();
        let shutdown = shutdown.drop_guard();
        Self { tokens, rest, metrics, grpc, decisions, secrets, _shutdown: shutdown }
    }

    /// A token that is configured.
    pub(crate) fn token(&self, name: &str, scopes: &[Scope]) -> Secret {
        self.token_until(name, scopes, None)
    }

    /// One that was valid once.
    pub(crate) fn expired_token(&self, scopes: &[Scope]) -> Secret {
        self.token_until("expired", scopes, UnixSeconds::new(EXPIRED))
    }

    /// One that was configured once.
    pub(crate) fn revoked_token(&self, scopes: &[Scope]) -> Secret {
        let secret = self.token("revoked", scopes);
        assert!(self.tokens.remove(secret.public_part()).is_some());
        secret
    }

    /// One that nobody ever configured.
    pub(crate) fn wrong_token(&self) -> Secret {
        self.made(Secret::new(SecretKind::Token))
    }

    fn token_until(&self, name: &str, scopes: &[Scope], expires: Option<UnixSeconds>) -> Secret {
        let secret = self.made(Secret::new(SecretKind::Token));
        self.tokens.put(Token {
            public: secret.public_part(),
            digest: secret.digest(),
            name: TokenName::parse(name).expect("a name"),
            scopes: scopes.iter().copied().collect(),
            validity: Validity { created: UnixSeconds::new(CREATED).expect("a second"), expires },
        });
        secret
    }

    fn made(&self, secret: Secret) -> Secret {
        self.secrets.lock().push(secret.expose().to_owned());
        secret
    }

    /// No secret of this world, and no digest of one, stands in a text that others may read.
    #[track_caller]
    pub(crate) fn is_without_secrets(&self, text: &str) {
        for secret in self.secrets.lock().iter() {
            let random = secret.split('_').nth(2).expect("the secret part");
            let digest = flowguard::credentials::Digest::of(secret.as_bytes()).to_string();
            assert!(!text.contains(random) && !text.contains(&digest), "{secret} in {text}");
        }
    }
}

async fn bound() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// All that all worlds of this program logged so far.
pub(crate) fn log() -> String {
    static LOG: OnceLock<Log> = OnceLock::new();
    let log = LOG.get_or_init(|| {
        let log = Log::default();
        let writer = log.clone();
        let lines = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::set_global_default(lines).expect("nobody else logs");
        log
    });
    String::from_utf8(log.0.lock().clone()).expect("text")
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! The process: everything is bound before anything is served, and stopped in order.

use std::{
    convert::Infallible,
    error::Error,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt as _;
use tokio::{
    net::TcpListener,
    runtime,
    signal::unix::{Signal, SignalKind, signal},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    decisions::{self, StreamMetrics},
    health::Health,
    http::{self, Access},
    ledger::{Ledger, SystemClock},
    metrics,
    operator::{Operator, OperatorError, grpc, rest, start},
    settings::{Setting, Settings, table},
    store::NoStore,
};

/// How long open requests may take to end once the process was asked to stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Why the process could not serve, or serves no more.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another process listens there.
    #[error(
        "port {port} ({setting}) is taken on {address}: stop what listens there, or choose another \
         with {setting}=PORT or --{flag} PORT"
    )]
    PortTaken {
        /// The port.
        port: u16,
        /// Where it was to be bound.
        address: IpAddr,
        /// The setting that names the port.
        setting: &'static str,
        /// The setting's flag.
        flag: &'static str,
    },
    /// The address cannot be bound for another reason.
    #[error("{address} ({setting}) cannot be bound: {error}")]
    Bind {
        /// Where it was to be bound.
        address: SocketAddr,
        /// The setting that names the port.
        setting: &'static str,
        /// The operating system's answer.
        error: io::Error,
    },
    /// The operating system refuses what every process may have.
    #[error("the process cannot be set up: {0}")]
    Process(#[from] io::Error),
    /// A metric is defined twice.
    #[error("the metrics cannot be set up: {0}")]
    Metrics(#[from] prometheus::Error),
    /// The configured clients cannot be read, or the demo clients not be written.
    #[error("the configured clients cannot be loaded: {0}")]
    Clients(#[from] OperatorError),
    /// A server ended though nobody asked for it.
    #[error("a server failed: {0}")]
    Server(ServerFailure),
}

/// Serves until SIGTERM or SIGINT.
pub fn serve(settings: &Settings) -> Result<(), ServeError> {
    runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(settings))
}

async fn run(settings: &Settings) -> Result<(), ServeError> {
    let mut stop = StopSignal::listen()?;
    let listeners = Listeners::bind(settings).await?;

    let ledger = Arc::new(Ledger::new(settings.policy, SystemClock::start()));
    let registry = metrics::registry()?;
    let stream_metrics = StreamMetrics::register(&registry)?;
    let store = Box::new(NoStore::default());
    let operator = Arc::new(Operator::new(Arc::clone(&ledger), store));
    start::load(&operator).await?;
    if settings.demo_clients {
        start::seed_demo_clients(&operator).await?;
    }
    let health = Health::ready();

    let access = Access::new(settings.allowed_hosts.clone(), settings.cors_allow_origins.clone());
    let metrics = metrics::router(Arc::clone(&ledger), registry, health.clone(), &access);
    let mut decisions = Servers::default();
    decisions.spawn(|shutdown| {
        decisions::serve_on_own_thread(listeners.decision, ledger, stream_metrics, shutdown)
    });
    let mut faces = Servers::default();
    faces.spawn(|shutdown| {
        grpc::serve(listeners.grpc, Arc::clone(&operator), health.clone(), shutdown)
    });
    let rest = rest::router(operator, health.clone(), &access);
    faces.spawn(|shutdown| http::serve(listeners.rest, rest, shutdown).map(Ok::<_, Infallible>));
    faces.spawn(|shutdown| {
        http::serve(listeners.metrics, metrics, shutdown).map(Ok::<_, Infallible>)
    });
    info!("flowguard {} is ready", env!("CARGO_PKG_VERSION"));

    let ended = tokio::select! {
        signal = stop.received() => {
            info!("{signal}: stopping");
            Ok(())
        }
        failed = decisions.failed() => Err(failed),
        failed = faces.failed() => Err(failed),
    };
    // Whoever asks learns that this process goes, before it stops answering.
    health.stop();
    decisions.stop().await;
    faces.stop().await;
    info!("stopped");
    ended
}

/// All sockets, so that a taken port ends the process before anybody was served.
struct Listeners {
    decision: TcpListener,
    grpc: TcpListener,
    rest: TcpListener,
    metrics: TcpListener,
}

impl Listeners {
    async fn bind(settings: &Settings) -> Result<Self, ServeError> {
        let ports = settings.ports;
        let listeners = Self {
            decision: bind(settings, ports.decision, &table::DECISION_PORT).await?,
            grpc: bind(settings, ports.grpc, &table::GRPC_PORT).await?,
            rest: bind(settings, ports.config, &table::CONFIG_PORT).await?,
            metrics: bind(settings, ports.metrics, &table::METRICS_PORT).await?,
        };
        // Only now: a process that ends over a taken port says that alone.
        for (listener, setting) in [
            (&listeners.decision, &table::DECISION_PORT),
            (&listeners.grpc, &table::GRPC_PORT),
            (&listeners.rest, &table::CONFIG_PORT),
            (&listeners.metrics, &table::METRICS_PORT),
        ] {
            info!("listening on {} ({})", listener.local_addr()?, setting.name);
        }
        Ok(listeners)
    }
}

/// Servers that are stopped together.
#[derive(Default)]
struct Servers {
    running: JoinSet<Result<(), ServerFailure>>,
    shutdown: CancellationToken,
}

type ServerFailure = Box<dyn Error + Send + Sync>;

impl Servers {
    fn spawn<S, E>(&mut self, serve: impl FnOnce(CancellationToken) -> S)
    where
        S: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<ServerFailure> + 'static,
    {
        let server = serve(self.shutdown.clone());
        self.running.spawn(async move { server.await.map_err(Into::into) });
    }

    /// Waits for a server that ends though nobody asked for it.
    async fn failed(&mut self) -> ServeError {
        let failure = match self.running.join_next().await {
            Some(Ok(Err(failure))) => failure,
            Some(Err(panicked)) => panicked.into(),
            Some(Ok(Ok(()))) | None => "it ended by itself".into(),
        };
        ServeError::Server(failure)
    }

    /// Lets open requests end, for a while.
    async fn stop(mut self) {
        self.shutdown.cancel();
        let drained =
            timeout(DRAIN_TIMEOUT, async { while self.running.join_next().await.is_some() {} });
        if drained.await.is_err() {
            warn!("some requests did not end within {} s", DRAIN_TIMEOUT.as_secs());
        }
    }
}

async fn bind(
    settings: &Settings,
    port: u16,
    setting: &'static Setting,
) -> Result<TcpListener, ServeError> {
    let address = SocketAddr::new(settings.bind_address, port);
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => ServeError::PortTaken {
            port,
            address: settings.bind_address,
            setting: setting.name,
            flag: setting.flag.unwrap_or_default(),
        },
        _ => ServeError::Bind { address, setting: setting.name, error },
    })
}

struct StopSignal {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignal {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn received(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

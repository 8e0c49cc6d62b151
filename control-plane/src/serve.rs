//! The process: everything is bound before anything is served, and stopped in order.

use std::{
    error::Error,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use prometheus::Registry;
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
    clock::Clock,
    decisions::{self, StreamMetrics},
    ledger::Ledger,
    settings::{Setting, Settings, table},
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
    /// A listener ended though nobody asked for it.
    #[error("a listener failed: {0}")]
    Listener(Box<dyn Error + Send + Sync>),
}

/// Serves until SIGTERM or SIGINT.
pub fn serve(settings: &Settings) -> Result<(), ServeError> {
    runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(settings))
}

async fn run(settings: &Settings) -> Result<(), ServeError> {
    let mut stop = StopSignal::listen()?;
    let decision = bind(settings, settings.ports.decision, &table::DECISION_PORT).await?;
    let clock = Clock::start();
    let registry = Registry::new();
    let ledger = Arc::new(Ledger::new(&settings.unknown_clients, clock.now()));
    let stream_metrics = StreamMetrics::register(&registry)?;

    let shutdown = CancellationToken::new();
    let mut servers = JoinSet::new();
    servers.spawn(decisions::serve(decision, ledger, clock, stream_metrics, shutdown.clone()));
    info!("ready");
    tokio::select! {
        signal = stop.received() => info!(signal, "stopping"),
        Some(ended) = servers.join_next() => warn!("{ended:?}"),
    }
    shutdown.cancel();
    if timeout(DRAIN_TIMEOUT, servers.join_all()).await.is_err() {
        warn!("some requests did not end within {} s", DRAIN_TIMEOUT.as_secs());
    }
    info!("stopped");
    Ok(())
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

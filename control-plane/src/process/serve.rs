//! Everything is bound before anything is served, and stopped in order.

use std::{convert::Infallible, io, path::Path, sync::Arc};

use futures_util::FutureExt as _;
use tokio::runtime;
use tracing::{info, warn};

use super::{
    keeper::{JournalMetrics, Keeper},
    kept::{KeepError, Kept, ShareError},
    listeners::{BindError, Listeners},
    locks::{LockError, Locks},
    servers::{ServerFailure, Servers},
    stop_signal::StopSignal,
    store_sweep,
    surroundings::surroundings,
};
use crate::{
    audit::{Audit, AuditError, AuditFiles},
    auth::AuthMetrics,
    config_file::{FileMetrics, InvalidFile, Loaded},
    decisions::{self, StreamMetrics},
    health, http,
    ledger::Ledger,
    metrics,
    operator::{FollowMetrics, Operator, OperatorError, Surroundings, grpc, rest, start},
    settings::Settings,
    store::{
        ConfigStore, DataFolder, OpenError,
        state::{CutOff, FolderDisk, StateError, StateFiles},
    },
    tls::{Tls, TlsFileError, TlsMetrics},
};

/// The file of the audit in the folder.
const AUDIT_FILE_NAME: &str = "audit.jsonl";

/// Why the process could not serve, or serves no more.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServeError {
    /// The file of clients is not in order.
    #[error(transparent)]
    ConfigFile(#[from] InvalidFile),
    /// A port would be open to everybody, or to nobody.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A file of TLS is not in order.
    #[error(transparent)]
    Tls(#[from] TlsFileError),
    /// A port cannot be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// What outlives the process cannot be kept, or not be read.
    #[error(transparent)]
    Data(#[from] OpenError),
    /// The store that is shared cannot be.
    #[error(transparent)]
    Share(#[from] ShareError),
    /// The balances of the process before cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// The operating system refuses what every process may have.
    #[error("the process cannot be set up: {0}")]
    Process(#[from] io::Error),
    /// A metric is defined twice.
    #[error("the metrics cannot be set up: {0}")]
    Metrics(#[from] prometheus::Error),
    /// The configured clients cannot be read, or the demo clients not be written.
    #[error("the configured clients cannot be loaded: {0}")]
    Clients(#[from] OperatorError),
    /// The audit cannot be written.
    #[error("{0}; choose a file that can be written")]
    Audit(#[from] AuditError),
    /// A server ended though nobody asked for it.
    #[error("a server failed: {0}")]
    Server(ServerFailure),
}

impl From<KeepError> for ServeError {
    fn from(error: KeepError) -> Self {
        match error {
            KeepError::Folder(error) => Self::Data(error),
            KeepError::Share(error) => Self::Share(error),
            KeepError::Metrics(error) => Self::Metrics(error),
        }
    }
}

/// Serves until SIGTERM or SIGINT.
pub(super) fn serve(settings: &Settings) -> Result<(), ServeError> {
    runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(settings))
}

async fn run(settings: &Settings) -> Result<(), ServeError> {
    let config_file = settings.config_file.clone().map(Loaded::read).transpose()?;
    let tls = Tls::read(&settings.tls)?;
    let mut stop = StopSignal::listen()?;
    let listeners = Listeners::bind(&settings.listeners, tls.as_ref()).await?;
    let registry = metrics::registry()?;
    let (kept, desk) = Kept::open(&settings.data_dir, &settings.store, &registry).await?;
    let store = kept.configuration().await?;
    let health = kept.health();
    let around = surroundings(settings, &health, &registry);
    let Books { ledger, operator, audit, found } =
        open_books(settings, &kept, store, around).await?;
    let stream_metrics = StreamMetrics::register(&registry)?.telling(Arc::clone(operator.events()));
    let file_metrics = FileMetrics::register(&registry)?;
    let journal_metrics = JournalMetrics::register(&registry)?;
    let follow_metrics =
        if kept.is_shared() { Some(FollowMetrics::register(&registry)?) } else { None };
    let auth_metrics = AuthMetrics::register(&registry)?;
    let locks = Locks::open(settings, Arc::clone(ledger.tokens()), &auth_metrics, &audit)?;
    // Only now: a process that ends over a taken port, its folder or its locks says that alone.
    announce(&kept, &listeners, found)?;
    let tls_watch = match tls {
        Some(tls) => Some(tls.watch(health.clone(), TlsMetrics::register(&registry)?)),
        None => None,
    };
    let watch = match config_file {
        Some(file) => Some(file.put_in_force(&operator, health.clone(), file_metrics).await?),
        None => None,
    };
    let keeper = match kept.folder() {
        Some(folder) => {
            let files = restore(folder, &ledger)?;
            Some(Keeper::start(files, Arc::clone(&ledger), health.clone(), journal_metrics)?)
        }
        None => None,
    };
    // Whoever has a file has clients, even if it names none yet.
    if settings.demo_clients && watch.is_none() && found.is_first_start {
        start::seed_demo_clients(&operator).await?;
    }

    let access = &settings.access;
    let metrics =
        metrics::router(Arc::clone(&ledger), registry, health.clone(), access, &locks.metrics);
    let mut faces = Servers::default();
    if kept.is_shared() {
        faces.spawn(|shutdown| store_sweep::run(Arc::clone(&ledger), shutdown));
    }
    let mut decisions = Servers::default();
    decisions.spawn(|shutdown| {
        decisions::serve_on_own_thread(
            listeners.decision,
            ledger,
            stream_metrics,
            locks.decisions,
            desk,
            shutdown,
        )
    });
    faces.spawn(|shutdown| {
        grpc::serve(listeners.grpc, Arc::clone(&operator), health.clone(), locks.grpc, shutdown)
    });
    if let Some(metrics) = follow_metrics {
        let operator = Arc::clone(&operator);
        faces.spawn(|shutdown| operator.follow(health.clone(), metrics, shutdown));
    }
    if let Some(watch) = kept.store_watch() {
        faces.spawn(|shutdown| watch.run(health.clone(), shutdown));
    }
    if let Some(watch) = tls_watch {
        faces.spawn(|shutdown| watch.run(shutdown));
    }
    if let Some(port) = listeners.health {
        let router = health::router(health.clone());
        faces.spawn(|shutdown| http::serve_health(port, router, shutdown).map(Ok::<_, Infallible>));
    }
    let rest = rest::router(operator, health.clone(), access, &locks.rest);
    faces.spawn(|shutdown| {
        http::serve_with_events(listeners.rest, rest, shutdown).map(Ok::<_, Infallible>)
    });
    faces.spawn(|shutdown| {
        http::serve(listeners.metrics, metrics, shutdown).map(Ok::<_, Infallible>)
    });
    faces.spawn(|shutdown| locks.authenticator.follow_files(health.clone(), shutdown));
    if let Some(watch) = watch {
        faces.spawn(|shutdown| watch.run(shutdown));
    }
    info!("flowguard {} is ready", env!("CARGO_PKG_VERSION"));

    let ended = until_stopped(&mut stop, [&mut decisions, &mut faces]).await;
    // Whoever asks learns that this process goes, before it stops answering.
    health.stop();
    decisions.stop().await;
    faces.stop().await;
    if let Some(keeper) = keeper {
        keeper.stop();
    }
    info!("stopped");
    ended
}

/// Waits until the process is to stop, or one of its servers cannot go on.
async fn until_stopped(
    stop: &mut StopSignal,
    [decisions, faces]: [&mut Servers; 2],
) -> Result<(), ServeError> {
    tokio::select! {
        signal = stop.received() => {
            info!("{signal}: stopping");
            Ok(())
        }
        failure = decisions.failed() => Err(ServeError::Server(failure)),
        failure = faces.failed() => Err(ServeError::Server(failure)),
    }
}

/// Tells the log what is there.
fn announce(kept: &Kept, listeners: &Listeners, found: start::Found) -> io::Result<()> {
    kept.announce();
    listeners.announce()?;
    if found.clients > 0 {
        info!("configured clients: {}", found.clients);
    }
    Ok(())
}

/// What is known, and who changes it.
struct Books {
    ledger: Arc<Ledger>,
    operator: Arc<Operator>,
    audit: Arc<Audit>,
    found: start::Found,
}

/// The books with what `store` has.
async fn open_books(
    settings: &Settings,
    kept: &Kept,
    store: Box<dyn ConfigStore>,
    around: Surroundings,
) -> Result<Books, ServeError> {
    let ledger = Arc::new(kept.ledger(settings.policy, settings.decisions_kept));
    let audit = Arc::new(open_audit(settings.audit_file.as_deref(), kept.folder())?);
    let operator = Operator::new(Arc::clone(&ledger), store).audited_in(Arc::clone(&audit));
    let operator = Arc::new(operator.surrounded_by(around));
    let found = start::load(&operator).await?;
    if kept.is_shared() {
        start::declare_unknown(&operator).await?;
    }
    Ok(Books { ledger, operator, audit, found })
}

/// Who changes what is written down where it is said, else in the folder; without one it ends with the
/// process.
pub(super) fn open_audit(
    file: Option<&Path>,
    folder: Option<&DataFolder>,
) -> Result<Audit, AuditError> {
    let in_folder = || folder.map(|folder| folder.path().join(AUDIT_FILE_NAME));
    match file.map(Path::to_owned).or_else(in_folder) {
        Some(path) => Audit::open(&AuditFiles::of(&path)),
        None => Ok(Audit::default()),
    }
}

/// Takes back what the process before left in the folder. All clients are configured by then: what is
/// of no client is passed over.
fn restore(folder: &DataFolder, ledger: &Ledger) -> Result<Arc<StateFiles>, StateError> {
    let disk = Arc::new(FolderDisk::new(folder));
    let (files, found) = StateFiles::open(disk, |record| ledger.restore(&record))?;
    if let Some(CutOff { entries, bytes }) = found.cut_off {
        warn!(
            entries,
            bytes, "the end of the journal was lost by a power failure: about its last second"
        );
    }
    let files = Arc::new(files);
    ledger.go_on(found.last, Arc::clone(&files));
    if found.last.is_some() {
        info!("requests that are still under way: {}", ledger.held());
    }
    Ok(files)
}

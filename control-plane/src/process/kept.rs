//! Where a process keeps what outlives it: nowhere, in a folder of its own, or in a store that it shares.

use std::sync::Arc;

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, ready},
};
use prometheus::Registry;
use tracing::info;

use super::{
    store_files::{self, StoreFileError},
    store_found,
    store_watch::StoreWatch,
};
use crate::{
    excerpt::path_in_one_line,
    health::Health,
    ledger::{DecisionsKept, Ledger, Policy, SystemClock},
    store::{
        ConfigStore, DataDir, DataFolder, NoStore, OpenError, RedbStore,
        shared::{
            self, ClockDifference, Committer, Link, SharedConfiguration, SharedStore, SpaceError,
            Standing, StoreFailureMode, StoreMetrics, StoreUrl, Topology,
            client::{Client, Credentials, Failure, Mode, Secret, Server, Stranger, Target, Trust},
        },
    },
};

/// Asks a store that is shared, for everybody who does.
pub(super) type Desk = BoxFuture<'static, ()>;

/// Where it is kept.
#[derive(Debug)]
pub(super) enum Kept {
    Nowhere,
    Folder(DataFolder),
    Shared(Box<Sharing>),
}

/// A store that is shared.
#[derive(Debug)]
pub(super) struct Sharing {
    store: SharedStore,
    url: StoreUrl,
    failure_mode: StoreFailureMode,
}

/// Why nothing can be kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeepError {
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(#[from] OpenError),
    /// The store cannot be shared.
    #[error(transparent)]
    Share(#[from] ShareError),
    /// A metric of the store is defined twice.
    #[error(transparent)]
    Metrics(#[from] prometheus::Error),
}

/// Why a store cannot be shared.
#[derive(Debug, thiserror::Error)]
pub(super) enum ShareError {
    /// A metric is defined twice.
    #[error("the metrics cannot be set up: {0}")]
    Metrics(#[from] prometheus::Error),
    /// A file is not what its setting says.
    #[error(transparent)]
    File(#[from] StoreFileError),
    /// Another one answers.
    #[error("STORE_URL={url} (--store-url) cannot be used: {stranger}")]
    Stranger {
        /// The store.
        url: Box<StoreUrl>,
        /// Who answers.
        stranger: Stranger,
    },
    /// It cannot be called.
    #[error("STORE_URL={url} (--store-url) cannot be used: {failure}")]
    Call {
        /// The store.
        url: Box<StoreUrl>,
        /// What went wrong.
        failure: Box<Failure>,
    },
    /// It is run in another way than the URL says.
    #[error("STORE_URL={url} (--store-url) leads to {found}: write {scheme}")]
    Topology {
        /// The store.
        url: Box<StoreUrl>,
        /// What was found.
        found: &'static str,
        /// How its URL begins.
        scheme: String,
    },
    /// It throws buckets away.
    #[error(
        "STORE_URL={url} (--store-url) has maxmemory-policy {policy}, which throws away what clients \
         have spent when memory is short: set it to noeviction"
    )]
    Evicts {
        /// The store.
        url: Box<StoreUrl>,
        /// Its policy.
        policy: String,
    },
    /// There is a part of an import in it.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// It takes no writes.
    #[error("STORE_URL={0} (--store-url) is a replica, which takes no writes: name its primary")]
    Replica(Box<StoreUrl>),
}

impl Kept {
    /// Opens what `data_dir` says, or calls the store where one is shared. With it comes what has to be
    /// done while the store is asked.
    pub(super) async fn open(
        data_dir: &DataDir,
        store: &shared::Config,
        registry: &Registry,
    ) -> Result<(Self, Desk), KeepError> {
        Ok(match (&store.url, data_dir) {
            (Some(url), _) => {
                let metrics = StoreMetrics::register(registry)?;
                let (sharing, desk) = Sharing::open(url, store, metrics).await?;
                (Self::Shared(Box::new(sharing)), desk)
            }
            (None, DataDir::Memory) => (Self::Nowhere, ready(()).boxed()),
            (None, DataDir::Folder(path)) => {
                (Self::Folder(DataFolder::open(path)?), ready(()).boxed())
            }
        })
    }

    pub(super) async fn configuration(&self) -> Result<Box<dyn ConfigStore>, OpenError> {
        Ok(match self {
            Self::Nowhere => Box::new(NoStore::default()),
            Self::Folder(folder) => Box::new(RedbStore::open(folder).await?),
            Self::Shared(sharing) => Box::new(Arc::clone(&sharing.store.configuration)),
        })
    }

    /// Of decisions of a ledger that is shared it is kept what they were. They cannot be decided again: of
    /// what is left of limits there, others take too.
    pub(super) fn ledger(&self, policy: Policy, decisions: DecisionsKept) -> Ledger {
        match self {
            Self::Shared(sharing) => {
                let Sharing { store, failure_mode, .. } = &**sharing;
                let fails_open = *failure_mode == StoreFailureMode::Open;
                Ledger::sharing(policy, SystemClock::start(), store.clone(), fails_open)
            }
            Self::Nowhere | Self::Folder(_) => Ledger::new(policy, SystemClock::start()),
        }
        .keeping(decisions)
    }

    pub(super) fn folder(&self) -> Option<&DataFolder> {
        match self {
            Self::Folder(folder) => Some(folder),
            Self::Nowhere | Self::Shared(_) => None,
        }
    }

    pub(super) fn is_shared(&self) -> bool {
        matches!(self, Self::Shared(_))
    }

    /// What looks after a store that is shared.
    pub(super) fn store_watch(&self) -> Option<StoreWatch> {
        match self {
            Self::Shared(sharing) => {
                Some(StoreWatch::new(&sharing.store.committer, sharing.failure_mode))
            }
            Self::Nowhere | Self::Folder(_) => None,
        }
    }

    pub(super) fn health(&self) -> Health {
        match self.folder().map(DataFolder::path) {
            Some(path) => Health::ready().kept_in(path),
            None => Health::ready(),
        }
    }

    pub(super) fn announce(&self) {
        match self {
            Self::Nowhere => {
                info!("clients and balances end with this process (DATA_DIR=memory)");
            }
            Self::Folder(folder) => {
                let path = folder.path();
                info!("clients and balances are kept in {} (DATA_DIR)", path_in_one_line(path));
            }
            Self::Shared(sharing) => {
                info!("clients and balances are shared in {} (STORE_URL)", sharing.url);
            }
        }
    }
}

impl Sharing {
    async fn open(
        url: &StoreUrl,
        config: &shared::Config,
        metrics: StoreMetrics,
    ) -> Result<(Self, Desk), ShareError> {
        let Called { target, reads, server } = Called::to(url, config).await?;
        // Before this process says that it is there: nobody is while an import is made.
        Standing::of(&reads).await?.refuse_unfinished(&reads)?;
        let clock = async |client: Client| ClockDifference::measure(&client).await;
        let clock = reads.ask(clock).await.map_err(|failure| failed(url, failure))?;
        store_found::announce(url, &server, clock);
        let link = || Link::new(target.clone(), &config.prefix);
        let configuration = Arc::new(SharedConfiguration::new(link()));
        let (committer, desk) = Committer::new(link(), config, metrics);
        let store = SharedStore::new(configuration, committer, Arc::new(reads));
        let sharing = Self { store, url: url.clone(), failure_mode: config.failure_mode };
        Ok((sharing, desk.boxed()))
    }
}

/// A store that answers.
struct Called {
    target: Target,
    reads: Link,
    server: Server,
}

impl Called {
    async fn to(url: &StoreUrl, config: &shared::Config) -> Result<Self, ShareError> {
        let target = target(url, config)?;
        let reads = Link::new(target.clone(), &config.prefix);
        let server = match reads.ask(async |client: Client| client.server().await).await {
            Ok(server) => server,
            Err(failure) => {
                let stranger = Stranger::at(&target).await;
                return Err(stranger.map_or_else(
                    || failed(url, failure),
                    |stranger| ShareError::Stranger { url: Box::new(url.clone()), stranger },
                ));
            }
        };
        judge(url, &server)?;
        Ok(Self { target, reads, server })
    }
}

/// A store as a command looks at it, which decides nothing there.
pub(super) async fn look_at(
    url: &StoreUrl,
    config: &shared::Config,
) -> Result<SharedStore, ShareError> {
    let Called { target, reads, .. } = Called::to(url, config).await?;
    let link = || Link::new(target.clone(), &config.prefix);
    // Nobody looks at these, and nobody sits at the desk: what is asked for there waits for ever.
    let metrics = StoreMetrics::register(&Registry::new())?;
    let (committer, _) = Committer::new(link(), config, metrics);
    let configuration = Arc::new(SharedConfiguration::new(link()));
    Ok(SharedStore::new(configuration, committer, Arc::new(reads)))
}

/// Two connections to a store that is to be filled.
pub(super) async fn links_to(
    url: &StoreUrl,
    config: &shared::Config,
) -> Result<(Arc<Link>, Link), ShareError> {
    let Called { target, reads, .. } = Called::to(url, config).await?;
    Ok((Arc::new(reads), Link::new(target, &config.prefix)))
}

fn failed(url: &StoreUrl, failure: Failure) -> ShareError {
    ShareError::Call { url: Box::new(url.clone()), failure: Box::new(failure) }
}

/// Refuses what would be wrong.
fn judge(url: &StoreUrl, server: &Server) -> Result<(), ShareError> {
    let Server { mode, is_master, .. } = server;
    if let Some((found, kind)) = contradiction(&url.topology, *mode) {
        let scheme = format!("{}{kind}", if url.tls { "rediss" } else { "redis" });
        return Err(ShareError::Topology { url: Box::new(url.clone()), found, scheme });
    }
    if !is_master {
        return Err(ShareError::Replica(Box::new(url.clone())));
    }
    if !server.keeps_all() {
        let policy = server.maxmemory_policy.clone();
        return Err(ShareError::Evicts { url: Box::new(url.clone()), policy });
    }
    Ok(())
}

/// What was found where the URL says something else, and what its scheme would end with.
fn contradiction(topology: &Topology, mode: Mode) -> Option<(&'static str, &'static str)> {
    match (topology, mode) {
        (Topology::Single(_) | Topology::Sentinel { .. }, Mode::Standalone)
        | (Topology::Cluster(_), Mode::InCluster) => None,
        (Topology::Single(_) | Topology::Sentinel { .. }, Mode::InCluster) => {
            Some(("a server of a cluster", "+cluster://HOST,HOST"))
        }
        (_, Mode::Sentinel) => Some(("a sentinel", "+sentinel://HOST,HOST/SERVICE")),
        (Topology::Cluster(_), Mode::Standalone) => {
            Some(("a server that is in no cluster", "://HOST"))
        }
    }
}

fn target(url: &StoreUrl, config: &shared::Config) -> Result<Target, ShareError> {
    let password = match (&url.password, &config.password_file) {
        (Some(password), _) => Some(password.clone()),
        (None, Some(path)) => Some(store_files::password(path)?),
        (None, None) => None,
    };
    let tls = match (&config.ca_file, url.tls) {
        (_, false) => None,
        (None, true) => Some(Trust::System),
        (Some(path), true) => Some(Trust::Authorities(store_files::certificates(path)?)),
    };
    Ok(Target {
        topology: url.topology.clone(),
        tls,
        credentials: Credentials { user: url.user.clone(), password: password.map(Secret::new) },
    })
}

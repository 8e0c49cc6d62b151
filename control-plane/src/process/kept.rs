//! Where a process keeps what outlives it: nowhere, in a folder of its own, or in a store that it shares.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tracing::{info, warn};

use crate::{
    excerpt::path_in_one_line,
    health::Health,
    ledger::{Ledger, Policy, SystemClock},
    store::{
        ConfigStore, DataDir, DataFolder, NoStore, OpenError, RedbStore,
        shared::{
            self, Committer, Link, SharedConfiguration, SharedStore, StoreFailureMode, StoreUrl,
            Topology,
            client::{Credentials, Failure, Mode, Secret, Server, Target, Trust},
        },
    },
};

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
    fails_open: bool,
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
}

/// Why a store cannot be shared.
#[derive(Debug, thiserror::Error)]
pub(super) enum ShareError {
    /// A file cannot be read.
    #[error("{name}={} cannot be read: {error}", path_in_one_line(path))]
    File {
        /// The setting that names it.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        error: io::Error,
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
    /// It takes no writes.
    #[error("STORE_URL={0} (--store-url) is a replica, which takes no writes: name its primary")]
    Replica(Box<StoreUrl>),
}

impl Kept {
    /// Opens what `data_dir` says, or calls the store where one is shared.
    pub(super) async fn open(
        data_dir: &DataDir,
        store: &shared::Config,
    ) -> Result<Self, KeepError> {
        Ok(match (&store.url, data_dir) {
            (Some(url), _) => Self::Shared(Box::new(Sharing::open(url, store).await?)),
            (None, DataDir::Memory) => Self::Nowhere,
            (None, DataDir::Folder(path)) => Self::Folder(DataFolder::open(path)?),
        })
    }

    pub(super) async fn configuration(&self) -> Result<Box<dyn ConfigStore>, OpenError> {
        Ok(match self {
            Self::Nowhere => Box::new(NoStore::default()),
            Self::Folder(folder) => Box::new(RedbStore::open(folder).await?),
            Self::Shared(sharing) => Box::new(Arc::clone(&sharing.store.configuration)),
        })
    }

    pub(super) fn ledger(&self, policy: Policy) -> Ledger {
        match self {
            Self::Shared(sharing) => {
                let Sharing { store, fails_open, .. } = &**sharing;
                Ledger::sharing(policy, SystemClock::start(), store.clone(), *fails_open)
            }
            Self::Nowhere | Self::Folder(_) => Ledger::new(policy, SystemClock::start()),
        }
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
    async fn open(url: &StoreUrl, config: &shared::Config) -> Result<Self, ShareError> {
        let target = target(url, config)?;
        let link = || Link::new(target.clone(), &config.prefix);
        let failed =
            |failure| ShareError::Call { url: Box::new(url.clone()), failure: Box::new(failure) };
        let reads = link();
        let server = reads.client().await.map_err(failed)?.server().await.map_err(failed)?;
        judge(url, &server)?;
        let configuration = Arc::new(SharedConfiguration::new(link()));
        let (committer, desk) = Committer::new(link(), config);
        tokio::spawn(desk);
        let store = SharedStore::new(configuration, committer, Arc::new(reads));
        let fails_open = config.failure_mode == StoreFailureMode::Open;
        Ok(Self { store, url: url.clone(), fails_open })
    }
}

/// Says what was found, warns of what is risky, and refuses what would be wrong.
fn judge(url: &StoreUrl, server: &Server) -> Result<(), ShareError> {
    let Server { address, mode, version, maxmemory_policy, is_master, replicas, has_log, .. } =
        server;
    if let Some((found, kind)) = contradiction(&url.topology, *mode) {
        let scheme = format!("{}{kind}", if url.tls { "rediss" } else { "redis" });
        return Err(ShareError::Topology { url: Box::new(url.clone()), found, scheme });
    }
    if !is_master {
        return Err(ShareError::Replica(Box::new(url.clone())));
    }
    if maxmemory_policy != "noeviction" {
        let policy = maxmemory_policy.clone();
        return Err(ShareError::Evicts { url: Box::new(url.clone()), policy });
    }
    let led = match url.topology {
        Topology::Single(_) => "answers",
        Topology::Sentinel { .. } => "answers: its sentinels name the master",
        Topology::Cluster(_) => "answers: its cluster names the owner of the keys",
    };
    info!(
        server = %address, %version, %maxmemory_policy, replicas, append_only_file = has_log,
        "the store {url} {led}"
    );
    if !has_log {
        warn!("the store keeps no append-only file: what it knows ends with its process");
    }
    if *replicas == 0 {
        warn!("the store has no replica: while it is away, requests meet STORE_FAILURE_MODE");
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
        (None, Some(path)) => {
            let text = read("STORE_PASSWORD_FILE", path)?;
            Some(String::from_utf8_lossy(&text).trim_end_matches(['\r', '\n']).to_owned())
        }
        (None, None) => None,
    };
    let tls = match (&config.ca_file, url.tls) {
        (_, false) => None,
        (None, true) => Some(Trust::System),
        (Some(path), true) => Some(Trust::Authorities(read("STORE_CA_FILE", path)?)),
    };
    Ok(Target {
        topology: url.topology.clone(),
        tls,
        credentials: Credentials { user: url.user.clone(), password: password.map(Secret::new) },
    })
}

fn read(name: &'static str, path: &Path) -> Result<Vec<u8>, ShareError> {
    fs::read(path).map_err(|error| ShareError::File { name, path: path.to_owned(), error })
}

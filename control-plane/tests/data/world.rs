//! A folder in a test's hands, whose clock the test moves.

use std::{path::Path, sync::Arc};

use flowguard::{
    clients::{ClientConfig, Limits, Revision},
    data::Place,
    ledger::{EstimateSource, Ledger, ManualClock, Policy, UnknownClients},
    store::{
        Contents, DataFolder, RedbStore,
        state::{FolderDisk, StateFiles},
    },
};
use limiter::{ClientId, PerMinute, UnixMillis};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

pub(crate) const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

pub(crate) fn later(ms: u64) -> UnixMillis {
    UnixMillis(NOW.0 + ms)
}

pub(crate) fn limit(per_minute: u64) -> PerMinute {
    PerMinute::new(per_minute).expect("a limit")
}

pub(crate) fn config(id: &str, rpm: Option<u64>, tpm: Option<u64>) -> ClientConfig {
    let limits = Limits { rpm: rpm.map(limit), tpm: tpm.map(limit) };
    let id = ClientId::try_from(id).expect("an id");
    ClientConfig::new(id, limits)
}

/// Estimates are learned, and ids that are not configured share a pair of buckets.
pub(crate) fn policy() -> Policy {
    let unknown_clients = UnknownClients::Shared { rpm: limit(20), tpm: limit(300) };
    let mut policy = Policy { unknown_clients, ..Policy::default() };
    policy.estimate.source = EstimateSource::Learned;
    policy
}

pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

pub(crate) fn place(parent: &TempDir, name: &str) -> Place {
    Place { folder: parent.path().join(name), config_file: None }
}

/// A ledger that takes back what is in the folder and writes there.
pub(crate) struct Served {
    pub(crate) ledger: Ledger,
    pub(crate) files: Arc<StateFiles>,
    _folder: DataFolder,
}

impl Served {
    /// With these clients, whatever the folder's own file has.
    pub(crate) fn with(path: &Path, configs: &[ClientConfig], clock: &ManualClock) -> Self {
        let folder = DataFolder::open(path).expect("a folder");
        let ledger = Ledger::new(policy(), clock.clone());
        for config in configs {
            ledger.configure(config);
        }
        let disk = Arc::new(FolderDisk::new(&folder));
        let opened = StateFiles::open(disk, |record| ledger.restore(&record));
        let (files, found) = opened.expect("files in order");
        let files = Arc::new(files);
        ledger.go_on(found.last, Arc::clone(&files));
        Self { ledger, files, _folder: folder }
    }

    /// As a control plane begins.
    pub(crate) fn start(path: &Path, clock: &ManualClock) -> Self {
        let configs: Vec<_> = stored(path).clients.into_iter().map(|(config, _)| config).collect();
        Self::with(path, &configs, clock)
    }
}

/// What the folder's configuration holds.
pub(crate) fn stored(path: &Path) -> Contents {
    let folder = DataFolder::open_to_read(path).expect("a folder");
    let read = runtime().block_on(RedbStore::read(&folder));
    read.expect("in order").expect("a file").contents
}

/// Makes the configuration of a folder, which has none yet.
pub(crate) fn store(path: &Path, configs: &[ClientConfig]) {
    let folder = DataFolder::open(path).expect("a folder");
    let newest = Revision::new(1);
    let clients = configs.iter().map(|config| (config.clone(), newest)).collect();
    let contents = Contents { clients, newest, ..Contents::default() };
    runtime().block_on(RedbStore::create(&folder, contents)).expect("room");
}

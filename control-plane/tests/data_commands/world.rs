//! Folders and processes in a test's hands.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
};

use flowguard::{
    clients::{ClientConfig, Limits, Revision},
    ledger::{Ask, End, Ledger, ManualClock, Policy, RequestKind, WorkerId},
    store::{
        Contents, DataFolder, RedbStore,
        state::{FolderDisk, StateFiles},
    },
};
use futures_util::FutureExt as _;
use limiter::{ClientId, PerMinute, Tokens, UnixMillis};
use tempfile::TempDir;
use tokio::runtime::Builder;

/// A temporary folder, in which `data` is the one that is looked into.
pub(crate) struct World(pub(crate) TempDir);

impl World {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().expect("a temporary folder"))
    }

    /// With a folder of a control plane that was killed: two clients and three requests, of which one
    /// has ended.
    pub(crate) fn used() -> Self {
        let world = Self::new();
        let configs = [config("a", Some(60), Some(1_000)), config("b", Some(5), None)];
        world.has_clients(&configs);
        let folder = DataFolder::open(&world.data()).expect("a folder");
        let clock = ManualClock::at(UnixMillis(1_700_000_000_000));
        let ledger = Ledger::new(Policy::default(), clock.clone());
        for config in &configs {
            ledger.configure(config);
        }
        let disk = Arc::new(FolderDisk::new(&folder));
        let (files, found) = StateFiles::open(disk, |_| {}).expect("a new folder");
        ledger.go_on(found.last, Arc::new(files));
        for (worker, id, client, tokens) in [(1, 1, "a", 100), (1, 2, "a", 50), (2, 1, "b", 0)] {
            let (estimate, kind) = (Tokens::new(tokens).ok(), RequestKind::Generates);
            let ask = Ask { id, client, estimate, kind, model: None };
            let worker = ledger.join(WorkerId(worker));
            let _ = ledger.decide(&worker, &[ask]).now_or_never().expect("ready at once");
        }
        clock.set(UnixMillis(1_700_000_001_500));
        let worker = ledger.join(WorkerId(1));
        ledger.end(&worker, vec![(1, End::Lost)]).now_or_never().expect("ready at once");
        ledger.commit();
        drop((ledger, folder));
        world.let_go();
        world
    }

    /// The folder's configuration, which has none yet, has these clients.
    pub(crate) fn has_clients(&self, configs: &[ClientConfig]) {
        let folder = DataFolder::open(&self.data()).expect("a folder");
        let newest = Revision::new(1);
        let clients = configs.iter().map(|config| (config.clone(), newest)).collect();
        let contents = Contents { clients, newest, ..Contents::default() };
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        let created = RedbStore::create(&folder, contents);
        runtime.block_on(created).expect("room");
        drop(folder);
        self.let_go();
    }

    /// A process that another test begins has all open files for a moment, and with them the lock.
    fn let_go(&self) {
        fs::remove_file(self.data().join("lock")).expect("a lock");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// `flowguard`, which is begun in the temporary folder.
    pub(crate) fn flowguard(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flowguard"));
        command.env_clear().current_dir(self.0.path());
        command
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.flowguard();
        command.arg("data").args(arguments).env("DATA_DIR", "data");
        command
    }

    /// `flowguard data …`
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the binary runs")
    }
}

pub(crate) fn config(id: &str, rpm: Option<u64>, tpm: Option<u64>) -> ClientConfig {
    let limit = |per_minute| PerMinute::new(per_minute).expect("a limit");
    let limits = Limits { rpm: rpm.map(limit), tpm: tpm.map(limit) };
    let id = ClientId::try_from(id).expect("an id");
    ClientConfig::new(id, limits)
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("text")
}

#[track_caller]
pub(crate) fn check(output: &Output, code: i32, stdout: &str, stderr: &str) {
    let said = (output.status.code(), text(&output.stdout), text(&output.stderr));
    assert_eq!(said, (Some(code), stdout, stderr));
}

/// Every file in a folder, and its bytes.
pub(crate) fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let files = entries.filter(|entry| entry.path().is_file());
    let read = files.map(|file| {
        let bytes = fs::read(file.path()).expect("a file");
        (file.file_name().into_string().expect("text"), bytes)
    });
    read.collect()
}

pub(crate) fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

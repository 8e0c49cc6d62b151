//! A process of the control plane: the real ledger, sessions, operator and files, on a simulated disk
//! and by a clock that the run moves.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicBool},
};

use flowguard::{
    decisions::{Session, StreamMetrics},
    ledger::{Ledger, ManualClock, Policy},
    operator::{Operator, start},
    store::state::{Condition, Found, StateFiles},
};
use limiter::UnixMillis;
use prometheus::Registry;
use tokio::runtime::Runtime;

use crate::{
    disk::{SlowDisk, SlowWork},
    network::StreamId,
    oracle::Name,
    queue::Micros,
    store::DurableStore,
};

/// A process.
#[derive(Debug)]
pub(crate) struct Process {
    /// Counts processes.
    pub(crate) number: u64,
    /// Its ledger.
    pub(crate) ledger: Arc<Ledger>,
    /// Its files.
    pub(crate) files: Arc<StateFiles>,
    /// What an operator may do.
    pub(crate) operator: Arc<Operator>,
    /// What its streams count into.
    pub(crate) metrics: StreamMetrics,
    /// Streams that are open.
    pub(crate) streams: BTreeMap<StreamId, OpenStream>,
    /// Which one each worker has.
    pub(crate) seats: BTreeMap<Name, StreamId>,
    /// The round of looking after the files that is under way, and what was written when it began.
    pub(crate) round: Option<SlowRound>,
    /// Whether it wrote something down when it began.
    pub(crate) has_written: bool,
    clock: ManualClock,
    wall_ms: u64,
}

/// A stream as a process has it.
#[derive(Debug)]
pub(crate) struct OpenStream {
    /// Its session.
    pub(crate) session: Session,
    /// Its worker.
    pub(crate) worker: Name,
    /// What its worker has said so far of what it holds; `None` once it has said all.
    pub(crate) resumed: Option<Vec<u32>>,
    /// Its ends are to be acknowledged soon.
    pub(crate) is_acknowledgement_planned: bool,
    /// Its next answer finds it broken.
    pub(crate) breaks: bool,
}

/// A round of looking after the files that takes its time.
#[derive(Debug)]
pub(crate) struct SlowRound {
    /// The work.
    pub(crate) work: SlowWork,
    /// The newest step that was written when it began.
    pub(crate) mark: u64,
    /// Whether it has written a snapshot.
    pub(crate) has_snapshot: Arc<AtomicBool>,
}

impl Process {
    /// Begins a process: all that was configured and written down is taken back.
    pub(crate) fn start(
        number: u64,
        disk: &SlowDisk,
        store: &DurableStore,
        policy: Policy,
        wall_ms: u64,
        now: Micros,
        runtime: &Runtime,
    ) -> Result<(Self, Found), String> {
        let clock = ManualClock::at(UnixMillis(wall_ms + now / 1_000));
        let ledger = Arc::new(Ledger::new(policy, clock.clone()));
        let operator = Arc::new(Operator::new(Arc::clone(&ledger), Box::new(store.clone())));
        runtime.block_on(start::load(&operator)).map_err(|error| error.to_string())?;
        let (files, found) =
            StateFiles::open(Arc::new(disk.clone()), |record| ledger.restore(&record))
                .map_err(|error| error.to_string())?;
        let files = Arc::new(files);
        let changes = disk.memory.changes();
        ledger.go_on(found.last, Arc::clone(&files));
        let has_written = disk.memory.changes() > changes;
        let metrics = StreamMetrics::register(&Registry::new());
        let process = Self {
            number,
            ledger,
            files,
            operator,
            metrics: metrics.map_err(|error| error.to_string())?,
            streams: BTreeMap::new(),
            seats: BTreeMap::new(),
            round: None,
            has_written,
            clock,
            wall_ms,
        };
        Ok((process, found))
    }

    /// The time goes on.
    pub(crate) fn advance(&self, now: Micros) {
        self.clock.set(UnixMillis(self.wall_ms + now / 1_000));
    }

    /// The time of its ledger, in milliseconds.
    pub(crate) fn now(&self) -> u64 {
        self.ledger.now().0
    }

    /// Whether what is decided is written down.
    pub(crate) fn is_writing(&self) -> bool {
        self.files.status().condition == Condition::Writing
    }

    /// One round of looking after the files, as the keeper does it; whether a snapshot was written.
    pub(crate) fn round(ledger: &Ledger, files: &StateFiles, wants_snapshot: bool) -> bool {
        files.sync();
        let is_broken = files.status().condition != Condition::Writing;
        let is_due = wants_snapshot || files.is_outgrown() || is_broken;
        is_due && files.snapshot(|| ledger.now(), |snapshot| ledger.write_all(snapshot)).is_ok()
    }
}

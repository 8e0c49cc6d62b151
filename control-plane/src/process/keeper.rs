//! The thread that looks after the files of the state: once a second what was written becomes
//! durable, now and then there is a snapshot, and the last one when the process stops.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use prometheus::{IntCounter, IntGauge, Registry};
use tracing::{error, info, warn};

use crate::{
    health::{Health, Part},
    ledger::Ledger,
    store::state::{Condition, StateError, StateFiles},
};

/// What a power failure can take is what happened in this time.
const INTERVAL: Duration = Duration::from_secs(1);

/// What became of the journal, for Prometheus; 0 where there is none.
#[derive(Clone, Debug)]
pub(super) struct JournalMetrics {
    unwritten: IntCounter,
    writing: IntGauge,
}

/// Looks after the files until it is stopped.
#[derive(Debug)]
pub(super) struct Keeper {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

struct Rounds {
    files: Arc<StateFiles>,
    ledger: Arc<Ledger>,
    health: Health,
    metrics: JournalMetrics,
    /// Whether the log has a warning that the journal is broken.
    has_told: bool,
    /// The snapshot that is being written, beside the syncs.
    snapshot: Option<JoinHandle<Result<(), StateError>>>,
    /// Whether the snapshot before could not be written.
    snapshot_failed: bool,
}

impl JournalMetrics {
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let unwritten = IntCounter::new(
            "flowguard_journal_unwritten_total",
            "Entries of the journal that could not be written: what a kill would forget.",
        )?;
        let writing = IntGauge::new(
            "flowguard_journal_writing",
            "Whether what is decided is written down: 1, or 0 while the disk fails and with DATA_DIR=memory.",
        )?;
        registry.register(Box::new(unwritten.clone()))?;
        registry.register(Box::new(writing.clone()))?;
        Ok(Self { unwritten, writing })
    }
}

impl Keeper {
    pub(super) fn start(
        files: Arc<StateFiles>,
        ledger: Arc<Ledger>,
        health: Health,
        metrics: JournalMetrics,
    ) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let mut rounds = Rounds {
            files,
            ledger,
            health,
            metrics,
            has_told: false,
            snapshot: None,
            snapshot_failed: false,
        };
        let thread = thread::Builder::new().name("journal".to_owned()).spawn(move || {
            loop {
                rounds.tell();
                match stopped.recv_timeout(INTERVAL) {
                    Err(RecvTimeoutError::Timeout) => rounds.go(),
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
                }
            }
            rounds.last();
        })?;
        Ok(Self { stop, thread })
    }

    /// Writes the last snapshot. Nothing must be decided any more.
    pub(super) fn stop(self) {
        // Should the thread have ended by itself, there is nobody to tell.
        let _ = self.stop.send(());
        if self.thread.join().is_err() {
            error!("the thread that looks after the journal panicked");
        }
    }
}

impl Rounds {
    fn go(&mut self) {
        // What waits for no answer is written here.
        self.ledger.commit();
        self.files.sync();
        self.snapshot = match self.snapshot.take() {
            Some(written) if written.is_finished() => {
                self.tell_snapshot(&joined(written));
                None
            }
            writing => writing,
        };
        if self.snapshot.is_none() && (self.files.is_outgrown() || self.is_broken()) {
            self.begin_snapshot();
        }
    }

    fn last(&mut self) {
        if let Some(writing) = self.snapshot.take() {
            self.tell_snapshot(&joined(writing));
        }
        self.ledger.commit();
        if self.files.has_changed() || self.is_broken() {
            if let Err(error) = write_snapshot(&self.files, &self.ledger) {
                error!("the last snapshot of balances was not written: {error}");
            }
            self.tell();
        }
    }

    /// On a thread of its own: what is decided meanwhile is synced as ever.
    fn begin_snapshot(&mut self) {
        let (files, ledger) = (Arc::clone(&self.files), Arc::clone(&self.ledger));
        let thread = thread::Builder::new().name("snapshot".to_owned());
        match thread.spawn(move || write_snapshot(&files, &ledger)) {
            Ok(writing) => self.snapshot = Some(writing),
            Err(error) => self.tell_snapshot(&Err(format!("there is no thread for it: {error}"))),
        }
    }

    /// Tells once that no snapshot can be written; that the journal cannot be says more.
    fn tell_snapshot(&mut self, written: &Result<(), String>) {
        if let Err(error) = written
            && !self.snapshot_failed
            && !self.has_told
        {
            warn!("no snapshot of balances was written: {error}; trying again every second");
        }
        self.snapshot_failed = written.is_err();
    }

    fn is_broken(&self) -> bool {
        matches!(self.files.status().condition, Condition::Broken { .. })
    }

    /// Tells once that the journal cannot be written, and once that it can be again.
    fn tell(&mut self) {
        let status = self.files.status();
        let counted = self.metrics.unwritten.get();
        self.metrics.unwritten.inc_by(status.unwritten.saturating_sub(counted));
        match status.condition {
            Condition::Broken { cause, .. } => {
                if !self.has_told {
                    warn!(
                        "balances are not written down any more, and a kill would forget what is \
                         charged from now on: {cause}; trying again every second"
                    );
                }
                self.has_told = true;
                self.health
                    .degrade(Part::Journal, format!("balances are not written down: {cause}"));
                self.metrics.writing.set(0);
            }
            Condition::Writing => {
                if self.has_told {
                    info!("balances are written down again");
                }
                self.has_told = false;
                self.health.recover(Part::Journal);
                self.metrics.writing.set(1);
            }
        }
    }
}

fn write_snapshot(files: &StateFiles, ledger: &Ledger) -> Result<(), StateError> {
    files.snapshot(|| ledger.now(), |snapshot| ledger.write_all(snapshot))
}

fn joined(writing: JoinHandle<Result<(), StateError>>) -> Result<(), String> {
    let written = writing.join().map_err(|_| "its thread panicked".to_owned())?;
    written.map_err(|error| error.to_string())
}

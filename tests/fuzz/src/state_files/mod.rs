//! Any bytes as the files of the state: they are read to the end, or refused in one line and left as
//! they are. What was read and is written again is the same.

mod sealed;

use std::{collections::BTreeSet, sync::Arc};

use flowguard::{
    clients::{ClientConfig, Limits},
    ledger::{Ledger, ManualClock, Policy},
    store::state::{
        self, EndedRecord, Found, OpenedRecord, Record, StateError, StateFiles,
        simulated::MemoryDisk,
    },
};
use limiter::{ClientId, PER_MINUTE_MAX, PerMinute};

use crate::world::{CLIENT, NOW};

/// Reads the files that `input` says, then goes on with them.
pub fn check(input: &[u8]) {
    let disk = sealed::disk(input);
    let before = contents(&disk);
    let (mut records, mut requests) = (0, Requests::default());
    let read = state::read(&disk, |record| {
        records += 1;
        requests.apply(&record);
    });
    assert_eq!(contents(&disk), before, "reading changed a file");

    let ledger = ledger();
    match (read, open(&disk, &ledger)) {
        (Ok(read), Ok((found, files))) => {
            assert_eq!((read, read.records), (found, records));
            assert_eq!(ledger.held(), requests.0.len());
            check_written_again(&disk, &ledger, &files);
        }
        (Err(read), Err(error)) => {
            assert_eq!(read.to_string(), error.to_string());
            assert_eq!(error.to_string().lines().count(), 1, "{error}");
            assert_eq!(contents(&disk), before, "{error}");
        }
        (read, opened) => panic!("read {read:?}, opened {opened:?}"),
    }
}

/// The requests that have not ended, each with its worker.
#[derive(Default)]
struct Requests(BTreeSet<(u128, u32)>);

impl Requests {
    fn apply(&mut self, record: &Record<'_>) {
        match record {
            Record::Opened(OpenedRecord { worker, id, client, reserved, .. }) => {
                let is_of_somebody = [CLIENT, ClientId::UNKNOWN].contains(client);
                if is_of_somebody && *reserved <= PER_MINUTE_MAX {
                    self.0.insert((*worker, *id));
                }
            }
            Record::Ended(EndedRecord { worker, id }) => {
                self.0.remove(&(*worker, *id));
            }
            _ => {}
        }
    }
}

/// A snapshot of what was read is all that the next process needs.
fn check_written_again(disk: &MemoryDisk, ledger: &Ledger, files: &StateFiles) {
    let written = files.snapshot(|| NOW, |snapshot| ledger.write_all(snapshot));
    written.expect("the disk has room");
    let again = self::ledger();
    open(disk, &again).expect("what was written can be read");
    let (told, told_again) = (told(ledger), told(&again));
    assert_eq!(told, told_again);
    assert_eq!(ledger.held(), again.held());
}

fn told(ledger: &Ledger) -> String {
    let client = ledger.snapshot(CLIENT).expect("the client is configured");
    let figures = client.record.over_all_processes();
    format!("{:?} {figures:?} {:?}", client.standing, client.record.learned_estimate)
}

fn ledger() -> Ledger {
    let ledger = Ledger::new(Policy::default(), ManualClock::at(NOW));
    let limits = Limits { rpm: PerMinute::new(60).ok(), tpm: PerMinute::new(1_000).ok() };
    let id = ClientId::try_from(CLIENT).expect("an id");
    ledger.configure(&ClientConfig::new(id, limits));
    ledger
}

fn open(disk: &MemoryDisk, ledger: &Ledger) -> Result<(Found, Arc<StateFiles>), StateError> {
    let disk = Arc::new(disk.clone());
    let (files, found) = StateFiles::open(disk, |record| ledger.restore(&record))?;
    let files = Arc::new(files);
    ledger.go_on(found.last, Arc::clone(&files));
    Ok((found, files))
}

fn contents(disk: &MemoryDisk) -> Vec<Option<Vec<u8>>> {
    sealed::NAMES.iter().map(|name| disk.content(name)).collect()
}

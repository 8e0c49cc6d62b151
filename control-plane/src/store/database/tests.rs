//! The tables, on a disk that fails.

use std::{
    fs::File,
    io::{self, ErrorKind},
    os::unix::fs::FileExt as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use limiter::{ClientId, PerMinute};
use redb::StorageBackend;

use super::*;
use crate::{
    clients::{ClientConfig, Limits},
    limits::{Each, Limit, LimitMode, LimitName, Match, Measure},
};

/// A disk that is full after so many more changes.
#[derive(Clone, Debug)]
struct Disk {
    file: Arc<File>,
    changes_left: Arc<AtomicU64>,
    last_change: LastChange,
}

/// What becomes of the change that is told to have failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LastChange {
    NotMade,
    MadeAllTheSame,
}

impl Disk {
    fn new(last_change: LastChange) -> Self {
        let file = Arc::new(tempfile::tempfile().unwrap());
        Self { file, changes_left: Arc::new(AtomicU64::new(u64::MAX)), last_change }
    }

    fn is_full_after(&self, changes: u64) {
        self.changes_left.store(changes, Ordering::Relaxed);
    }

    fn has_room(&self) {
        self.is_full_after(u64::MAX);
    }

    fn change(&self, change: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let one_less = |left: u64| left.checked_sub(1);
        let ordering = Ordering::Relaxed;
        if self.changes_left.fetch_update(ordering, ordering, one_less).is_ok() {
            return change();
        }
        if self.last_change == LastChange::MadeAllTheSame {
            change()?;
        }
        Err(ErrorKind::StorageFull.into())
    }

    fn database(&self) -> ConfigDatabase {
        let disk = self.clone();
        let open = move || Database::builder().create_with_backend(disk.clone());
        ConfigDatabase::new(Box::new(open)).unwrap()
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(out, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(|| self.file.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.change(|| Ok(()))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(|| self.file.write_all_at(data, offset))
    }
}

fn config(id: &str, rpm: u64) -> ClientConfig {
    let limits = Limits { rpm: PerMinute::new(rpm).ok(), tpm: None };
    let id = ClientId::try_from(id).unwrap();
    ClientConfig::new(id, limits)
}

fn limit(name: &str) -> Limit {
    Limit {
        name: LimitName::try_from(name).unwrap(),
        matches: Match::default(),
        each: Each::default(),
        measure: Measure::Requests(PerMinute::new(1).unwrap().into()),
        mode: LimitMode::Enforce,
        trial: None,
    }
}

fn put(database: &mut ConfigDatabase, config: &ClientConfig) -> Result<Revision, StoreError> {
    database.write(&[Edit::PutClient(config.clone())])
}

fn stored(database: &mut ConfigDatabase) -> Vec<(String, u64)> {
    let configs = database.read().unwrap().clients.into_iter();
    configs.map(|(config, _)| (config.id.to_string(), config.limits.rpm.unwrap().get())).collect()
}

/// Two writes fail, each after so many changes of the disk; `false`: one of them did not.
fn check_two_failures(last_change: LastChange, first: u64, second: u64) -> bool {
    let disk = Disk::new(last_change);
    create(&Database::builder().create_with_backend(disk.clone()).unwrap(), &Contents::default())
        .unwrap();
    let mut database = disk.database();
    put(&mut database, &config("a", 1)).unwrap();
    let newest = put(&mut database, &config("b", 1)).unwrap();

    // What is written twice in one write, too, is as it was before it.
    let edits = [
        Edit::PutClient(config("a", 2)),
        Edit::RemoveClient(config("b", 1).id),
        Edit::PutClient(config("a", 4)),
        Edit::PutLimit(limit("new")),
    ];
    disk.is_full_after(first);
    let Err(error) = database.write(&edits) else { return false };
    assert!(matches!(error, StoreError::Full(_)), "{error}");
    disk.is_full_after(second);
    let Err(error) = database.write(&[Edit::RemoveClient(config("b", 1).id)]) else {
        return false;
    };
    assert!(matches!(error, StoreError::Full(_)), "{error}");

    disk.has_room();
    assert!(put(&mut database, &config("c", 3)).unwrap() > newest);
    let expected = [("a".to_owned(), 1), ("b".to_owned(), 1), ("c".to_owned(), 3)];
    assert_eq!(stored(&mut database), expected, "{last_change:?} {first} {second}");
    assert_eq!(database.read().unwrap().limits, []);
    drop(database);
    assert_eq!(stored(&mut disk.database()), expected, "{last_change:?} {first} {second}");
    true
}

#[test]
fn of_a_write_that_failed_nothing_is_left_wherever_the_disk_was_full() {
    for last_change in [LastChange::NotMade, LastChange::MadeAllTheSame] {
        let firsts = (0..).take_while(|&first| check_two_failures(last_change, first, 0));
        let firsts: Vec<_> = firsts.collect();
        assert!(firsts.len() > 3, "a write changes the disk {} times", firsts.len());
        // The last changes are those that decide whether a write is there.
        for first in firsts.into_iter().rev().take(4) {
            let seconds =
                (0..).take_while(|&second| check_two_failures(last_change, first, second));
            assert!(seconds.count() > 3);
        }
    }
}

#[test]
fn a_client_that_is_written_again_and_again_does_not_fill_the_disk() {
    let disk = Disk::new(LastChange::NotMade);
    create(&Database::builder().create_with_backend(disk.clone()).unwrap(), &Contents::default())
        .unwrap();
    let mut database = disk.database();
    for rpm in 1..=500 {
        put(&mut database, &config("a", rpm)).unwrap();
    }
    let bytes = disk.len().unwrap();
    assert!(bytes <= 2 << 20, "{bytes} bytes");
}

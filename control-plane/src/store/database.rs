//! The tables of the file: read whole, and written one client at a time.

use limiter::ClientId;
use redb::{
    Database, DatabaseError, ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _,
    TableDefinition,
};

use super::{Contents, StoreError, data_dir::is_full, unreadable::Unreadable, value};
use crate::clients::{ClientConfig, Revision};

/// Configurations by the bytes of their clients' ids.
const CLIENTS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("clients");

const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
/// The format of the newest value that the tables may hold.
const FORMAT: &str = "format";
/// The revision of the last write.
const NEWEST: &str = "newest";

/// Makes the tables, with what is in them from the first write on.
pub(super) fn create(database: &Database, contents: &Contents) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    {
        let mut clients = transaction.open_table(CLIENTS)?;
        for (config, revision) in &contents.configs {
            let (id, value) = (config.id.as_str().as_bytes(), value::encode(config, *revision));
            clients.insert(id, value.as_slice())?;
        }
        let mut meta = transaction.open_table(META)?;
        meta.insert(FORMAT, u64::from(value::FORMAT))?;
        meta.insert(NEWEST, contents.newest.get())?;
    }
    Ok(transaction.commit()?)
}

/// Everything that is in the tables.
pub(super) fn read(database: &Database) -> Result<Contents, Unreadable> {
    let transaction = database.begin_read()?;
    let meta = transaction.open_table(META)?;
    let number = |name| match meta.get(name) {
        Ok(Some(number)) => Ok(number.value()),
        Ok(None) => Err(Unreadable::damaged(format!("it does not tell its {name}"))),
        Err(error) => Err(error.into()),
    };
    match number(FORMAT)? {
        format if format == u64::from(value::FORMAT) => {}
        format if format > value::FORMAT.into() => return Err(Unreadable::Newer(format)),
        format => return Err(Unreadable::damaged(format!("there is no format {format}"))),
    }
    let newest = Revision::new(number(NEWEST)?);
    let clients = transaction.open_table(CLIENTS)?;
    let mut configs = Vec::new();
    for client in clients.iter()? {
        let (id, bytes) = client?;
        let (config, revision) = value::decode(id.value(), bytes.value())?;
        if revision > newest {
            return Err(Unreadable::damaged("a client is of a revision that never was"));
        }
        configs.push((config, revision));
    }
    if u64::try_from(configs.len()) != Ok(clients.len()?) {
        return Err(Unreadable::damaged("clients are missing"));
    }
    Ok(Contents { configs, newest })
}

/// How the database is opened, each time that it is needed.
pub(super) type Open = Box<dyn Fn() -> Result<Database, DatabaseError> + Send>;

/// The database of a process, which alone writes to it.
pub(super) struct ConfigDatabase {
    open: Open,
    /// `None` after a write that failed: redb refuses every further one until it is opened anew.
    database: Option<Database>,
    /// The last write that was begun.
    begun: Revision,
    /// Writes that failed and may be in the file all the same: at most one that is known to be there
    /// and the one after it. Their callers were told that they are not in force, so the next write
    /// undoes them.
    in_doubt: Vec<Failed>,
}

/// A write that was told to have failed.
struct Failed {
    revision: Revision,
    client: ClientId,
    before: Option<Vec<u8>>,
}

impl ConfigDatabase {
    pub(super) fn new(open: Open) -> Result<Self, redb::Error> {
        let database = open()?;
        let begun = newest(&database)?;
        Ok(Self { open, database: Some(database), begun, in_doubt: Vec::new() })
    }

    pub(super) fn read(&mut self) -> Result<Contents, StoreError> {
        let database = self.take().map_err(failure)?;
        let contents = read(&database).map_err(|unreadable| match unreadable {
            Unreadable::Newer(format) => StoreError::Unavailable(format!("format {format}").into()),
            Unreadable::Damaged(cause) => StoreError::Unavailable(cause.into()),
        })?;
        self.database = Some(database);
        Ok(contents)
    }

    /// Stores or, without a configuration, removes a client; in the same transaction it undoes what
    /// writes before it may have left that failed.
    pub(super) fn write(
        &mut self,
        client: &ClientId,
        config: Option<&ClientConfig>,
    ) -> Result<Revision, StoreError> {
        self.try_write(client, config).map_err(failure)
    }

    fn try_write(
        &mut self,
        client: &ClientId,
        config: Option<&ClientConfig>,
    ) -> Result<Revision, redb::Error> {
        let database = self.take()?;
        // Never the number of a write that failed, by which it is known whether that is there.
        let revision = Revision::new(self.begun.get() + 1);
        self.begun = revision;
        let mut transaction = database.begin_write()?;
        transaction.set_quick_repair(true);
        {
            let mut clients = transaction.open_table(CLIENTS)?;
            for Failed { client, before, .. } in &self.in_doubt {
                let key = client.as_str().as_bytes();
                match before {
                    Some(before) => clients.insert(key, before.as_slice())?,
                    None => clients.remove(key)?,
                };
            }
            let key = client.as_str().as_bytes();
            let before = match config {
                Some(config) => clients.insert(key, value::encode(config, revision).as_slice())?,
                None => clients.remove(key)?,
            };
            let before = before.map(|before| before.value().to_vec());
            self.in_doubt.push(Failed { revision, client: client.clone(), before });
            transaction.open_table(META)?.insert(NEWEST, revision.get())?;
        }
        transaction.commit()?;
        self.in_doubt.clear();
        self.database = Some(database);
        Ok(revision)
    }

    /// The database, to be put back where all went well.
    fn take(&mut self) -> Result<Database, redb::Error> {
        if let Some(database) = self.database.take() {
            return Ok(database);
        }
        let database = (self.open)()?;
        let newest = newest(&database)?;
        self.in_doubt.retain(|failed| failed.revision == newest);
        Ok(database)
    }
}

fn newest(database: &Database) -> Result<Revision, redb::Error> {
    let newest = database.begin_read()?.open_table(META)?.get(NEWEST)?;
    Ok(newest.map_or(Revision::NONE, |newest| Revision::new(newest.value())))
}

/// What redb's error is to whoever writes.
fn failure(error: redb::Error) -> StoreError {
    match error {
        redb::Error::Io(error) if is_full(&error) => StoreError::Full(error),
        other => StoreError::Unavailable(Box::new(other)),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        io::{self, ErrorKind},
        os::unix::fs::FileExt as _,
        sync::{
            Arc,
            atomic::{AtomicU64, Ordering},
        },
    };

    use limiter::PerMinute;
    use redb::StorageBackend;

    use super::*;
    use crate::clients::Limits;

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

    fn put(database: &mut ConfigDatabase, config: &ClientConfig) -> Result<Revision, StoreError> {
        database.write(&config.id, Some(config))
    }

    fn stored(database: &mut ConfigDatabase) -> Vec<(String, u64)> {
        let configs = database.read().unwrap().configs.into_iter();
        configs
            .map(|(config, _)| (config.id.to_string(), config.limits.rpm.unwrap().get()))
            .collect()
    }

    /// Two writes fail, each after so many changes of the disk; `false`: one of them did not.
    fn check_two_failures(last_change: LastChange, first: u64, second: u64) -> bool {
        let disk = Disk::new(last_change);
        create(
            &Database::builder().create_with_backend(disk.clone()).unwrap(),
            &Contents::default(),
        )
        .unwrap();
        let mut database = disk.database();
        put(&mut database, &config("a", 1)).unwrap();
        let newest = put(&mut database, &config("b", 1)).unwrap();

        disk.is_full_after(first);
        let Err(error) = put(&mut database, &config("a", 2)) else { return false };
        assert!(matches!(error, StoreError::Full(_)), "{error}");
        disk.is_full_after(second);
        let Err(error) = database.write(&config("b", 1).id, None) else { return false };
        assert!(matches!(error, StoreError::Full(_)), "{error}");

        disk.has_room();
        assert!(put(&mut database, &config("c", 3)).unwrap() > newest);
        let expected = [("a".to_owned(), 1), ("b".to_owned(), 1), ("c".to_owned(), 3)];
        assert_eq!(stored(&mut database), expected, "{last_change:?} {first} {second}");
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
        create(
            &Database::builder().create_with_backend(disk.clone()).unwrap(),
            &Contents::default(),
        )
        .unwrap();
        let mut database = disk.database();
        for rpm in 1..=500 {
            put(&mut database, &config("a", rpm)).unwrap();
        }
        let bytes = disk.len().unwrap();
        assert!(bytes <= 2 << 20, "{bytes} bytes");
    }
}

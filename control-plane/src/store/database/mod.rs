//! The tables of the file: read whole, and written a few rows at a time.

#[cfg(test)]
mod tests;

use redb::{
    Database, DatabaseError, ReadTransaction, ReadableDatabase as _, ReadableTable as _,
    ReadableTableMetadata as _, Table, TableDefinition, WriteTransaction,
};

use super::{
    Contents, Edit, StoreError,
    data_dir::is_full,
    unreadable::Unreadable,
    value::{self, Kind, Row},
};
use crate::clients::Revision;

/// What is configured, by the bytes of its name: a table for each kind.
type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;
const CLIENTS: Definition = TableDefinition::new("clients");
const LIMITS: Definition = TableDefinition::new("limits");
const MODELS: Definition = TableDefinition::new("models");
const KEYS: Definition = TableDefinition::new("keys");
const TOKENS: Definition = TableDefinition::new("tokens");

/// The format from which on there are tables besides that of the clients.
const FORMAT_WITH_LIMITS: u64 = 2;

/// The format from which on there are those of keys and tokens.
const FORMAT_WITH_KEYS: u64 = 3;

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
        let mut tables = Tables::open(&transaction)?;
        for (client, revision) in &contents.clients {
            tables.write(&Row::of_client(client, *revision))?;
        }
        for (limit, revision) in &contents.limits {
            tables.write(&Row::of_limit(limit, *revision))?;
        }
        for ((name, patterns), revision) in &contents.models {
            tables.write(&Row::of_model(name, patterns, *revision))?;
        }
        for (key, revision) in &contents.keys {
            tables.write(&Row::of_key(key, *revision))?;
        }
        for (token, revision) in &contents.tokens {
            tables.write(&Row::of_token(token, *revision))?;
        }
        tables.has_written(contents.newest)?;
    }
    Ok(transaction.commit()?)
}

/// What was read of a file.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) format: u64,
    pub(super) contents: Contents,
}

/// Everything that is in the tables.
pub(super) fn read(database: &Database) -> Result<Read, Unreadable> {
    let transaction = database.begin_read()?;
    let meta = transaction.open_table(META)?;
    let number = |name| match meta.get(name) {
        Ok(Some(number)) => Ok(number.value()),
        Ok(None) => Err(Unreadable::damaged(format!("it does not tell its {name}"))),
        Err(error) => Err(error.into()),
    };
    let newest_format = u64::from(value::FORMAT);
    let format = match number(FORMAT)? {
        format if (1..=newest_format).contains(&format) => format,
        format if format > newest_format => return Err(Unreadable::Newer(format)),
        format => return Err(Unreadable::damaged(format!("there is no format {format}"))),
    };
    let newest = Revision::new(number(NEWEST)?);
    let mut contents = Contents { newest, ..Contents::default() };
    contents.clients = read_table(&transaction, CLIENTS, newest, value::client)?;
    if format >= FORMAT_WITH_LIMITS {
        contents.limits = read_table(&transaction, LIMITS, newest, value::limit)?;
        contents.models = read_table(&transaction, MODELS, newest, value::model)?;
    }
    if format >= FORMAT_WITH_KEYS {
        contents.keys = read_table(&transaction, KEYS, newest, value::key)?;
        contents.tokens = read_table(&transaction, TOKENS, newest, value::token)?;
    }
    Ok(Read { format, contents })
}

fn read_table<T>(
    transaction: &ReadTransaction,
    definition: Definition,
    newest: Revision,
    decode: impl Fn(&[u8], &[u8]) -> Result<(T, Revision), Unreadable>,
) -> Result<Vec<(T, Revision)>, Unreadable> {
    let table = transaction.open_table(definition)?;
    let mut read = Vec::new();
    for row in table.iter()? {
        let (key, value) = row?;
        let (decoded, revision) = decode(key.value(), value.value())?;
        if revision > newest {
            return Err(Unreadable::damaged("something is of a revision that never was"));
        }
        read.push((decoded, revision));
    }
    if u64::try_from(read.len()) != Ok(table.len()?) {
        return Err(Unreadable::damaged("something is missing"));
    }
    Ok(read)
}

/// The tables while they are written.
struct Tables<'a> {
    clients: Table<'a, &'static [u8], &'static [u8]>,
    limits: Table<'a, &'static [u8], &'static [u8]>,
    models: Table<'a, &'static [u8], &'static [u8]>,
    keys: Table<'a, &'static [u8], &'static [u8]>,
    tokens: Table<'a, &'static [u8], &'static [u8]>,
    meta: Table<'a, &'static str, u64>,
}

impl<'a> Tables<'a> {
    /// Makes those that are not there.
    fn open(transaction: &'a WriteTransaction) -> Result<Self, redb::Error> {
        Ok(Self {
            clients: transaction.open_table(CLIENTS)?,
            limits: transaction.open_table(LIMITS)?,
            models: transaction.open_table(MODELS)?,
            keys: transaction.open_table(KEYS)?,
            tokens: transaction.open_table(TOKENS)?,
            meta: transaction.open_table(META)?,
        })
    }

    /// Tells the row as it was before.
    fn write(&mut self, row: &Row) -> Result<Row, redb::Error> {
        let table = match row.kind {
            Kind::Client => &mut self.clients,
            Kind::Limit => &mut self.limits,
            Kind::Model => &mut self.models,
            Kind::Key => &mut self.keys,
            Kind::Token => &mut self.tokens,
        };
        let key = row.key.as_slice();
        let before = match &row.value {
            Some(value) => table.insert(key, value.as_slice())?,
            None => table.remove(key)?,
        };
        let value = before.map(|before| before.value().to_vec());
        Ok(Row { kind: row.kind, key: row.key.clone(), value })
    }

    /// Says which write this was, and in which format.
    fn has_written(&mut self, revision: Revision) -> Result<(), redb::Error> {
        self.meta.insert(FORMAT, u64::from(value::FORMAT))?;
        self.meta.insert(NEWEST, revision.get())?;
        Ok(())
    }
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
    /// Every row that it changed, as it was before, in the order of the changes.
    before: Vec<Row>,
}

impl ConfigDatabase {
    pub(super) fn new(open: Open) -> Result<Self, redb::Error> {
        let database = open()?;
        let begun = newest(&database)?;
        Ok(Self { open, database: Some(database), begun, in_doubt: Vec::new() })
    }

    pub(super) fn read(&mut self) -> Result<Contents, StoreError> {
        let database = self.take().map_err(failure)?;
        let read = read(&database).map_err(|unreadable| match unreadable {
            Unreadable::Newer(format) => StoreError::Unavailable(format!("format {format}").into()),
            Unreadable::Damaged(cause) => StoreError::Unavailable(cause.into()),
        })?;
        self.database = Some(database);
        Ok(read.contents)
    }

    /// Does all of it; in the same transaction it undoes what writes before it may have left that
    /// failed.
    pub(super) fn write(&mut self, edits: &[Edit]) -> Result<Revision, StoreError> {
        self.try_write(edits).map_err(failure)
    }

    fn try_write(&mut self, edits: &[Edit]) -> Result<Revision, redb::Error> {
        let database = self.take()?;
        // Never the number of a write that failed, by which it is known whether that is there.
        let revision = Revision::new(self.begun.get() + 1);
        self.begun = revision;
        let mut transaction = database.begin_write()?;
        transaction.set_quick_repair(true);
        {
            let mut tables = Tables::open(&transaction)?;
            for row in self.in_doubt.iter().flat_map(|failed| failed.before.iter().rev()) {
                tables.write(row)?;
            }
            self.in_doubt.push(Failed { revision, before: Vec::new() });
            for edit in edits {
                let before = tables.write(&Row::of(edit, revision))?;
                if let Some(this) = self.in_doubt.last_mut() {
                    this.before.push(before);
                }
            }
            tables.has_written(revision)?;
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

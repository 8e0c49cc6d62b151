//! Configuration in a file: what was acknowledged is there whatever dies.

use std::{
    fmt,
    fs::{self, File},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use parking_lot::Mutex;
use redb::{Builder, Database, backends::FileBackend};
use tokio::task;

use super::{
    ConfigStore, Contents, DataFolder, Edit, NewerFormat, OpenError, StoreError,
    data_dir::{owners_file, unusable},
    database::{self, ConfigDatabase, Open, Read},
    rehearsal::Rehearsal,
    unreadable::Unreadable,
    value,
};
use crate::clients::Revision;

const FILE: &str = "configuration.redb";

/// What a file is called until it is whole.
const UNFINISHED_FILE: &str = "configuration.redb.new";

/// Pages of the file that are kept in memory. Reads are for the start alone, and a write touches a
/// few pages.
const CACHE_BYTES_MAX: usize = 16 << 20;

/// What is in the file of a [`DataFolder`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// The file.
    pub file: PathBuf,
    /// Its format.
    pub format: u64,
    /// What it holds.
    pub contents: Contents,
}

/// Keeps configurations in a file of a [`DataFolder`].
pub struct RedbStore(Arc<Mutex<ConfigDatabase>>);

impl RedbStore {
    /// Opens the folder's file, and makes it where it is missing.
    ///
    /// A file that is damaged or comes from a later version stays what it is.
    pub async fn open(folder: &DataFolder) -> Result<Self, OpenError> {
        work_on(folder, open).await
    }

    /// Reads the folder's file, and changes nothing. `None`: there is none.
    pub async fn read(folder: &DataFolder) -> Result<Option<Configuration>, OpenError> {
        work_on(folder, read).await
    }

    /// Makes the folder's file, which is not there yet, with all of this in it or not at all.
    pub async fn create(folder: &DataFolder, contents: Contents) -> Result<(), OpenError> {
        work_on(folder, move |folder| {
            create(folder, &contents).map_err(|error| unusable(folder, error))
        })
        .await
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut ConfigDatabase) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let database = Arc::clone(&self.0);
        let worked = task::spawn_blocking(move || work(&mut database.lock())).await;
        worked.unwrap_or_else(|error| Err(StoreError::Unavailable(Box::new(error))))
    }
}

#[async_trait]
impl ConfigStore for RedbStore {
    async fn load(&self) -> Result<Contents, StoreError> {
        self.with(ConfigDatabase::read).await
    }

    async fn write(&self, edits: Arc<Vec<Edit>>) -> Result<Revision, StoreError> {
        self.with(move |database| database.write(&edits)).await
    }
}

impl fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbStore").finish_non_exhaustive()
    }
}

/// Does what may take its time, with the path of `folder`.
async fn work_on<T: Send + 'static>(
    folder: &DataFolder,
    work: impl FnOnce(&Path) -> Result<T, OpenError> + Send + 'static,
) -> Result<T, OpenError> {
    let folder = folder.path().to_owned();
    let file = folder.join(FILE);
    let worked = task::spawn_blocking(move || work(&folder)).await;
    // No file is known over which redb panics, but it promises little for what it did not write.
    worked.unwrap_or_else(|_| {
        Err(OpenError::Damaged { file, cause: "its parts do not fit together".to_owned() })
    })
}

fn open(folder: &Path) -> Result<RedbStore, OpenError> {
    let file = folder.join(FILE);
    if read(folder)?.is_none() {
        create(folder, &Contents::default()).map_err(|error| unusable(folder, error))?;
    }
    let path = file.clone();
    let open: Open = Box::new(move || builder().open(&path));
    let database = ConfigDatabase::new(open).map_err(|error| match error {
        redb::Error::Io(error) => unusable(folder, error),
        redb::Error::DatabaseAlreadyOpen => OpenError::Taken { folder: folder.to_owned() },
        other => refused(&file, other.into()),
    })?;
    Ok(RedbStore(Arc::new(Mutex::new(database))))
}

fn read(folder: &Path) -> Result<Option<Configuration>, OpenError> {
    let file = folder.join(FILE);
    match File::open(&file) {
        Ok(opened) => {
            let read = rehearse(opened).map_err(|unreadable| refused(&file, unreadable))?;
            let Read { format, contents } = read;
            Ok(Some(Configuration { file, format, contents }))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            // Balances of clients that nobody knows would be forgotten.
            if has_state(folder).map_err(|error| unusable(folder, error))? {
                let cause = "it is missing beside state.*".to_owned();
                return Err(OpenError::Damaged { file, cause });
            }
            Ok(None)
        }
        Err(error) => Err(unusable(folder, error)),
    }
}

/// Whether there are balances.
fn has_state(folder: &Path) -> io::Result<bool> {
    let is_state = |name: io::Result<fs::DirEntry>| {
        name.map(|name| name.file_name().as_encoded_bytes().starts_with(b"state."))
    };
    for name in fs::read_dir(folder)?.map(is_state) {
        if name? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Opens a file for trial, and judges every page and every row of it.
fn rehearse(file: File) -> Result<Read, Unreadable> {
    let rehearsal = Rehearsal::new(file).map_err(redb::Error::from)?;
    let mut builder = builder();
    builder.set_check_integrity_on_open(true);
    let database = builder.create_with_backend(rehearsal)?;
    database::read(&database)
}

/// Makes the file under another name first: it is there whole or not at all.
fn create(folder: &Path, contents: &Contents) -> io::Result<()> {
    let unfinished = folder.join(UNFINISHED_FILE);
    let file = owners_file(&unfinished)?;
    file.set_len(0)?;
    let made = FileBackend::new(file)
        .and_then(|file| builder().create_with_backend(file))
        .map_err(redb::Error::from)
        .and_then(|database| database::create(&database, contents));
    made.map_err(|error| match error {
        redb::Error::Io(error) => error,
        other => io::Error::other(other),
    })?;
    fs::rename(&unfinished, folder.join(FILE))?;
    // Without this a power failure may take the name away again.
    File::open(folder)?.sync_all()
}

fn builder() -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES_MAX);
    builder
}

fn refused(file: &Path, unreadable: Unreadable) -> OpenError {
    let file = PathBuf::from(file);
    match unreadable {
        Unreadable::Newer(format) => {
            NewerFormat { file, format, known: value::FORMAT.into() }.into()
        }
        Unreadable::Damaged(cause) => OpenError::Damaged { file, cause },
    }
}

//! `flowguard data import`: makes a folder of a backup.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufReader},
    path::{Path, PathBuf},
    sync::Arc,
};

use limiter::ClientId;

use super::{DataError, Place, Restored, read};
use crate::{
    backup::Counts,
    clients::Revision,
    config_file::Loaded,
    credentials::{ClientKey, Token},
    excerpt::path_in_one_line,
    operator::Wanted,
    store::{
        Contents, NewFolder, RedbStore,
        state::{FolderDisk, StateFiles},
    },
};

/// All that is in the folder comes from one write.
const IMPORTED: Revision = Revision::new(1);

/// How many clients are read at a time.
const CLIENTS_AT_A_TIME: usize = 1_024;

/// Where a backup is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// From what is handed to the process.
    Stdin,
    /// From a file.
    File(PathBuf),
}

/// Makes a folder of a backup: all of it, or nothing. A control plane that starts with it goes on as
/// if it had been down since.
pub async fn import(source: &Source, place: &Place) -> Result<Counts, DataError> {
    NewFolder::refuse_used(&place.folder)?;
    let file = place.config_file.clone().map(Loaded::read).transpose()?;
    let restored = read_source(source)?;
    let of_file = file.map(|file| Wanted::from(file.document().clone())).unwrap_or_default();
    let contents = stored(&restored, &of_file);

    let new = NewFolder::begin(&place.folder)?;
    let disk = Arc::new(FolderDisk::new(new.folder()));
    let (files, _) = StateFiles::open(disk, |_| {})?;
    files.snapshot(|| restored.at, |snapshot| restored.ledger.write_all(snapshot))?;
    drop(files);
    RedbStore::create(new.folder(), contents).await?;
    new.finish()?;
    Ok(restored.counts)
}

/// What is to be stored: what the file of clients names is there at the start as well.
fn stored(restored: &Restored, of_file: &Wanted) -> Contents {
    let mut contents = Contents { newest: IMPORTED, ..Contents::default() };
    let limits = restored.ledger.limits().into_iter();
    let limits = limits.filter(|limit| of_file.limits.iter().all(|of| of.name != limit.name));
    contents.limits = limits.map(|limit| (limit, IMPORTED)).collect();
    let models = restored.ledger.models().to_map().into_iter();
    let models = models.filter(|(name, _)| !of_file.models.contains_key(name));
    contents.models = models.map(|model| (model, IMPORTED)).collect();
    let tokens = restored.ledger.tokens().all().into_iter().map(|(token, _)| token);
    let is_stored = |token: &Token| {
        of_file.tokens.as_ref().is_none_or(|tokens| !tokens.contains_key(&token.public))
    };
    contents.tokens = tokens.filter(is_stored).map(|token| (token, IMPORTED)).collect();
    let mut next = 0;
    let mut keep = |key: &ClientKey| {
        if of_file.keys.as_ref().is_none_or(|keys| !keys.contains_key(&key.public)) {
            contents.keys.push((key.clone(), IMPORTED));
        }
    };
    while restored.ledger.keys().some(&mut next, CLIENTS_AT_A_TIME, &mut keep) {}

    let of_file: HashSet<&ClientId> = of_file.clients.iter().map(|config| &config.id).collect();
    let mut after = None;
    loop {
        let configs = restored.ledger.configs_after(after.as_ref(), CLIENTS_AT_A_TIME);
        let Some(last) = configs.last() else { return contents };
        after = Some(last.id.clone());
        let configs = configs.into_iter().filter(|config| !of_file.contains(&config.id));
        contents.clients.extend(configs.map(|config| (config, IMPORTED)));
    }
}

pub(super) fn read_source(source: &Source) -> Result<Restored, DataError> {
    match source {
        Source::Stdin => Ok(read("stdin", io::stdin().lock())?),
        Source::File(path) => {
            let file =
                open(path).map_err(|error| DataError::Unreadable { file: path.clone(), error })?;
            Ok(read(&path_in_one_line(path), BufReader::new(file))?)
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    // It can be opened like a file, and not be read like one.
    if file.metadata()?.is_dir() { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(file) }
}

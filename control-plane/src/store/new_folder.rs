//! A folder that is filled by something else than a server: there whole, or not at all.

use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    path::{self, Path, PathBuf},
};

use super::{
    DataFolder, OpenError,
    data_dir::{LOCK_FILE, UNFINISHED_FILE, owners_file, unusable},
};

/// What a disk of its own has before anybody wrote there.
const FILE_SYSTEMS_OWN: &str = "lost+found";

/// A folder that holds nothing yet. Until it is finished no server starts from it, and if it never
/// is, what was put there goes again.
#[derive(Debug)]
pub struct NewFolder {
    folder: DataFolder,
    /// Whether the folder itself goes as well.
    is_made: bool,
    is_finished: bool,
}

impl NewFolder {
    /// Refuses a folder in which there is anything.
    pub fn refuse_used(path: &Path) -> Result<(), OpenError> {
        match is_used(path) {
            Ok(false) => Ok(()),
            Ok(true) => {
                let folder = path::absolute(path).unwrap_or_else(|_| path.to_owned());
                Err(OpenError::Used { folder })
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(unusable(path, error)),
        }
    }

    /// Makes the folder, for its owner only, or takes an empty one, and locks it.
    pub fn begin(path: &Path) -> Result<Self, OpenError> {
        // Before anything is made in it, and again when nobody else can.
        Self::refuse_used(path)?;
        let is_made = !path.exists();
        let folder = DataFolder::make(path)?;
        Self::refuse_used(folder.path())?;
        let new = Self { folder, is_made, is_finished: false };
        let path = new.folder.path();
        owners_file(&new.unfinished())
            .and_then(|file| file.sync_all())
            .and_then(|()| sync(path))
            .map_err(|error| unusable(path, error))?;
        Ok(new)
    }

    /// The folder, to be filled.
    pub fn folder(&self) -> &DataFolder {
        &self.folder
    }

    /// From now on a server may have it. When this answers, all that is in it is durable, if each
    /// file is.
    pub fn finish(mut self) -> Result<(), OpenError> {
        let path = self.folder.path();
        let parent = path.parent().filter(|_| self.is_made).unwrap_or(path);
        sync(path)
            .and_then(|()| sync(parent))
            .and_then(|()| fs::remove_file(self.unfinished()))
            .map_err(|error| unusable(path, error))?;
        self.is_finished = true;
        // Without it a power failure brings the mark back: the folder is refused then.
        sync(self.folder.path()).map_err(|error| unusable(self.folder.path(), error))
    }

    fn unfinished(&self) -> PathBuf {
        self.folder.path().join(UNFINISHED_FILE)
    }

    /// Removes all that is there, the mark last: whatever is left without it would be served.
    fn clear(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.folder.path())? {
            let name = entry?.file_name();
            if name != UNFINISHED_FILE && name != FILE_SYSTEMS_OWN {
                fs::remove_file(self.folder.path().join(name))?;
            }
        }
        sync(self.folder.path())?;
        match fs::remove_file(self.unfinished()) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        if self.is_made { fs::remove_dir(self.folder.path()) } else { Ok(()) }
    }
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        if !self.is_finished {
            // What cannot be removed is refused, by the mark that is left.
            let _ = self.clear();
        }
    }
}

/// Whether there is anything in a folder, but for what locks it.
fn is_used(path: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        if name != LOCK_FILE && name != FILE_SYSTEMS_OWN {
            return Ok(true);
        }
    }
    Ok(false)
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

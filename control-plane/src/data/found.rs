//! What is found in a folder: as a control plane would find it that starts with it now.

use limiter::UnixMillis;

use super::{DataError, Place, read::empty_ledger};
use crate::{
    config_file::Loaded,
    ledger::{Clock, Ledger, SystemClock},
    store::{
        Configuration, DataFolder, RedbStore,
        state::{self, FolderDisk},
    },
};

/// A folder, read to its end. Nobody else has it meanwhile, and nothing of it is changed.
pub(super) struct FoundFolder {
    pub(super) folder: DataFolder,
    /// `None`: there is no file yet.
    pub(super) configuration: Option<Configuration>,
    /// How many clients the file of clients has, where there is one.
    pub(super) owned_by_file: Option<usize>,
    pub(super) ledger: Ledger,
    pub(super) state: state::Found,
}

impl FoundFolder {
    pub(super) async fn read(place: &Place) -> Result<Self, DataError> {
        let folder = DataFolder::open_to_read(&place.folder)?;
        let file = place.config_file.clone().map(Loaded::read).transpose()?;
        let configuration = RedbStore::read(&folder).await?;
        let ledger = empty_ledger();
        for (config, _) in configuration.iter().flat_map(|found| &found.contents.clients) {
            ledger.configure(config);
        }
        let of_file = file.as_ref().map(|file| &file.document().clients);
        of_file.into_iter().flatten().for_each(|config| {
            ledger.configure(config);
        });
        let state = state::read(&FolderDisk::new(&folder), |record| ledger.restore(&record))?;
        let owned_by_file = of_file.map(Vec::len);
        Ok(Self { folder, configuration, owned_by_file, ledger, state })
    }

    /// When the last of it was written; where nothing was yet, now.
    pub(super) fn at(&self) -> UnixMillis {
        self.state.last.unwrap_or_else(|| Clock::from(SystemClock::start()).now())
    }
}

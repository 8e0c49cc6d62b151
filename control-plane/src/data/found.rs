//! What is found in a folder: as a control plane would find it that starts with it now.

use std::collections::BTreeMap;

use limiter::UnixMillis;

use super::{DataError, Place, read::empty_ledger};
use crate::{
    config_file::Loaded,
    ledger::{Clock, Ledger, SystemClock},
    operator::{Wanted, put_rules_in_force},
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
        let stored = configuration.as_ref().map(|found| &found.contents);
        for (config, _) in stored.iter().flat_map(|contents| &contents.clients) {
            ledger.configure(config);
        }
        let of_file = file.map(|file| Wanted::from(file.document().clone()));
        let wanted = of_file.as_ref().into_iter();
        for config in wanted.clone().flat_map(|wanted| &wanted.clients) {
            ledger.configure(config);
        }
        let stored_keys = stored.iter().flat_map(|contents| contents.keys.iter().map(|(of, _)| of));
        let of_file_keys =
            wanted.clone().flat_map(|wanted| wanted.keys.iter().flat_map(BTreeMap::values));
        stored_keys.chain(of_file_keys).for_each(|key| ledger.put_key(key.clone()));
        let tokens = stored.iter().flat_map(|contents| contents.tokens.iter().map(|(of, _)| of));
        let of_file_tokens =
            wanted.clone().flat_map(|wanted| wanted.tokens.iter().flat_map(BTreeMap::values));
        tokens.chain(of_file_tokens).for_each(|token| ledger.tokens().put(token.clone()));
        // What the file says goes before what is stored, as it does when both are served.
        let limits = stored.iter().flat_map(|contents| contents.limits.iter().map(|(of, _)| of));
        let limits = limits.chain(wanted.clone().flat_map(|wanted| &wanted.limits));
        let models = stored.iter().flat_map(|contents| contents.models.iter().map(|(of, _)| of));
        let models = models.map(|(name, patterns)| (name, patterns));
        let models = models.chain(wanted.flat_map(|wanted| &wanted.models));
        let models = models.map(|(name, patterns)| (name.clone(), patterns.clone())).collect();
        put_rules_in_force(limits.cloned(), models, &ledger)?;
        let state = state::read(&FolderDisk::new(&folder), |record| ledger.restore(&record))?;
        let owned_by_file = of_file.map(|wanted| wanted.clients.len());
        Ok(Self { folder, configuration, owned_by_file, ledger, state })
    }

    /// When the last of it was written; where nothing was yet, now.
    pub(super) fn at(&self) -> UnixMillis {
        self.state.last.unwrap_or_else(|| Clock::from(SystemClock::start()).now())
    }
}

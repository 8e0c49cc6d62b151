//! What is on the disk, and what it was told to do.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, ErrorKind},
};

use super::{Operation, file::File};

#[derive(Debug, Default)]
pub(super) struct Contents {
    /// Every file that ever was: names point to them.
    pub(super) files: Vec<File>,
    pub(super) names: BTreeMap<String, usize>,
    pub(super) durable_names: BTreeMap<String, usize>,
    /// The process that has the disk: handles of those before it are dead.
    pub(super) process: u64,
    /// Changes made so far.
    pub(super) changes: u64,
    pub(super) death: Option<Death>,
    pub(super) is_dead: bool,
    pub(super) bytes_max: Option<u64>,
    pub(super) refused: Option<Operation>,
    pub(super) syncs_wait: bool,
    pub(super) waiting_syncs: usize,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Death {
    /// The process ends in the change with this number.
    pub(super) change: u64,
    /// How much of it is made.
    pub(super) torn: u64,
}

/// How a change ends.
pub(super) enum Fate {
    Made,
    /// The process ends in it, and so much of it is made.
    Torn(u64),
}

impl Contents {
    /// How many bytes its files have.
    pub(super) fn bytes(&self) -> u64 {
        let files = self.names.values().filter_map(|file| self.files.get(*file));
        files.map(|file| length(&file.bytes)).sum()
    }

    /// Begins a change.
    pub(super) fn change(&mut self, operation: Operation) -> io::Result<Fate> {
        if self.is_dead {
            return Err(io::Error::other("the process is dead"));
        }
        self.changes += 1;
        if let Some(Death { torn, .. }) = self.death.filter(|death| death.change < self.changes) {
            self.is_dead = true;
            return Ok(Fate::Torn(torn));
        }
        if self.refused == Some(operation) {
            return Err(io::Error::other("the disk refuses it"));
        }
        Ok(Fate::Made)
    }

    /// Makes a change that is made or not.
    pub(super) fn make(
        &mut self,
        operation: Operation,
        change: impl FnOnce(&mut Self),
    ) -> io::Result<()> {
        match self.change(operation)? {
            Fate::Made => change(self),
            Fate::Torn(torn) => {
                if !torn.is_multiple_of(2) {
                    change(self);
                }
                return Err(io::Error::other("the process dies"));
            }
        }
        Ok(())
    }

    /// Forgets what no name leads to.
    pub(super) fn forget_unnamed(&mut self) {
        let named: BTreeSet<_> = self.names.values().chain(self.durable_names.values()).collect();
        for (index, file) in self.files.iter_mut().enumerate() {
            if !named.contains(&index) {
                *file = File::default();
            }
        }
    }

    pub(super) fn find(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(|| ErrorKind::NotFound.into())
    }
}

pub(super) fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

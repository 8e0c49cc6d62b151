//! Which rows there are, as far as this process knows.

use dashmap::{DashMap, DashSet};
use foldhash::fast::RandomState;

use super::row::Standing;
use crate::store::shared::Lineage;

/// What is known of all rows: of clients, limits and models their lineages, which are looked up for each
/// request; of all others, of which there can be more, that they are there.
#[derive(Debug, Default)]
pub(super) struct KnownRows {
    lineages: DashMap<Box<[u8]>, Lineage, RandomState>,
    plain: DashSet<Box<[u8]>, RandomState>,
}

impl KnownRows {
    pub(super) fn len(&self) -> usize {
        self.lineages.len() + self.plain.len()
    }

    pub(super) fn lineage(&self, name: &[u8]) -> Option<Lineage> {
        self.lineages.get(name).map(|lineage| *lineage)
    }

    pub(super) fn has(&self, name: &[u8]) -> bool {
        self.lineages.contains_key(name) || self.plain.contains(name)
    }

    /// What stands there by now.
    pub(super) fn note(&self, name: Vec<u8>, standing: Standing) {
        match standing {
            Standing::Nothing => {
                self.lineages.remove(&*name);
                self.plain.remove(&*name);
            }
            Standing::Numbered(lineage) => {
                self.lineages.insert(name.into(), lineage);
            }
            Standing::Plain => {
                self.plain.insert(name.into());
            }
        }
    }

    pub(super) fn clear(&self) {
        self.lineages.clear();
        self.plain.clear();
    }

    pub(super) fn names(&self) -> Vec<Box<[u8]>> {
        let numbered = self.lineages.iter().map(|row| row.key().clone());
        numbered.chain(self.plain.iter().map(|row| row.key().clone())).collect()
    }
}

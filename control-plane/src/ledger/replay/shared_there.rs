//! Buckets that clients share, by what they were known by then.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::{Supposed, install::put, twin::Twin};
use crate::ledger::{
    charges::Charges,
    keys::{BucketKey, SharedKey},
    past::SharedNote,
    rules::At,
    stock::Stocks,
    written::shared_name,
};

/// All that are known.
#[derive(Debug, Default)]
pub(super) struct SharedThere {
    by_then: HashMap<SharedKey, SharedKey, RandomState>,
    there: HashMap<SharedKey, There, RandomState>,
    /// How often one of them was made anew.
    pub(super) remakes: u64,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
struct There {
    then: SharedKey,
    /// How many had been made anew when it was, with it.
    remade: u64,
}

impl SharedThere {
    pub(super) fn get(&self, then: SharedKey) -> Option<SharedKey> {
        self.by_then.get(&then).copied()
    }

    /// What a request still holds that asked when so many had been made anew.
    pub(super) fn still_held(&self, mut charges: Charges, remakes: u64) -> Charges {
        if remakes < self.remakes {
            charges.beside.retain(|(key, _)| match key {
                BucketKey::Beside(..) => true,
                BucketKey::Shared(key, _) => {
                    self.there.get(key).is_none_or(|there| there.remade <= remakes)
                }
            });
        }
        charges
    }
}

impl Twin<'_> {
    /// A bucket that clients share, unless the twin has it.
    pub(super) fn install_shared(&mut self, note: &SharedNote) {
        if self.shared.by_then.contains_key(&note.key) {
            return;
        }
        let name = shared_name(&note.name);
        let Some((limit, At::Shared(key))) =
            self.ledger.rules.bucket_of(&name, &self.ledger.shared)
        else {
            return;
        };
        let is_put = match self.shared.there.get(&key) {
            // Where something is supposed, what was there at the beginning is put before anything is
            // decided, and what came later was made here too.
            None => self.is_early || matches!(self.supposed, Supposed::Nothing),
            // The first one is that of the beginning.
            Some(_) if self.is_early => return,
            Some(_) => {
                let is_remade = self.supposed.remakes(&note.name);
                self.shared.remakes += u64::from(is_remade);
                is_remade
            }
        };
        if is_put && let Some(mut books) = self.ledger.shared.books_of(key) {
            books.stocks = Stocks::default();
            put(&limit, &mut books.stocks, note.stocks);
        }
        let there = There { then: note.key, remade: self.shared.remakes };
        if let Some(before) = self.shared.there.get_mut(&key) {
            if is_put {
                // What requests hold of the one before is nobody's.
                self.shared.by_then.remove(&before.then);
                *before = there;
            }
        } else {
            self.shared.there.insert(key, There { remade: 0, ..there });
        }
        self.shared.by_then.insert(note.key, key);
    }
}

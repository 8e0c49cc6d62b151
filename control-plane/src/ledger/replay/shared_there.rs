//! Buckets that clients share, by what they were known by then.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::ledger::{
    charges::Charges,
    keys::{BucketKey, SharedKey},
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

    /// Whether the bucket here stands for one of then.
    pub(super) fn has(&self, here: SharedKey) -> bool {
        self.there.contains_key(&here)
    }

    /// The bucket here stands for this one of then. Where it was made anew for it, what requests hold of
    /// the one before is nobody's.
    pub(super) fn know(&mut self, then: SharedKey, here: SharedKey, is_made_anew: bool) {
        let there = There { then, remade: self.remakes };
        if let Some(before) = self.there.get_mut(&here) {
            if is_made_anew {
                self.by_then.remove(&before.then);
                *before = there;
            }
        } else {
            self.there.insert(here, There { remade: 0, ..there });
        }
        self.by_then.insert(then, here);
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

//! Buckets that nothing touched which is kept. They are now as they were at its beginning, and who did not
//! ask of them may do so under what is supposed.

use super::Supposed;
use crate::ledger::{
    Ledger, Unknown,
    past::{ClientNote, Kept, NotedStocks, SharedNote},
};

/// How often it is looked anew while decisions fall off the ring.
const LOOKS_MAX: usize = 4;

/// Such buckets.
#[derive(Debug, Default)]
pub(super) struct Untouched {
    /// Those that clients share.
    pub(super) shared: Vec<SharedNote>,
    /// Those of all who are not configured.
    pub(super) unknown: Option<ClientNote>,
}

/// Buckets as they stand, with the stamp of the part of the ring in which each was noted last.
struct Looked {
    shared: Vec<(u32, SharedNote)>,
    unknown: Option<(u32, ClientNote)>,
}

impl Ledger {
    /// What is kept, and what nothing of it touched; `None`: nothing ever is kept.
    ///
    /// Decisions go on while it is looked. What one of them touches meanwhile is noted in the ring as it
    /// was seen here, unless the note has fallen off again.
    pub(super) fn kept_and_untouched(&self, supposed: &Supposed) -> Option<(Kept, Untouched)> {
        if matches!(supposed, Supposed::Nothing) {
            return Some((self.past.kept()?, Untouched::default()));
        }
        for _ in 0..LOOKS_MAX {
            let stamp = self.past.stamp()?;
            let looked = self.look_at_buckets();
            let kept = self.past.kept()?;
            if kept.oldest <= stamp {
                let untouched = looked.untouched_since(kept.oldest);
                return Some((kept, untouched));
            }
        }
        let ring = self.past.lock()?;
        let (looked, kept) = (self.look_at_buckets(), ring.kept());
        drop(ring);
        let untouched = looked.untouched_since(kept.oldest);
        Some((kept, untouched))
    }

    fn look_at_buckets(&self) -> Looked {
        let mut shared = Vec::new();
        for limit in self.rules.limits() {
            for key in limit.shared_keys() {
                let Some(books) = self.shared.books_of(key) else { continue };
                if let Some(name) = books.name.clone()
                    && !books.stocks.is_empty()
                {
                    let stocks = NotedStocks::of(&books.stocks);
                    shared.push((books.noted, SharedNote { key, name, stocks }));
                }
            }
        }
        let slot = match &self.unknown {
            Unknown::Shared(unknown) => unknown.entry.slot.get(),
            Unknown::Denied(_) => None,
        };
        let unknown = slot.and_then(|slot| {
            let books = self.slots.books(slot);
            let mut note = ClientNote::of(slot, &books, None)?;
            if self.strangers.is_some() {
                // Just now they may be those of one of them.
                (note.requests, note.tokens) = (None, None);
            }
            Some((books.noted, note))
        });
        Looked { shared, unknown }
    }
}

impl Looked {
    fn untouched_since(self, oldest: u32) -> Untouched {
        let shared = self.shared.into_iter().filter(|(noted, _)| *noted < oldest);
        Untouched {
            shared: shared.map(|(_, note)| note).collect(),
            unknown: self.unknown.filter(|(noted, _)| *noted < oldest).map(|(_, note)| note),
        }
    }
}

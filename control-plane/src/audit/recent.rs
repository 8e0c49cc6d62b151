//! The newest entries, as they are read through the APIs.

use std::collections::VecDeque;

use super::{Entry, Outcome};

/// How many entries the APIs show: they are kept in memory, or in a store that several share.
pub const RECENT_MAX: usize = 10_000;

/// Which entries somebody wants to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this object alone, such as `client/acme`.
    pub object: Option<String>,
    /// Older than the one with this id.
    pub before: Option<u64>,
}

impl Filter {
    /// Whether an entry is about what is wanted, however old it is.
    pub fn is_about(&self, entry: &Entry) -> bool {
        self.object.as_ref().is_none_or(|object| entry.object.as_str() == object)
    }
}

/// Some entries, the newest first.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The entries.
    pub entries: Vec<Entry>,
    /// Below which id to go on; `None`: there are no more.
    pub next: Option<u64>,
    /// How many stand between these that this version cannot read, whatever they are about.
    pub unreadable: usize,
}

#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<Entry>);

impl Recent {
    /// Takes over a line: of something new, or of what failed after all.
    pub(super) fn take(&mut self, entry: Entry) {
        if entry.outcome == Outcome::Failed
            && let Some(first) = self.0.iter_mut().rev().find(|first| first.id == entry.id)
        {
            first.outcome = Outcome::Failed;
            return;
        }
        if self.0.len() >= RECENT_MAX {
            self.0.pop_front();
        }
        self.0.push_back(entry);
    }

    pub(super) fn last(&self) -> Option<&Entry> {
        self.0.back()
    }

    pub(super) fn page(&self, filter: &Filter, max: usize) -> Page {
        let is_older = |entry: &&Entry| filter.before.is_none_or(|before| entry.id < before);
        let is_of = |entry: &&Entry| filter.is_about(entry);
        let mut wanted = self.0.iter().rev().filter(is_older).filter(is_of);
        let entries: Vec<_> = wanted.by_ref().take(max).cloned().collect();
        let next = wanted.next().and(entries.last()).map(|last| last.id);
        Page { entries, next, unreadable: 0 }
    }
}

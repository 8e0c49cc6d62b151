//! What was decided of late, kept so that it can be told (`read`), and decided again under other limits
//! (`ledger/replay`).
//!
//! Everything that changes what is left of a limit here goes through the ledger's two doors and
//! through what operators write, and each of them notes it in the ring while it holds the ring's lock,
//! which comes before all locks of books: what stands in the ring stands in the order in which it took
//! effect. Nothing is allocated for it once the ring is full, where the same clients ask again.
//!
//! What was left of a bucket at the oldest entry is not kept by copying all of them. The ring is cut in
//! segments, and a bucket's balance is noted before its first touch in each: at the oldest entry it is
//! the oldest note that is still there, and a segment that falls off takes its notes along.

mod entry;
mod note;
mod read;
mod ring;
mod segment;

use limiter::UnixMillis;
use parking_lot::{Mutex, MutexGuard};

pub(super) use entry::{Asked, Said, WAIT_MS_MAX};
pub(super) use note::{BesideNote, ClientNote, Note, NotedConfig, NotedStocks, SharedNote};
pub use read::{
    DecisionCursor, DecisionPage, DecisionsStanding, HISTORY_MINUTES, History, HistoryPoint,
    InvalidDecisionCursor, KeptDecision, Unread,
};
pub(super) use ring::{Kept, Ring};
pub(super) use segment::Segment;

/// How many decisions are kept so that they can be decided again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecisionsKept {
    /// So many; 0: none is.
    pub max: u64,
}

impl DecisionsKept {
    /// The most there can be: some 450 MB, and 1.2 GB where most are of different clients.
    pub const MAX: u64 = 10_000_000;
}

impl Default for DecisionsKept {
    fn default() -> Self {
        Self { max: 1_000_000 }
    }
}

/// The ring, where there is one.
#[derive(Debug, Default)]
pub(super) struct Past(Option<Mutex<Ring>>);

impl Past {
    /// Keeps so many decisions, from `since` on.
    pub(super) fn keeping(kept: DecisionsKept, since: UnixMillis) -> Self {
        Self((kept.max > 0).then(|| Mutex::new(Ring::new(kept, since))))
    }

    /// Whether anything is.
    pub(super) fn is_kept(&self) -> bool {
        self.0.is_some()
    }

    /// The ring, which nobody else writes meanwhile; `None`: nothing is kept.
    pub(super) fn lock(&self) -> Option<MutexGuard<'_, Ring>> {
        self.0.as_ref().map(Mutex::lock)
    }

    /// What is kept now; `None`: nothing ever is.
    pub(super) fn kept(&self) -> Option<Kept> {
        self.lock().map(|ring| ring.kept())
    }

    /// What is touched from now on has this stamp or a later one; `None`: nothing ever is kept.
    pub(super) fn stamp(&self) -> Option<u32> {
        self.lock().map(|ring| ring.stamp())
    }
}

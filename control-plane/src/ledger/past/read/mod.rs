//! What was decided of late over one client's requests, told as it was.
//!
//! Segments that are closed are read where they are, after the lock of the ring is given back; of the one
//! that is open what happened is copied under it. Nobody who decides waits for more than that copy.

mod client_segment;
mod decisions;
mod history;

use limiter::UnixMillis;

use crate::ledger::{Ledger, Unknown, slot_key::SlotKey};

pub(super) use client_segment::ClientSegment;
pub use decisions::{DecisionCursor, DecisionPage, InvalidDecisionCursor, KeptDecision};
pub use history::{HISTORY_MINUTES, History, HistoryPoint};

/// How many decisions are kept now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecisionsStanding {
    /// So many.
    pub count: u64,
    /// About how many there can be.
    pub max: u64,
    /// From when on all of them are there.
    pub oldest: UnixMillis,
}

/// The same, and from when on any were kept, which is never the same in two processes that follow each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) count: u64,
    pub(super) max: u64,
    pub(super) since: UnixMillis,
    pub(super) oldest: UnixMillis,
}

/// Why nothing is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// No decisions are kept.
    NotKept,
    /// No such client is configured, or those that are not configured are denied.
    NoClient,
    /// The place to go on is none of this process.
    OtherProcess,
}

impl Ledger {
    /// How many decisions are kept; `None`: none ever is.
    pub fn decisions_standing(&self) -> Option<DecisionsStanding> {
        let Standing { count, max, oldest, .. } = self.past.lock()?.standing();
        Some(DecisionsStanding { count, max, oldest })
    }

    /// At most `max` of the latest decisions over requests of a client, the newest first, or of those
    /// before `cursor`. It takes some milliseconds for a million that are kept: for threads that may block.
    pub fn decisions_of(
        &self,
        client: &str,
        cursor: Option<&DecisionCursor>,
        max: usize,
    ) -> Result<DecisionPage, Unread> {
        let (standing, segments) = self.read_of(client)?;
        if cursor.is_some_and(|cursor| cursor.process != standing.since) {
            return Err(Unread::OtherProcess);
        }
        let before = cursor.map_or(u64::MAX, |cursor| cursor.number);
        Ok(DecisionPage::of(&segments, standing, before, max))
    }

    /// What became of a client's requests in the last hour, minute by minute. It takes as long.
    pub fn history_of(&self, client: &str) -> Result<History, Unread> {
        let (standing, segments) = self.read_of(client)?;
        Ok(History::of(&segments, standing.oldest, self.now()))
    }

    fn read_of(&self, client: &str) -> Result<(Standing, Vec<ClientSegment>), Unread> {
        let slot = self.slot_to_read(client)?;
        let ring = self.past.lock().ok_or(Unread::NotKept)?;
        let standing = ring.standing();
        // Who has no slot has never asked.
        Ok((standing, slot.map(|slot| ring.of_client(slot)).unwrap_or_default()))
    }

    /// The slot of a configured client, or of all who are not.
    fn slot_to_read(&self, client: &str) -> Result<Option<SlotKey>, Unread> {
        let slot = match (self.clients.get(client), &self.unknown) {
            (Some(client), _) => client.entry.slot.get(),
            (None, Unknown::Shared(unknown)) if unknown.id.as_str() == client => {
                unknown.entry.slot.get()
            }
            (None, _) => return Err(Unread::NoClient),
        };
        Ok(slot.map(|slot| self.slots.books(slot).key(slot)))
    }
}

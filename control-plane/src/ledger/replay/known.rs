//! Clients that asked, by what they were known by then.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use limiter::ClientId;

use super::report::Tally;
use crate::ledger::slot_key::SlotKey;

/// A client that asked.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// Its slot then.
    pub(super) then: SlotKey,
    pub(super) id: ClientId,
    /// Its slot here; `None`: it has none, or another slot of then is its.
    pub(super) slot: Option<SlotKey>,
    /// The place of what is counted of it.
    pub(super) tally: usize,
}

/// All of them, and what is counted.
#[derive(Debug, Default)]
pub(super) struct KnownClients {
    /// By the numbers of slots then.
    by_slot: HashMap<u32, Known, RandomState>,
    /// By its id, the place of what is counted of it, and the slot that it had last.
    by_id: HashMap<ClientId, (usize, SlotKey), RandomState>,
    pub(super) tallies: Vec<Tally>,
}

impl KnownClients {
    /// Whoever had this slot when something was asked or noted last.
    pub(super) fn in_slot(&self, number: u32) -> Option<&Known> {
        self.by_slot.get(&number)
    }

    /// The client that had this slot then, and has it still.
    pub(super) fn of(&self, then: SlotKey) -> Option<&Known> {
        self.by_slot.get(&then.number().raw()).filter(|known| known.then == then)
    }

    /// A client by the slot that it had last.
    pub(super) fn last_of(&self, id: &ClientId) -> Option<&Known> {
        let (_, then) = self.by_id.get(id)?;
        self.of(*then)
    }

    /// A client has this slot now, and all that it held in the one before.
    pub(super) fn know_also(&mut self, then: SlotKey, id: &ClientId, slot: Option<SlotKey>) {
        let Some((tally, last)) = self.by_id.get_mut(id) else { return };
        *last = then;
        let known = Known { then, id: id.clone(), slot, tally: *tally };
        self.by_slot.insert(then.number().raw(), known);
    }

    /// From now on a client has this slot.
    pub(super) fn know(&mut self, then: SlotKey, id: &ClientId, slot: Option<SlotKey>) {
        let next = self.tallies.len();
        let (tally, last) = self.by_id.entry(id.clone()).or_insert((next, then));
        let (tally, before) = (*tally, std::mem::replace(last, then));
        if tally == next {
            self.tallies.push(Tally::new(id.clone()));
        }
        // What it held then in the slot before was nobody's from then on.
        if before != then
            && let Some(known) = self.by_slot.get_mut(&before.number().raw())
            && known.then == before
        {
            known.slot = None;
        }
        self.by_slot.insert(then.number().raw(), Known { then, id: id.clone(), slot, tally });
    }
}

//! A process that the store has forgotten, since it said nothing for a day, and that is there all the same.
//!
//! What it told by then may be added up with what others told who are gone, so that it can't be taken back
//! or told again. It tells by another name what it counts from then on. What it counted and could not tell
//! is known to itself alone.

use std::{collections::HashMap, mem};

use limiter::ClientId;

use super::Replica;
use crate::{
    ledger::{
        Ledger,
        record::{CountedHere, LimitCount},
        slots::Books,
    },
    limits::LimitName,
    store::shared::Name,
};

/// What was counted under names that are forgotten.
#[derive(Debug, Default)]
pub(super) struct Renamed {
    names_before: u64,
    clients: HashMap<ClientId, CountedHere>,
    limits: HashMap<LimitName, LimitCount>,
}

impl Renamed {
    /// Without what this process told under its names before. So is told what it counts since; and what others
    /// counted, since those names are among theirs.
    pub(super) fn without_earlier(&self, client: &ClientId, counted: CountedHere) -> CountedHere {
        match self.clients.get(client) {
            Some(before) => counted.without(before),
            None => counted,
        }
    }

    /// The same of a limit.
    pub(super) fn limit_without_earlier(&self, limit: &str, count: LimitCount) -> LimitCount {
        self.limits.get(limit).map_or(count, |before| count.without(before))
    }
}

impl Ledger {
    /// As whom this process tells what it counts.
    pub(super) fn name_to_tell_by(&self, replica: &Replica) -> Name {
        let name = replica.store.name();
        if mem::replace(&mut replica.renamed.lock().names_before, name.names_before)
            == name.names_before
        {
            return name;
        }
        let mut clients = HashMap::new();
        for slot in self.slots.all() {
            let books = self.slots.books(slot);
            let Books { client: Some(client), record, .. } = &*books else { continue };
            let counted = record.counted_here();
            if counted != CountedHere::default() {
                clients.insert(client.clone(), counted);
            }
        }
        let limits = self.counted_of_limits().into_iter().collect();
        replica.told_of_limits.lock().clear();
        *replica.renamed.lock() = Renamed { names_before: name.names_before, clients, limits };
        name
    }
}

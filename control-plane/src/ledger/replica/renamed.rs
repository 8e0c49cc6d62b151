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
    /// What is to be told of a client.
    pub(super) fn counted_since(&self, client: &ClientId, counted: CountedHere) -> CountedHere {
        match self.clients.get(client) {
            Some(before) => counted.without(before),
            None => counted,
        }
    }

    /// What others counted of one: this process' own, under its names before, is among what is there.
    pub(super) fn counted_elsewhere(&self, client: &ClientId, told: CountedHere) -> CountedHere {
        self.counted_since(client, told)
    }

    /// The same of a limit.
    pub(super) fn limit_counted_since(&self, limit: &LimitName, counted: LimitCount) -> LimitCount {
        self.limit_counted_elsewhere(limit.as_str(), counted)
    }

    /// Likewise.
    pub(super) fn limit_counted_elsewhere(&self, limit: &str, told: LimitCount) -> LimitCount {
        let before = self.limits.iter().find(|(name, _)| name.as_str() == limit);
        before.map_or(told, |(_, before)| told.without(before))
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

//! Places as they are told, written down without any cleverness: every word with the end of its lease.

use std::collections::HashMap;

use flowguard::store::shared::Exact;

const LEASE_MS: u64 = 60_000;

/// Who holds how many places, in one bucket of them.
#[derive(Debug, Default)]
pub(crate) struct ModelPlaces {
    words: HashMap<Vec<u8>, Said>,
    /// Leases are looked at when the first of them ends, not at each call.
    first_end: Option<u64>,
}

#[derive(Debug)]
struct Said {
    number: Exact,
    held: u64,
    lease_end: u64,
}

impl ModelPlaces {
    /// Somebody calls.
    pub(crate) fn look(&mut self, now: u64) {
        let is_due = self.first_end.is_none_or(|end| end <= now || end > now + LEASE_MS);
        if is_due {
            self.words.retain(|_, said| said.lease_end > now);
            for said in self.words.values_mut() {
                said.lease_end = said.lease_end.min(now + LEASE_MS);
            }
            let first = self.words.values().map(|said| said.lease_end).min();
            self.first_end = Some(first.unwrap_or(now + LEASE_MS));
        }
    }

    /// A worker says how many it holds; whether that is news.
    pub(crate) fn hear(&mut self, worker: &[u8], number: Exact, held: u64, now: u64) -> bool {
        if self.words.get(worker).is_some_and(|said| said.number >= number) {
            return false;
        }
        self.words.insert(worker.to_vec(), Said { number, held, lease_end: now + LEASE_MS });
        true
    }

    /// A worker got one place more.
    pub(crate) fn take(&mut self, worker: &[u8]) {
        self.words.get_mut(worker).expect("it said something").held += 1;
    }

    /// How many are held by all.
    pub(crate) fn taken(&self) -> u64 {
        self.words.values().map(|said| said.held).sum()
    }
}

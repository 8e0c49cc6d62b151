//! Where keys are found: by what finds one, and by whose they are.

use std::{
    hash::BuildHasher as _,
    mem,
    sync::{Arc, OnceLock},
};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::{ClientKey, Digest, KeyStats, PublicPart, usage::Usage};

/// All keys. Everybody who looks for something in it has the same `hasher`.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// Those that are removed leave a place that is used again.
    entries: Vec<Option<Entry>>,
    free: Vec<u32>,
    by_digest: HashTable<u32>,
    /// All keys of a client have one hash.
    by_client: HashTable<u32>,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: ClientKey,
    /// There from its first use on: most keys of a million are not in use.
    pub(super) usage: OnceLock<Arc<Usage>>,
}

/// A million keys have one.
const _: () = assert!(size_of::<Option<Entry>>() <= 88);

impl Book {
    pub(super) fn insert(&mut self, hasher: &RandomState, key: ClientKey) {
        let Self { entries, free, by_digest, by_client } = self;
        let place = if let Some(place) = free.pop() {
            place
        } else {
            let Ok(place) = u32::try_from(entries.len()) else { return };
            entries.push(None);
            place
        };
        let digest_hash = hasher.hash_one(key.digest);
        let client_hash = hasher.hash_one(key.client.as_str());
        if let Some(slot) = entries.get_mut(place as usize) {
            *slot = Some(Entry { key, usage: OnceLock::new() });
        }
        let key_at = |place: &u32| entries.get(*place as usize)?.as_ref().map(|entry| &entry.key);
        by_digest.insert_unique(digest_hash, place, |place| {
            key_at(place).map_or(0, |key| hasher.hash_one(key.digest))
        });
        by_client.insert_unique(client_hash, place, |place| {
            key_at(place).map_or(0, |key| hasher.hash_one(key.client.as_str()))
        });
    }

    pub(super) fn remove(
        &mut self,
        hasher: &RandomState,
        client: &str,
        public: PublicPart,
    ) -> Option<ClientKey> {
        let Self { entries, free, by_digest, by_client } = self;
        let is_it = |place: &u32| {
            let entry = entries.get(*place as usize).and_then(Option::as_ref);
            entry.is_some_and(|Entry { key, .. }| {
                key.public == public && key.client.as_str() == client
            })
        };
        let place = by_client.find_entry(hasher.hash_one(client), is_it).ok()?.remove().0;
        let entry = entries.get_mut(place as usize).and_then(mem::take)?;
        free.push(place);
        let digest_hash = hasher.hash_one(entry.key.digest);
        if let Ok(found) = by_digest.find_entry(digest_hash, |other| *other == place) {
            found.remove();
        }
        Some(entry.key)
    }

    fn at(&self, place: u32) -> Option<&Entry> {
        self.entries.get(place as usize)?.as_ref()
    }

    /// The one with this digest.
    pub(super) fn find(&self, hasher: &RandomState, digest: &Digest) -> Option<&Entry> {
        let is_it = |place: &u32| self.at(*place).is_some_and(|entry| entry.key.digest == *digest);
        self.by_digest.find(hasher.hash_one(digest), is_it).and_then(|place| self.at(*place))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.by_digest.len()
    }

    /// All keys of a client, in no order.
    pub(super) fn of<'a>(
        &'a self,
        hasher: &RandomState,
        client: &'a str,
    ) -> impl Iterator<Item = &'a Entry> {
        let places = self.by_client.iter_hash(hasher.hash_one(client));
        let entries = places.filter_map(|place| self.at(*place));
        entries.filter(move |entry| entry.key.client.as_str() == client)
    }

    /// Those of at most `max` places from `next` on.
    pub(super) fn some(&self, next: usize, max: usize) -> impl Iterator<Item = &Entry> {
        self.entries.iter().skip(next).take(max).flatten()
    }

    /// Whether there is no place from `next` on.
    pub(super) fn ends_before(&self, next: usize) -> bool {
        next >= self.entries.len()
    }
}

impl Entry {
    pub(super) fn stats(&self) -> KeyStats {
        self.usage.get().map(|usage| usage.stats()).unwrap_or_default()
    }
}

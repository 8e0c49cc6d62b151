//! All keys of all clients, found by what a request shows.

use std::{
    hash::BuildHasher as _,
    mem,
    sync::atomic::{AtomicU32, Ordering},
};

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use limiter::{ClientId, UnixMillis};
use parking_lot::RwLock;

use super::{Digest, KeyError, PublicPart, UnixSeconds, Validity};

/// How many keys a client can have: some for rotation, and one for each place that it runs in.
pub const KEYS_A_CLIENT_MAX: usize = 100;

/// How many keys there can be.
pub const KEYS_MAX: usize = 1_000_000;

/// How precisely it is known when a key was last used, in seconds.
const LAST_USED_EVERY_S: u32 = 60;

/// A client's key, as it is configured: without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientKey {
    /// What names it.
    pub public: PublicPart,
    /// What finds it.
    pub digest: Digest,
    /// Whose it is.
    pub client: ClientId,
    /// How long it is valid.
    pub validity: Validity,
}

/// Who showed a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundKey {
    /// The client.
    pub client: ClientId,
    /// The key.
    pub public: PublicPart,
}

/// Every key that is configured.
///
/// A request finds one by its digest. Its place in a table tells nothing of a digest: tables are
/// ordered by a hash with a random key, and a digest that was not found was not nearly right.
#[derive(Debug, Default)]
pub struct Keys {
    book: RwLock<Book>,
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct Book {
    /// Those that are removed leave a place that is used again.
    entries: Vec<Option<Entry>>,
    free: Vec<u32>,
    by_digest: HashTable<u32>,
    /// All keys of a client have one hash.
    by_client: HashTable<u32>,
}

#[derive(Debug)]
struct Entry {
    key: ClientKey,
    /// A second since 1970; 0: never.
    last_used: AtomicU32,
}

impl Keys {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.book.read().by_digest.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whose key it is, which counts as a use of it.
    pub fn find(&self, digest: &Digest, now: UnixMillis) -> Result<FoundKey, KeyError> {
        let book = self.book.read();
        let entry = book.find(self.hasher.hash_one(digest), digest).ok_or(KeyError::Unknown)?;
        let ClientKey { public, client, validity, .. } = &entry.key;
        if validity.is_over(now) {
            return Err(KeyError::Expired(*public));
        }
        entry.used(UnixSeconds::at(now));
        Ok(FoundKey { client: client.clone(), public: *public })
    }

    /// A key that is configured, new or changed.
    pub fn put(&self, key: ClientKey) {
        self.remove(key.client.as_str(), key.public);
        let digest_hash = self.hasher.hash_one(key.digest);
        let client_hash = self.hasher.hash_one(key.client.as_str());
        let mut book = self.book.write();
        let Book { entries, free, by_digest, by_client } = &mut *book;
        let entry = Entry { key, last_used: AtomicU32::new(0) };
        let place = if let Some(place) = free.pop() {
            place
        } else {
            let Ok(place) = u32::try_from(entries.len()) else { return };
            entries.push(None);
            place
        };
        if let Some(slot) = entries.get_mut(place as usize) {
            *slot = Some(entry);
        }
        let key_at = |place: &u32| entries.get(*place as usize)?.as_ref().map(|entry| &entry.key);
        by_digest.insert_unique(digest_hash, place, |place| {
            key_at(place).map_or(0, |key| self.hasher.hash_one(key.digest))
        });
        by_client.insert_unique(client_hash, place, |place| {
            key_at(place).map_or(0, |key| self.hasher.hash_one(key.client.as_str()))
        });
    }

    /// Revokes a key: from now on nobody is known by it.
    pub fn remove(&self, client: &str, public: PublicPart) -> Option<ClientKey> {
        let client_hash = self.hasher.hash_one(client);
        let mut book = self.book.write();
        let Book { entries, free, by_digest, by_client } = &mut *book;
        let is_it = |place: &u32| {
            let entry = entries.get(*place as usize).and_then(Option::as_ref);
            entry.is_some_and(|Entry { key, .. }| {
                key.public == public && key.client.as_str() == client
            })
        };
        let place = by_client.find_entry(client_hash, is_it).ok()?.remove().0;
        let entry = entries.get_mut(place as usize).and_then(mem::take)?;
        free.push(place);
        let digest_hash = self.hasher.hash_one(entry.key.digest);
        if let Ok(found) = by_digest.find_entry(digest_hash, |other| *other == place) {
            found.remove();
        }
        Some(entry.key)
    }

    /// Revokes all keys of a client that is no more.
    pub fn remove_all_of(&self, client: &str) -> Vec<ClientKey> {
        let keys = self.of(client);
        keys.into_iter().filter_map(|(key, _)| self.remove(client, key.public)).collect()
    }

    /// One key of a client, and when it was last used, to the minute.
    pub fn get(
        &self,
        client: &str,
        public: PublicPart,
    ) -> Option<(ClientKey, Option<UnixSeconds>)> {
        self.of(client).into_iter().find(|(key, _)| key.public == public)
    }

    /// All keys of a client, in the order in which they were made, and when each was last used, to the
    /// minute.
    pub fn of(&self, client: &str) -> Vec<(ClientKey, Option<UnixSeconds>)> {
        let book = self.book.read();
        let places = book.by_client.iter_hash(self.hasher.hash_one(client));
        let entries = places.filter_map(|place| book.at(*place));
        let mut keys: Vec<_> = entries
            .filter(|entry| entry.key.client.as_str() == client)
            .map(|entry| (entry.key.clone(), entry.last_used()))
            .collect();
        keys.sort_by_key(|(key, _)| (key.validity.created, key.public));
        keys
    }

    /// The key with this digest, whosever it is, valid or not.
    pub fn with_digest(&self, digest: &Digest) -> Option<ClientKey> {
        let book = self.book.read();
        book.find(self.hasher.hash_one(digest), digest).map(|entry| entry.key.clone())
    }
}

impl Book {
    fn at(&self, place: u32) -> Option<&Entry> {
        self.entries.get(place as usize)?.as_ref()
    }

    fn find(&self, hash: u64, digest: &Digest) -> Option<&Entry> {
        let is_it = |place: &u32| self.at(*place).is_some_and(|entry| entry.key.digest == *digest);
        self.by_digest.find(hash, is_it).and_then(|place| self.at(*place))
    }
}

impl Entry {
    /// A minute is written once, so that a key in use is read by all threads and written by none.
    fn used(&self, now: UnixSeconds) {
        if now.get().abs_diff(self.last_used.load(Ordering::Relaxed)) >= LAST_USED_EVERY_S {
            self.last_used.store(now.get(), Ordering::Relaxed);
        }
    }

    fn last_used(&self) -> Option<UnixSeconds> {
        UnixSeconds::new(self.last_used.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::{Secret, SecretKind};

    const NOW: UnixMillis = UnixMillis(1_000_000_000_000);

    fn key(client: &str) -> ClientKey {
        let secret = Secret::new(SecretKind::Key);
        ClientKey {
            public: secret.public_part(),
            digest: secret.digest(),
            client: client.try_into().unwrap(),
            validity: Validity { created: UnixSeconds::at(NOW), expires: None },
        }
    }

    #[test]
    fn a_key_is_its_clients_until_it_is_revoked() {
        let keys = Keys::default();
        let (first, second, other) = (key("a"), key("a"), key("b"));
        for key in [&first, &second, &other] {
            keys.put(key.clone());
        }
        let of = |key: &ClientKey| keys.find(&key.digest, NOW).map(|found| found.client);
        assert_eq!(of(&first), Ok("a".try_into().unwrap()));
        assert_eq!(of(&other), Ok("b".try_into().unwrap()));
        assert_eq!(keys.of("a").len(), 2);

        assert_eq!(keys.remove("b", first.public), None);
        assert_eq!(keys.remove("a", first.public), Some(first.clone()));
        assert_eq!(of(&first), Err(KeyError::Unknown));
        assert_eq!(of(&second), Ok("a".try_into().unwrap()));
        assert_eq!(keys.len(), 2);

        assert_eq!(keys.remove_all_of("a"), [second.clone()]);
        assert_eq!(of(&second), Err(KeyError::Unknown));
        assert_eq!(keys.of("a"), []);
        keys.put(first.clone());
        assert_eq!(of(&first), Ok("a".try_into().unwrap()));
    }

    #[test]
    fn a_key_that_has_expired_is_nobodys() {
        let keys = Keys::default();
        let mut key = key("a");
        key.validity.expires = UnixSeconds::new(1_000_000_000);
        keys.put(key.clone());
        let before = UnixMillis(NOW.0 - 1);
        assert!(keys.find(&key.digest, before).is_ok());
        assert_eq!(keys.find(&key.digest, NOW), Err(KeyError::Expired(key.public)));
        key.validity.expires = None;
        keys.put(key.clone());
        assert!(keys.find(&key.digest, NOW).is_ok());
        assert_eq!(keys.len(), 1);
    }

    #[test]
    fn the_last_use_is_known_to_the_minute() {
        let keys = Keys::default();
        let key = key("a");
        keys.put(key.clone());
        let last_used = || keys.get("a", key.public).unwrap().1;
        assert_eq!(last_used(), None);
        for (after_ms, seen_s) in [(0, 0), (59_999, 0), (60_000, 60), (61_000, 60), (180_000, 180)]
        {
            keys.find(&key.digest, UnixMillis(NOW.0 + after_ms)).unwrap();
            assert_eq!(last_used(), UnixSeconds::new(1_000_000_000 + seen_s), "{after_ms}");
        }
    }
}

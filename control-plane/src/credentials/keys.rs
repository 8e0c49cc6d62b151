//! All keys of all clients, found by what a request shows.

use std::{fmt, sync::Arc};

use foldhash::fast::RandomState;
use limiter::{ClientId, UnixMillis};
use parking_lot::RwLock;

use super::{Digest, KeyError, KeyStats, PublicPart, Validity, key_book::Book, usage::Usage};

/// How many keys a client can have: some for rotation, and one for each place that it runs in.
pub const KEYS_A_CLIENT_MAX: usize = 100;

/// How many keys there can be.
pub const KEYS_MAX: usize = 1_000_000;

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
#[derive(Clone)]
pub struct FoundKey {
    /// The client.
    pub client: ClientId,
    /// The key.
    pub public: PublicPart,
    /// The key's figures, which go on while its requests do, also when it is revoked meanwhile.
    usage: Arc<Usage>,
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

impl Keys {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.book.read().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whose key it is, which counts as a use of it.
    pub fn find(&self, digest: &Digest, now: UnixMillis) -> Result<FoundKey, KeyError> {
        let book = self.book.read();
        let entry = book.find(&self.hasher, digest).ok_or(KeyError::Unknown)?;
        let ClientKey { public, client, validity, .. } = &entry.key;
        if validity.is_over(now) {
            return Err(KeyError::Expired(*public));
        }
        let usage = entry.usage.get_or_init(Arc::default);
        usage.last_used.note(now);
        Ok(FoundKey { client: client.clone(), public: *public, usage: Arc::clone(usage) })
    }

    /// A key that is configured, new or changed: no request finds none in between.
    pub fn put(&self, key: ClientKey) {
        let mut book = self.book.write();
        book.remove(&self.hasher, key.client.as_str(), key.public);
        book.insert(&self.hasher, key);
    }

    /// Revokes a key: from now on nobody is known by it.
    pub fn remove(&self, client: &str, public: PublicPart) -> Option<ClientKey> {
        self.book.write().remove(&self.hasher, client, public)
    }

    /// One key of a client, and what came of it.
    pub fn get(&self, client: &str, public: PublicPart) -> Option<(ClientKey, KeyStats)> {
        self.of(client).into_iter().find(|(key, _)| key.public == public)
    }

    /// How many keys a client has.
    pub fn count_of(&self, client: &str) -> usize {
        self.book.read().of(&self.hasher, client).count()
    }

    /// All keys of a client, in the order in which they were made, and what came of each.
    pub fn of(&self, client: &str) -> Vec<(ClientKey, KeyStats)> {
        let book = self.book.read();
        let entries = book.of(&self.hasher, client);
        let mut keys: Vec<_> = entries.map(|entry| (entry.key.clone(), entry.stats())).collect();
        drop(book);
        keys.sort_by_key(|(key, _)| (key.validity.created, key.public));
        keys
    }

    /// Some of all keys, whosever they are and valid or not: those of at most `max` places from `next`
    /// on, in no order. `next` moves on to where the others are; `false`: there are no more.
    pub fn some(&self, next: &mut usize, max: usize, mut look: impl FnMut(&ClientKey)) -> bool {
        let book = self.book.read();
        book.some(*next, max).for_each(|entry| look(&entry.key));
        *next = next.saturating_add(max);
        !book.ends_before(*next)
    }

    /// The key with this digest, whosever it is, valid or not.
    pub fn with_digest(&self, digest: &Digest) -> Option<ClientKey> {
        let book = self.book.read();
        book.find(&self.hasher, digest).map(|entry| entry.key.clone())
    }
}

impl FoundKey {
    /// Counts its request, when that is decided.
    pub fn decided(&self, is_admitted: bool) {
        self.usage.decided(is_admitted);
    }

    /// Counts what its request came to, when that has ended.
    pub fn used(&self, tokens: u64) {
        self.usage.used(tokens);
    }
}

impl fmt::Debug for FoundKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FoundKey({} of {})", self.public, self.client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::{Secret, SecretKind, UnixSeconds};

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

        assert_eq!(keys.remove("a", second.public), Some(second.clone()));
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
        assert_eq!(keys.find(&key.digest, NOW).unwrap_err(), KeyError::Expired(key.public));
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
        let last_used = || keys.get("a", key.public).unwrap().1.last_used;
        assert_eq!(last_used(), None);
        for (after_ms, seen_s) in [(0, 0), (59_999, 0), (60_000, 60), (61_000, 60), (180_000, 180)]
        {
            keys.find(&key.digest, UnixMillis(NOW.0 + after_ms)).unwrap();
            assert_eq!(last_used(), UnixSeconds::new(1_000_000_000 + seen_s), "{after_ms}");
        }
    }

    #[test]
    fn what_came_of_a_keys_requests_is_counted_as_its_own() {
        let keys = Keys::default();
        let (key, other) = (key("a"), key("a"));
        keys.put(key.clone());
        keys.put(other.clone());
        let found = keys.find(&key.digest, NOW).unwrap();
        for is_admitted in [true, true, false] {
            found.decided(is_admitted);
        }
        found.used(30);
        let stats = |key: &ClientKey| keys.get("a", key.public).unwrap().1;
        let expected = KeyStats {
            last_used: Some(UnixSeconds::at(NOW)),
            admitted: 2,
            dropped: 1,
            tokens_used: 30,
        };
        assert_eq!(stats(&key), expected);
        assert_eq!(stats(&other), KeyStats::default());

        keys.remove("a", key.public);
        found.used(1);
        assert_eq!(keys.of("a").len(), 1);
    }

    #[test]
    fn all_keys_are_looked_at_a_few_at_a_time() {
        let keys = Keys::default();
        let mut all: Vec<_> = (0..10).map(|n| key(&format!("client-{}", n % 3))).collect();
        for key in &all {
            keys.put(key.clone());
        }
        let gone = all.remove(4);
        keys.remove(gone.client.as_str(), gone.public);
        let (mut seen, mut next) = (Vec::new(), 0);
        while keys.some(&mut next, 3, |key| seen.push(key.public)) {}
        let mut expected: Vec<_> = all.iter().map(|key| key.public).collect();
        seen.sort_unstable();
        expected.sort_unstable();
        assert_eq!(seen, expected);
    }
}

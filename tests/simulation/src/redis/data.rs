//! Keys and values, and what they were a while ago: a server that loses the last of what it wrote is
//! one that goes back.

use std::collections::BTreeMap;

use crate::queue::Micros;

/// For how long it is known what was before.
const REMEMBERED: Micros = 20_000_000;

/// What is in a hash.
pub(super) type Fields = BTreeMap<Vec<u8>, Vec<u8>>;

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(Vec<u8>),
    Hash(Fields),
    Sorted(BTreeMap<Vec<u8>, f64>),
}

#[derive(Clone, Debug)]
struct Entry {
    value: Value,
    /// In milliseconds of the server's clock.
    ends_at: Option<u64>,
}

/// Another type of value stands under a key than the command is for.
#[derive(Debug)]
pub(super) struct WrongType;

/// All that a server knows.
#[derive(Debug, Default)]
pub(super) struct Data {
    keys: BTreeMap<Vec<u8>, Entry>,
    /// What was under each key that was written, by when.
    before: Vec<(Micros, Vec<u8>, Option<Entry>)>,
    /// Counts writes.
    pub(super) offset: u64,
    /// The time of the run.
    pub(super) at: Micros,
    /// The server's clock.
    pub(super) clock_us: u64,
}

impl Data {
    pub(super) fn now_ms(&self) -> u64 {
        self.clock_us / 1_000
    }

    fn entry(&self, key: &[u8]) -> Option<&Entry> {
        let now = self.now_ms();
        self.keys.get(key).filter(|entry| entry.ends_at.is_none_or(|end| end > now))
    }

    pub(super) fn text(&self, key: &[u8]) -> Result<Option<&[u8]>, WrongType> {
        match self.entry(key).map(|entry| &entry.value) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(_) => Err(WrongType),
        }
    }

    pub(super) fn hash(&self, key: &[u8]) -> Result<Option<&Fields>, WrongType> {
        match self.entry(key).map(|entry| &entry.value) {
            None => Ok(None),
            Some(Value::Hash(hash)) => Ok(Some(hash)),
            Some(_) => Err(WrongType),
        }
    }

    /// By score, and by name where these are the same.
    pub(super) fn sorted(&self, key: &[u8]) -> Result<Vec<(Vec<u8>, f64)>, WrongType> {
        match self.entry(key).map(|entry| &entry.value) {
            None => Ok(Vec::new()),
            Some(Value::Sorted(sorted)) => {
                let mut all: Vec<_> =
                    sorted.iter().map(|(name, score)| (name.clone(), *score)).collect();
                all.sort_by(|one, other| one.1.total_cmp(&other.1));
                Ok(all)
            }
            Some(_) => Err(WrongType),
        }
    }

    pub(super) fn is_there(&self, key: &[u8]) -> bool {
        self.entry(key).is_some()
    }

    /// For how many milliseconds it is still there; `None`: for ever, or not at all.
    pub(super) fn left_ms(&self, key: &[u8]) -> Option<u64> {
        let now = self.now_ms();
        self.entry(key).and_then(|entry| entry.ends_at).map(|end| end - now)
    }

    /// Writes a text.
    pub(super) fn put(&mut self, key: &[u8], text: Vec<u8>, for_ms: Option<u64>) {
        self.write(key);
        let ends_at = for_ms.map(|ms| self.now_ms() + ms);
        self.keys.insert(key.to_vec(), Entry { value: Value::Text(text), ends_at });
    }

    /// Removes a key; whether it was there.
    pub(super) fn remove(&mut self, key: &[u8]) -> bool {
        let was_there = self.entry(key).is_some();
        if was_there {
            self.write(key);
            self.keys.remove(key);
        }
        was_there
    }

    pub(super) fn end_after(&mut self, key: &[u8], ms: u64) -> bool {
        let ends_at = Some(self.now_ms() + ms);
        if self.entry(key).is_none() {
            return false;
        }
        self.write(key);
        if let Some(entry) = self.keys.get_mut(key) {
            entry.ends_at = ends_at;
        }
        true
    }

    pub(super) fn hash_mut(&mut self, key: &[u8]) -> Result<&mut Fields, WrongType> {
        match self.value_mut(key, || Value::Hash(BTreeMap::new())) {
            Value::Hash(hash) => Ok(hash),
            _ => Err(WrongType),
        }
    }

    pub(super) fn sorted_mut(
        &mut self,
        key: &[u8],
    ) -> Result<&mut BTreeMap<Vec<u8>, f64>, WrongType> {
        match self.value_mut(key, || Value::Sorted(BTreeMap::new())) {
            Value::Sorted(sorted) => Ok(sorted),
            _ => Err(WrongType),
        }
    }

    fn value_mut(&mut self, key: &[u8], new: impl FnOnce() -> Value) -> &mut Value {
        self.write(key);
        let is_there = self.entry(key).is_some();
        if !is_there {
            self.keys.remove(key);
        }
        let entry = self.keys.entry(key.to_vec());
        &mut entry.or_insert_with(|| Entry { value: new(), ends_at: None }).value
    }

    /// A hash or a sorted set without anything in it is none.
    pub(super) fn drop_if_empty(&mut self, key: &[u8]) {
        let is_empty = match self.keys.get(key).map(|entry| &entry.value) {
            Some(Value::Hash(hash)) => hash.is_empty(),
            Some(Value::Sorted(sorted)) => sorted.is_empty(),
            Some(Value::Text(_)) | None => false,
        };
        if is_empty {
            self.keys.remove(key);
        }
    }

    /// Something is written under a key.
    fn write(&mut self, key: &[u8]) {
        self.offset += 1;
        let before = self.keys.get(key).cloned();
        self.before.push((self.at, key.to_vec(), before));
        if self.before.len().is_multiple_of(4_096) {
            let since = self.at.saturating_sub(REMEMBERED);
            let forgotten = self.before.partition_point(|(at, ..)| *at < since);
            self.before.drain(..forgotten);
        }
    }

    /// All that was written after then is lost.
    pub(super) fn go_back_to(&mut self, then: Micros) {
        while let Some((at, key, before)) = self.before.pop_if(|(at, ..)| *at > then) {
            debug_assert!(at > then, "what is kept is what was written before");
            self.offset = self.offset.saturating_sub(1);
            match before {
                Some(entry) => self.keys.insert(key, entry),
                None => self.keys.remove(&key),
            };
        }
    }

    /// All keys that begin so.
    pub(super) fn keys_from(&self, prefix: &[u8]) -> Vec<Vec<u8>> {
        let keys = self.keys.keys().filter(|key| key.starts_with(prefix));
        keys.filter(|key| self.entry(key).is_some()).cloned().collect()
    }

    pub(super) fn clear(&mut self) {
        self.keys.clear();
    }
}

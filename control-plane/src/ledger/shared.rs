//! What is left of buckets that clients share.

use parking_lot::{Mutex, MutexGuard};
use smallvec::SmallVec;

use super::{
    keys::{SharedKey, SharedNumber},
    stock::Stocks,
};
use crate::limits::{Group, LimitKind, LimitName, ModelName, Name};

/// All shared buckets. One that was made stays where it is, so that no lock is needed to find it.
///
/// Whoever needs several locks them in the order of their numbers, after the client's own: an order
/// that holds for ever, whichever limit has a number by then.
#[derive(Debug, Default)]
pub(super) struct SharedBuckets {
    buckets: boxcar::Vec<Mutex<SharedBooks>>,
    /// Those of limits that are no more.
    free: Mutex<Vec<SharedNumber>>,
}

/// Several of them, locked.
#[derive(Debug)]
pub(super) struct Locked<'a>(SmallVec<[(SharedNumber, MutexGuard<'a, SharedBooks>); 4]>);

/// One of them.
#[derive(Debug, Default)]
pub(super) struct SharedBooks {
    /// Whose it is; `None` where it is free.
    pub(super) name: Option<SharedName>,
    pub(super) stocks: Stocks,
    tenancy: u32,
    /// The stamp of the part of the ring in which it was noted last (`past`).
    pub(super) noted: u32,
}

/// A bucket is kept, since a request that is under way has a place there.
#[derive(Clone, Copy, Debug)]
pub(super) struct InUse;

/// A bucket that is no more, of which something was taken.
#[derive(Debug)]
pub(super) struct Gone {
    pub(super) key: SharedKey,
    pub(super) name: SharedName,
    /// What was left.
    pub(super) stocks: Stocks,
    /// The stamp of the part of the ring in which it was noted last (`past`).
    pub(super) noted: u32,
}

/// What a shared bucket is called: its limit, and the value of each thing of which the limit has a
/// bucket for each.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct SharedName {
    pub(super) limit: LimitName,
    pub(super) kind: LimitKind,
    pub(super) group: Option<Group>,
    pub(super) plan: Option<Name>,
    pub(super) model: Option<ModelName>,
}

impl SharedBuckets {
    /// A bucket that nothing was taken from.
    pub(super) fn take(&self, name: SharedName) -> SharedKey {
        let free = self.free.lock().pop();
        let number = free.unwrap_or_else(|| {
            SharedNumber(u32::try_from(self.buckets.push(Mutex::default())).unwrap_or(u32::MAX))
        });
        let mut books = self.books(number);
        books.name = Some(name);
        SharedKey { number, tenancy: books.tenancy }
    }

    /// The bucket is for another limit to have, and what requests hold of it fits no more. The answer is
    /// what it was, if something was taken of it.
    pub(super) fn give_back(&self, key: SharedKey) -> Option<Gone> {
        let books = self.books_of(key)?;
        self.free(key, books)
    }

    /// The same, but not while a request that is under way has a place there, so that it still counts
    /// should the bucket be needed again.
    pub(super) fn give_back_idle(&self, key: SharedKey) -> Result<Option<Gone>, InUse> {
        match self.books_of(key) {
            Some(books) if books.stocks.holds_places() => Err(InUse),
            Some(books) => Ok(self.free(key, books)),
            None => Ok(None),
        }
    }

    fn free(&self, key: SharedKey, mut books: MutexGuard<'_, SharedBooks>) -> Option<Gone> {
        let fresh =
            SharedBooks { tenancy: books.tenancy.wrapping_add(1), ..SharedBooks::default() };
        let SharedBooks { name, stocks, noted, .. } = std::mem::replace(&mut *books, fresh);
        drop(books);
        self.free.lock().push(key.number);
        Some(Gone { key, name: name?, stocks, noted }).filter(|gone| !gone.stocks.is_empty())
    }

    /// The books of whichever limit has the number.
    #[expect(clippy::indexing_slicing, reason = "numbers are made by `take`, and no bucket goes")]
    pub(super) fn books(&self, number: SharedNumber) -> MutexGuard<'_, SharedBooks> {
        self.buckets[number.0 as usize].lock()
    }

    /// The books of the one bucket that the key is for; `None` when its limit is no more.
    pub(super) fn books_of(&self, key: SharedKey) -> Option<MutexGuard<'_, SharedBooks>> {
        Some(self.books(key.number)).filter(|books| books.tenancy == key.tenancy)
    }

    /// Those that the keys are for, in whichever order these are. Each is locked once: a key that fits
    /// no more may have the number of another that does.
    pub(super) fn lock(&self, keys: impl Iterator<Item = SharedKey>) -> Locked<'_> {
        let mut numbers = keys.map(|key| key.number).collect::<SmallVec<[SharedNumber; 16]>>();
        numbers.sort_unstable();
        numbers.dedup();
        Locked(numbers.into_iter().map(|number| (number, self.books(number))).collect())
    }

    /// Every bucket that there is by now.
    pub(super) fn all(&self) -> impl Iterator<Item = SharedNumber> {
        let count = u32::try_from(self.buckets.count()).unwrap_or(u32::MAX);
        // One that is being made may come before one that was.
        let is_made = |number: &SharedNumber| self.buckets.get(number.0 as usize).is_some();
        (0..count).map(SharedNumber).filter(is_made)
    }
}

impl Locked<'_> {
    /// What is left of the one that the key is for; `None`: its limit is no more.
    pub(super) fn stocks(&self, key: SharedKey) -> Option<&Stocks> {
        self.0.get(self.position(key)?).map(|(_, books)| &books.stocks)
    }

    /// What is left of the one that the key is for, to be changed.
    pub(super) fn stocks_mut(&mut self, key: SharedKey) -> Option<&mut Stocks> {
        let position = self.position(key)?;
        self.0.get_mut(position).map(|(_, books)| &mut books.stocks)
    }

    /// The books of the one that the key is for.
    pub(super) fn books_mut(&mut self, key: SharedKey) -> Option<&mut SharedBooks> {
        let position = self.position(key)?;
        self.0.get_mut(position).map(|(_, books)| &mut **books)
    }

    fn position(&self, key: SharedKey) -> Option<usize> {
        let position = self.0.binary_search_by_key(&key.number, |(number, _)| *number).ok()?;
        let (_, books) = self.0.get(position)?;
        (books.tenancy == key.tenancy).then_some(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{Counts, Each};

    #[test]
    fn a_number_is_locked_once_where_a_limit_that_is_no_more_had_it_before() {
        let buckets = SharedBuckets::default();
        let name = |limit: &str| SharedName {
            limit: LimitName::try_from(limit).unwrap(),
            kind: LimitKind { counts: Counts::Requests, each: Each::default() },
            group: None,
            plan: None,
            model: None,
        };
        let before = buckets.take(name("before"));
        buckets.give_back(before);
        let after = buckets.take(name("after"));
        assert_eq!(before.number, after.number);

        let locked = buckets.lock([after, before].into_iter());
        assert!(locked.stocks(after).is_some());
        assert!(locked.stocks(before).is_none());
    }
}

//! What is left of a client's own buckets of limits beside its two.

use limiter::UnixMillis;

use super::{keys::BesideKey, rules::Named, stock::Stocks};

/// The buckets by their keys. One that was never charged is not there, which is as good as full.
///
/// A pointer, since most clients have none.
#[derive(Debug, Default)]
#[expect(clippy::box_collection, reason = "a third of its size in every client")]
pub(super) struct Beside(Option<Box<Vec<(BesideKey, Stocks)>>>);

impl Beside {
    /// What is left of one.
    pub(super) fn get(&self, key: BesideKey) -> Option<&Stocks> {
        let stocks = self.0.as_deref()?;
        let index = stocks.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        stocks.get(index).map(|(_, stocks)| stocks)
    }

    /// What is left of one, to be changed.
    pub(super) fn get_mut(&mut self, key: BesideKey) -> Option<&mut Stocks> {
        let stocks = self.0.as_deref_mut()?;
        let index = stocks.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        stocks.get_mut(index).map(|(_, stocks)| stocks)
    }

    /// What is left of one, which is there from now on.
    #[expect(clippy::indexing_slicing, reason = "the index was found, or it was just put there")]
    pub(super) fn get_or_make(&mut self, key: BesideKey) -> &mut Stocks {
        let stocks = self.0.get_or_insert_default();
        let index = match stocks.binary_search_by_key(&key, |(key, _)| *key) {
            Ok(index) => index,
            Err(index) => {
                // Most clients have one or two.
                stocks.reserve_exact(1);
                stocks.insert(index, (key, Stocks::default()));
                index
            }
        };
        &mut stocks[index].1
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (BesideKey, &Stocks)> {
        self.0.iter().flat_map(|stocks| stocks.iter()).map(|(key, stocks)| (*key, stocks))
    }

    /// Changes all of them, and keeps those that `change` says are to be kept.
    pub(super) fn retain(&mut self, mut change: impl FnMut(BesideKey, &mut Stocks) -> bool) {
        if let Some(stocks) = &mut self.0 {
            stocks.retain_mut(|(key, stocks)| change(*key, stocks));
            if stocks.is_empty() {
                self.0 = None;
            }
        }
    }

    /// Goes on at `now` with what was taken back as it stood at `last`; whether that made anything else
    /// of it than the time alone does. What is of no limit any more goes.
    pub(super) fn go_on(&mut self, named: &Named, last: UnixMillis, now: UnixMillis) -> bool {
        let mut is_changed = false;
        self.retain(|key, stocks| {
            let limit = named.limit(key.limit);
            is_changed |= limit.is_some_and(|limit| limit.go_on(stocks, last, now));
            limit.is_some()
        });
        is_changed
    }

    /// Full buckets, whatever was spent or is owed.
    pub(super) fn begin_anew(&mut self) {
        self.retain(|_, stocks| {
            stocks.begin_anew();
            !stocks.is_empty()
        });
    }
}

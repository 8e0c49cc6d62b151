//! What one limit of a request asks of what it limits.

use crate::{Balance, Bucket, Charge, PLACES_WAIT_MS, Places, Tokens, UnixMillis, Wait};

/// What a limit is made of.
#[derive(Debug)]
pub enum Source<'a> {
    /// Requests or tokens in a window.
    Bucket(&'a mut Bucket),
    /// Requests at a time.
    Places(&'a mut Places),
}

/// One limit of a decision, and what the request costs in it.
#[derive(Debug)]
pub struct Demand<'a> {
    /// What has to cover the cost.
    pub source: Source<'a>,
    /// The tokens that the request costs in a bucket; [`Tokens::ONE`] where that counts requests, and
    /// for a place.
    pub cost: Tokens,
    /// Whether it is decided and charged like any, and refuses nothing.
    pub is_watched: bool,
    said: Said,
}

/// What came of a demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    /// It was not asked: nothing was decided yet, or it is watched and the request was refused.
    Nothing,
    Short,
    /// It would have been charged, but another one refused.
    Covered,
    Charged,
}

impl<'a> Demand<'a> {
    /// The request costs so much in this bucket.
    #[inline]
    pub fn new(bucket: &'a mut Bucket, cost: Tokens) -> Self {
        Self { source: Source::Bucket(bucket), cost, is_watched: false, said: Said::Nothing }
    }

    /// The request takes one of these places, until it has ended.
    #[inline]
    pub fn place(places: &'a mut Places) -> Self {
        let (source, cost) = (Source::Places(places), Tokens::ONE);
        Self { source, cost, is_watched: false, said: Said::Nothing }
    }

    /// The same, decided and charged like any, but it refuses nothing: how a limit is tried that is not
    /// in force.
    #[must_use]
    #[inline]
    pub fn watched(self) -> Self {
        Self { is_watched: true, ..self }
    }

    /// Whether it covers the request, once that is decided: then it was charged, if the request was
    /// admitted. False of a watched one where the request was refused, which tells nothing of it.
    #[inline]
    pub fn is_covered(&self) -> bool {
        matches!(self.said, Said::Covered | Said::Charged)
    }

    /// What the bucket was charged, once the request is decided; `None` for a place, and where nothing
    /// was charged.
    #[inline]
    pub fn charge(&self) -> Option<Charge> {
        match (&self.source, self.said) {
            (Source::Bucket(bucket), Said::Charged) => Some(bucket.charge(self.cost)),
            _ => None,
        }
    }

    /// What is left of the bucket; `None` for places.
    #[inline]
    pub fn balance(&self, now: UnixMillis) -> Option<Balance> {
        match &self.source {
            Source::Bucket(bucket) => Some(bucket.balance(now)),
            Source::Places(_) => None,
        }
    }

    /// How long the request would have to wait if this were its only limit, and a watched one refused;
    /// `None`: it is covered. Nothing is changed.
    pub fn wait(&self, now: UnixMillis) -> Option<Wait> {
        match &self.source {
            Source::Bucket(bucket) => {
                let mut bucket = **bucket;
                bucket.refill(now);
                bucket.wait(self.cost, now)
            }
            Source::Places(places) => wait_for_place(places),
        }
    }

    /// What it refuses the request for, if it does. A watched one is not asked.
    #[inline]
    pub(crate) fn refuses(&mut self, now: UnixMillis) -> Option<Wait> {
        if self.is_watched {
            self.said = Said::Nothing;
            return None;
        }
        let wait = match &mut self.source {
            Source::Bucket(bucket) => {
                bucket.refill(now);
                bucket.wait(self.cost, now)
            }
            Source::Places(places) => wait_for_place(places),
        };
        self.said = if wait.is_none() { Said::Covered } else { Said::Short };
        wait
    }

    /// The request is admitted, and this is charged. A watched one is asked only now, and left alone
    /// where it does not cover the cost.
    #[inline]
    pub(crate) fn admit(&mut self, now: UnixMillis) {
        let is_covered = !self.is_watched
            || match &mut self.source {
                Source::Bucket(bucket) => {
                    bucket.refill(now);
                    bucket.covers(self.cost)
                }
                Source::Places(places) => places.free() > 0,
            };
        if !is_covered {
            self.said = Said::Short;
            return;
        }
        match &mut self.source {
            Source::Bucket(bucket) => bucket.take(self.cost),
            Source::Places(places) => places.take(),
        }
        self.said = Said::Charged;
    }
}

/// How long a request has to wait for one of these places.
#[inline]
fn wait_for_place(places: &Places) -> Option<Wait> {
    (places.free() == 0).then_some(Wait::Millis(PLACES_WAIT_MS))
}

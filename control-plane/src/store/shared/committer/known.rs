//! What is known here of the store's balances, by all who ask and by the desk.

use std::time::{SystemTime, UNIX_EPOCH};

use limiter::{Decision, UnixMillis};
use tokio::time::Instant;

use super::places::HeldPlaces;
use crate::store::shared::{
    Charged,
    local::Local,
    seen::Seen,
    unreadable::UnreadableKeys,
    wish::{ChargeWish, DecideWish, Decided, EndWish, Hold, Thing},
};

/// What was seen of it, and what it has not been told.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) seen: Seen,
    pub(super) local: Local,
    pub(super) places: HeldPlaces,
    pub(super) unreadable: UnreadableKeys,
    /// The store's time, and when it told it.
    told_time: Option<(UnixMillis, Instant)>,
}

impl Known {
    /// Nothing yet, of keys with this prefix.
    pub(super) fn behind(prefix: &str) -> Self {
        Self {
            seen: Seen::default(),
            local: Local::default(),
            places: HeldPlaces::default(),
            unreadable: UnreadableKeys::behind(prefix),
            told_time: None,
        }
    }

    /// Decides without the store, by one of so many parts of the limits.
    pub(super) fn decide_alone(&mut self, wish: &DecideWish, parts: u64) -> Decided {
        let now = self.now();
        let Self { seen, local, places, .. } = self;
        let decided = local.decide(wish, (seen, parts), |key| places.taken(key), now);
        self.take_places(wish, &decided);
        decided
    }

    /// A request that was admitted here has ended: what the store has to be told of it, if it is back.
    pub(super) fn end_alone(&mut self, end: &EndWish) -> Option<Vec<ChargeWish>> {
        let now = self.now();
        self.local.end(end, now)
    }

    /// The store told its time.
    pub(super) fn hears_time(&mut self, now: UnixMillis) {
        self.told_time = Some((now, Instant::now()));
    }

    /// The store's time, which goes on while it is away: by a clock of this process that is ahead of it
    /// everything would be full at once. Only who never heard it goes by its own.
    fn now(&self) -> UnixMillis {
        let millis =
            |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        if let Some((told, at)) = self.told_time {
            return UnixMillis(told.0.saturating_add(millis(at.elapsed())));
        }
        UnixMillis(millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()))
    }

    /// The places of a request that was admitted are its worker's.
    pub(super) fn take_places(&mut self, wish: &DecideWish, decided: &Decided) {
        if decided.decision != Decision::Admitted {
            return;
        }
        for (demand, charged) in wish.demands.iter().zip(&decided.charged) {
            if let (Thing::Place(key, max), Some(Charged::Place)) = (&demand.of, charged) {
                self.places.take(key, &wish.request.worker, *max);
            }
        }
    }

    /// Nobody knows that a request was admitted: the places that it was given are nobody's.
    pub(super) fn leave_places(&mut self, wish: &DecideWish, decided: &Decided) {
        for (demand, charged) in wish.demands.iter().zip(&decided.charged) {
            if let (Thing::Place(key, _), Some(Charged::Place)) = (&demand.of, charged) {
                self.places.give_back(key, &wish.request.worker);
            }
        }
    }

    /// A request is over: its places are free from now on, whenever the store hears of its end.
    pub(super) fn give_places_back(&mut self, end: &EndWish) {
        for hold in &end.holds {
            if let Hold::Place(key, _) = hold {
                self.places.give_back(key, &end.request.worker);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn while_the_store_is_away_its_own_time_goes_on() {
        let mut known = Known::behind("");
        known.hears_time(UnixMillis(1_000));
        advance(Duration::from_secs(5)).await;
        assert_eq!(known.now(), UnixMillis(6_000));
    }
}

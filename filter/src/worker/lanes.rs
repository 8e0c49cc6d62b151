//! The queue of asks, in lanes by client: whoever asks a lot waits behind himself.
//!
//! A frame takes one ask of each lane in turn. A client is in one lane, others may share it: with
//! a lane for each client, ids that somebody makes up would make lanes.

use std::{
    collections::VecDeque,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use proto::decision::Ask;

/// Enough that two busy clients seldom meet, and few enough to look at all of them when it is full.
pub(super) const LANES: usize = 64;

/// Asks in one lane, at most. They take some 25 ms to leave, a tenth of the decision timeout.
pub(super) const LANE_LEN_MAX: usize = 1_024;

/// A lane, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lane(usize);

impl Lane {
    /// From 0 to [`LANES`] - 1.
    pub(super) fn index(self) -> usize {
        self.0
    }
}

#[derive(Debug)]
pub(super) struct Lanes {
    /// So that nobody can choose an id that shares the lane of somebody else.
    seed: u64,
    queues: Vec<Queue>,
    /// The lane whose turn it is.
    next: usize,
    len: usize,
}

#[derive(Debug, Default)]
struct Queue {
    asks: VecDeque<Ask>,
    /// How many of them are of requests that have gone.
    gone: usize,
}

impl Lanes {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, queues: (0..LANES).map(|_| Queue::default()).collect(), next: 0, len: 0 }
    }

    pub(super) fn of(&self, client_id: &str) -> Lane {
        let mut hasher = DefaultHasher::new();
        self.seed.hash(&mut hasher);
        client_id.hash(&mut hasher);
        let lanes = u64::try_from(LANES).unwrap_or(1);
        Lane(usize::try_from(hasher.finish() % lanes).unwrap_or(0))
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn lane_len(&self, lane: Lane) -> usize {
        self.queues.get(lane.0).map_or(0, |queue| queue.asks.len())
    }

    pub(super) fn is_full(&self, lane: Lane) -> bool {
        self.lane_len(lane) >= LANE_LEN_MAX
    }

    pub(super) fn push_back(&mut self, lane: Lane, ask: Ask) {
        if let Some(queue) = self.queues.get_mut(lane.0) {
            queue.asks.push_back(ask);
            self.len += 1;
        }
    }

    /// For asks that come back: they have waited their turn already.
    pub(super) fn push_front(&mut self, lane: Lane, ask: Ask) {
        if let Some(queue) = self.queues.get_mut(lane.0) {
            queue.asks.push_front(ask);
            self.len += 1;
        }
    }

    /// The oldest ask of the next lane that has any.
    pub(super) fn pop(&mut self) -> Option<Ask> {
        if self.len == 0 {
            return None;
        }
        for lane in (self.next..LANES).chain(0..self.next) {
            if let Some(ask) = self.queues.get_mut(lane).and_then(|queue| queue.asks.pop_front()) {
                self.next = (lane + 1) % LANES;
                self.len -= 1;
                return Some(ask);
            }
        }
        None
    }

    /// Makes room for one more in `lane`: the newest ask of the longest other lane goes, if that
    /// one is no shorter.
    pub(super) fn make_room(&mut self, lane: Lane) -> Option<Ask> {
        let len = self.lane_len(lane);
        let others = self.queues.iter_mut().enumerate().filter(|(index, _)| *index != lane.0);
        let (_, longest) = others.max_by_key(|(_, queue)| queue.asks.len())?;
        if longest.asks.len() < len {
            return None;
        }
        let ask = longest.asks.pop_back();
        self.len -= usize::from(ask.is_some());
        ask
    }

    /// The request of an ask in `lane` has gone; the ask stays until its turn or a sweep.
    pub(super) fn count_gone(&mut self, lane: Lane) {
        if let Some(queue) = self.queues.get_mut(lane.0) {
            queue.gone += 1;
        }
    }

    /// An ask whose request had gone was taken out.
    pub(super) fn discount_gone(&mut self, lane: Lane) {
        if let Some(queue) = self.queues.get_mut(lane.0) {
            queue.gone = queue.gone.saturating_sub(1);
        }
    }

    /// Drops the asks of requests that have gone from a lane, when those are a part worth the work.
    pub(super) fn sweep(&mut self, lane: Lane, waits: impl Fn(u32) -> bool) {
        if let Some(queue) = self.queues.get_mut(lane.0)
            && queue.gone >= LANE_LEN_MAX / 4
        {
            self.len -= queue.sweep(waits);
        }
    }

    /// The same in all lanes.
    pub(super) fn sweep_all(&mut self, waits: impl Fn(u32) -> bool) {
        for queue in &mut self.queues {
            self.len -= queue.sweep(&waits);
        }
    }
}

impl Queue {
    /// Returns how many went.
    fn sweep(&mut self, waits: impl Fn(u32) -> bool) -> usize {
        let before = self.asks.len();
        self.asks.retain(|ask| waits(ask.id));
        self.gone = 0;
        before - self.asks.len()
    }
}

#[cfg(test)]
impl Lanes {
    /// How many asks are counted as those of requests that have gone.
    pub(super) fn gone(&self) -> usize {
        self.queues.iter().map(|queue| queue.gone).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(id: u32, client_id: &str) -> Ask {
        Ask { id, client_id: client_id.to_owned(), ..Ask::default() }
    }

    fn push(lanes: &mut Lanes, id: u32, client_id: &str) {
        let lane = lanes.of(client_id);
        lanes.push_back(lane, ask(id, client_id));
    }

    /// The name of a client in another lane than `client_id`.
    fn stranger(lanes: &Lanes, client_id: &str) -> String {
        (0..1_000)
            .map(|n| format!("client-{n}"))
            .find(|other| lanes.of(other) != lanes.of(client_id))
            .unwrap()
    }

    #[test]
    fn who_asks_once_waits_for_one_ask_of_each_other_lane_at_most() {
        let mut lanes = Lanes::new(1);
        let honest = stranger(&lanes, "flood");
        for id in 0..1_000 {
            push(&mut lanes, id, "flood");
        }
        push(&mut lanes, 5_000, &honest);
        let first_two = [lanes.pop(), lanes.pop()].map(|ask| ask.unwrap().id);
        assert!(first_two.contains(&5_000), "{first_two:?}");
        assert_eq!(lanes.len(), 999);
    }

    #[test]
    fn a_clients_asks_leave_in_their_order() {
        let mut lanes = Lanes::new(7);
        for id in 1..=3 {
            push(&mut lanes, id, "a");
        }
        let first = lanes.pop().unwrap();
        let lane = lanes.of("a");
        lanes.push_front(lane, first);
        let order: Vec<_> = std::iter::from_fn(|| lanes.pop()).map(|ask| ask.id).collect();
        assert_eq!(order, [1, 2, 3]);
        assert_eq!(lanes.len(), 0);
    }

    #[test]
    fn room_is_made_in_the_longest_lane_and_never_in_a_shorter_one() {
        let mut lanes = Lanes::new(3);
        let honest = stranger(&lanes, "flood");
        for id in 0..10 {
            push(&mut lanes, id, "flood");
        }
        let (mine, theirs) = (lanes.of(&honest), lanes.of("flood"));
        assert_eq!(lanes.make_room(mine).map(|ask| ask.id), Some(9), "the newest");
        assert_eq!(lanes.make_room(theirs), None, "nobody makes room for himself");
        assert_eq!(lanes.len(), 9);
    }

    #[test]
    fn another_seed_is_another_order() {
        let (one, two) = (Lanes::new(1), Lanes::new(2));
        let ids: Vec<_> = (0..100).map(|n| n.to_string()).collect();
        assert!(ids.iter().any(|id| one.of(id) != two.of(id)));
    }

    #[test]
    fn ids_spread_over_all_lanes() {
        let lanes = Lanes::new(1);
        let mut seen = [false; LANES];
        for n in 0..2_000 {
            seen[lanes.of(&n.to_string()).0] = true;
        }
        assert!(seen.iter().all(|seen| *seen));
    }
}

//! The queue of asks, in lanes by client: whoever asks a lot waits behind himself.
//!
//! A frame takes one ask of each lane in turn. A client is in one lane, others may share it: with
//! a lane for each client, ids that somebody makes up would make lanes.
//!
//! Whoever asks by a new id each time stands in all lanes, and so before everybody. That is why
//! clients of which the control plane has said that they are configured have lanes apart from those
//! of all others, and the two sides take turns.

use std::{
    collections::VecDeque,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use proto::decision::Ask;

/// On each side: enough that two busy clients seldom meet, and few enough to look at all of them
/// when it is full.
const LANES_A_SIDE: usize = 64;

/// On both.
pub(super) const LANES: usize = 2 * LANES_A_SIDE;

/// Configured clients that are remembered, at most, in 64 KiB. With more of them than that, some
/// stand with strangers until their next verdict.
const KNOWN_MAX: usize = 8_192;

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

    fn of(self) -> Of {
        if self.0 < LANES_A_SIDE { Of::Strangers } else { Of::Configured }
    }
}

impl Of {
    fn first_lane(self) -> usize {
        match self {
            Self::Strangers => 0,
            Self::Configured => LANES_A_SIDE,
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Strangers => Self::Configured,
            Self::Configured => Self::Strangers,
        }
    }
}

impl Known {
    fn has(&self, hash: u64) -> bool {
        self.0.get(place_of(hash)) == Some(&hash)
    }

    fn take_in(&mut self, hash: u64) {
        if let Some(place) = self.place(hash) {
            *place = hash;
        }
    }

    fn forget(&mut self, hash: u64) {
        if let Some(place) = self.place(hash).filter(|place| **place == hash) {
            *place = 0;
        }
    }

    fn place(&mut self, hash: u64) -> Option<&mut u64> {
        self.0.get_mut(place_of(hash))
    }
}

/// By other bits than those that choose the lane.
fn place_of(hash: u64) -> usize {
    remainder(hash.rotate_right(32), KNOWN_MAX)
}

fn lane_of(hash: u64, of: Of) -> Lane {
    Lane(of.first_lane() + remainder(hash, LANES_A_SIDE))
}

fn remainder(hash: u64, by: usize) -> usize {
    let by = u64::try_from(by).unwrap_or(1);
    usize::try_from(hash % by).unwrap_or(0)
}

#[derive(Debug)]
pub(super) struct Lanes {
    /// So that nobody can choose an id that shares the lane of somebody else.
    seed: u64,
    known: Known,
    queues: Vec<Queue>,
    strangers: Side,
    configured: Side,
    /// The side whose turn it is.
    turn: Of,
}

/// Whose lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// Clients that are not configured, or not known to be.
    Strangers,
    /// The others.
    Configured,
}

#[derive(Debug, Default)]
struct Side {
    /// Among its lanes that whose turn it is.
    next: usize,
    len: usize,
}

/// The configured clients, by a hash of their ids. Each has one place, which another may take.
#[derive(Debug)]
struct Known(Vec<u64>);

#[derive(Debug, Default)]
struct Queue {
    asks: VecDeque<Ask>,
    /// How many of them are of requests that have gone.
    gone: usize,
}

impl Lanes {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            known: Known(vec![0; KNOWN_MAX]),
            queues: (0..LANES).map(|_| Queue::default()).collect(),
            strangers: Side::default(),
            configured: Side::default(),
            turn: Of::Configured,
        }
    }

    /// The lane in which the next ask is to stand of who is told from others by these bytes.
    pub(super) fn of(&self, who: impl AsRef<[u8]>) -> Lane {
        let hash = self.hash(who.as_ref());
        let of = if self.known.has(hash) { Of::Configured } else { Of::Strangers };
        lane_of(hash, of)
    }

    /// The control plane has said whether a client is configured; the lane of its next ask.
    pub(super) fn learn(&mut self, who: impl AsRef<[u8]>, is_configured: bool) -> Lane {
        let hash = self.hash(who.as_ref());
        if is_configured {
            self.known.take_in(hash);
            lane_of(hash, Of::Configured)
        } else {
            self.known.forget(hash);
            lane_of(hash, Of::Strangers)
        }
    }

    fn hash(&self, who: &[u8]) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.seed.hash(&mut hasher);
        who.hash(&mut hasher);
        hasher.finish()
    }

    fn side(&mut self, of: Of) -> &mut Side {
        match of {
            Of::Strangers => &mut self.strangers,
            Of::Configured => &mut self.configured,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.strangers.len + self.configured.len
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
            self.side(lane.of()).len += 1;
        }
    }

    /// For asks that come back: they have waited their turn already.
    pub(super) fn push_front(&mut self, lane: Lane, ask: Ask) {
        if let Some(queue) = self.queues.get_mut(lane.0) {
            queue.asks.push_front(ask);
            self.side(lane.of()).len += 1;
        }
    }

    /// The oldest ask of the next lane that has any, and the lane.
    pub(super) fn pop(&mut self) -> Option<(Lane, Ask)> {
        let of = self.turn;
        self.turn = of.other();
        self.pop_of(of).or_else(|| self.pop_of(of.other()))
    }

    fn pop_of(&mut self, of: Of) -> Option<(Lane, Ask)> {
        let side = self.side(of);
        if side.len == 0 {
            return None;
        }
        let next = side.next;
        let first = of.first_lane();
        for lane in (next..LANES_A_SIDE).chain(0..next) {
            let queue = self.queues.get_mut(first + lane);
            if let Some(ask) = queue.and_then(|queue| queue.asks.pop_front()) {
                let side = self.side(of);
                side.next = (lane + 1) % LANES_A_SIDE;
                side.len -= 1;
                return Some((Lane(first + lane), ask));
            }
        }
        None
    }

    /// Makes room for one more in `lane`: the newest ask of the longest other lane goes, if that
    /// one is no shorter. It is returned with its lane.
    pub(super) fn make_room(&mut self, lane: Lane) -> Option<(Lane, Ask)> {
        let len = self.lane_len(lane);
        let others = self.queues.iter_mut().enumerate().filter(|(index, _)| *index != lane.0);
        let (index, longest) = others.max_by_key(|(_, queue)| queue.asks.len())?;
        if longest.asks.len() < len {
            return None;
        }
        let ask = longest.asks.pop_back()?;
        let longest = Lane(index);
        self.side(longest.of()).len -= 1;
        Some((longest, ask))
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
            let swept = queue.sweep(waits);
            self.side(lane.of()).len -= swept;
        }
    }

    /// The same in all lanes.
    pub(super) fn sweep_all(&mut self, waits: impl Fn(u32) -> bool) {
        for (index, queue) in self.queues.iter_mut().enumerate() {
            let swept = queue.sweep(&waits);
            match Lane(index).of() {
                Of::Strangers => self.strangers.len -= swept,
                Of::Configured => self.configured.len -= swept,
            }
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
    use proto::decision::ask;

    use super::*;

    fn ask(id: u32, client_id: &str) -> Ask {
        let who = Some(ask::Who::ClientId(client_id.to_owned()));
        Ask { id, who, ..Ask::default() }
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
        let first_two = [lanes.pop(), lanes.pop()].map(|popped| popped.unwrap().1.id);
        assert!(first_two.contains(&5_000), "{first_two:?}");
        assert_eq!(lanes.len(), 999);
    }

    #[test]
    fn a_clients_asks_leave_in_their_order() {
        let mut lanes = Lanes::new(7);
        for id in 1..=3 {
            push(&mut lanes, id, "a");
        }
        let (lane, first) = lanes.pop().unwrap();
        assert_eq!(lane, lanes.of("a"));
        lanes.push_front(lane, first);
        let order: Vec<_> = std::iter::from_fn(|| lanes.pop()).map(|(_, ask)| ask.id).collect();
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
        let newest = lanes.make_room(mine).map(|(lane, ask)| (lane, ask.id));
        assert_eq!(newest, Some((theirs, 9)));
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
        let mut lanes = Lanes::new(1);
        let mut seen = [false; LANES];
        for n in 0..2_000 {
            seen[lanes.of(n.to_string()).0] = true;
            seen[lanes.learn(n.to_string(), true).0] = true;
        }
        assert!(seen.iter().all(|seen| *seen));
    }

    #[test]
    fn a_client_that_is_configured_does_not_wait_behind_ids_that_somebody_makes_up() {
        let mut lanes = Lanes::new(1);
        for id in 0..5_000 {
            push(&mut lanes, id, &format!("made-up-{id}"));
        }
        lanes.learn("honest", true);
        for id in [10_000, 10_001] {
            push(&mut lanes, id, "honest");
        }
        let first: Vec<_> = (0..4).filter_map(|_| lanes.pop()).map(|(_, ask)| ask.id).collect();
        assert!(first.contains(&10_000) && first.contains(&10_001), "{first:?}");
        assert_eq!(lanes.len(), 4_998);
        let rest = std::iter::from_fn(|| lanes.pop()).count();
        assert_eq!((rest, lanes.len()), (4_998, 0), "and then the others have all of it");
    }

    #[test]
    fn a_client_is_known_until_it_is_configured_no_more_or_another_has_its_place() {
        let mut lanes = Lanes::new(1);
        let as_a_stranger = lanes.of("a");
        let as_configured = lanes.learn("a", true);
        assert_ne!(as_configured, as_a_stranger);
        assert_eq!(lanes.of("a"), as_configured);
        assert_eq!(lanes.learn("a", false), as_a_stranger);
        assert_eq!(lanes.of("a"), as_a_stranger);

        lanes.learn("a", true);
        for n in 0..100_000 {
            lanes.learn(format!("other-{n}"), true);
        }
        assert_eq!(lanes.of("a"), as_a_stranger, "no more are remembered than there are places");
        for n in 0..100_000 {
            lanes.learn(format!("made-up-{n}"), false);
        }
        assert!((0..100_000).any(|n| lanes.of(format!("other-{n}")).of() == Of::Configured));
    }
}

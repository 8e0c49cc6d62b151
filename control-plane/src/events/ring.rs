//! The newest events of one topic.

use std::{collections::VecDeque, sync::Arc};

use super::event::{Body, Event};

/// How much one ring keeps. It is also all that whoever listens can be behind: with ten thousand busy
/// clients these are the figures of the last two seconds, with a hundred those of some minutes.
const BYTES_MAX: usize = 4 * 1024 * 1024;
const EVENTS_MAX: usize = 4_096;

#[derive(Debug, Default)]
pub(super) struct Ring {
    events: VecDeque<(usize, Arc<Event>)>,
    bytes: usize,
    /// How many events were in it and are no more.
    pub(super) forgotten: u64,
    /// The number of the last of these; something may also have gone by untold up to it.
    pub(super) forgotten_up_to: u64,
}

impl Ring {
    pub(super) fn push(&mut self, number: u64, body: Body) {
        let bytes = body.bytes();
        self.bytes += bytes;
        self.events.push_back((bytes, Arc::new(Event::new(number, body))));
        while self.events.len() > EVENTS_MAX || (self.bytes > BYTES_MAX && self.events.len() > 1) {
            self.forget_oldest();
        }
    }

    /// From here on something is missing, of which nothing is known.
    pub(super) fn break_at(&mut self, number: u64) {
        while !self.events.is_empty() {
            self.forget_oldest();
        }
        self.forgotten_up_to = number;
    }

    fn forget_oldest(&mut self) {
        if let Some((bytes, event)) = self.events.pop_front() {
            self.bytes -= bytes;
            self.forgotten += 1;
            self.forgotten_up_to = event.number;
        }
    }

    /// The first event after that number.
    pub(super) fn after(&self, number: u64) -> Option<&Arc<Event>> {
        self.events.get(self.place_after(number)).map(|(_, event)| event)
    }

    /// How many events there ever were up to that number, where that is known.
    pub(super) fn count_up_to(&self, number: u64) -> Option<u64> {
        let here = self.place_after(number) as u64;
        (number >= self.forgotten_up_to).then(|| self.forgotten + here)
    }

    fn place_after(&self, number: u64) -> usize {
        self.events.partition_point(|(_, event)| event.number <= number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(bytes: usize) -> Body {
        Body::One { about: None, json: "x".repeat(bytes).into() }
    }

    #[test]
    fn it_keeps_so_many_events_and_so_many_bytes() {
        let mut ring = Ring::default();
        for number in 1..=2 * EVENTS_MAX as u64 {
            ring.push(number, body(2));
        }
        assert_eq!((ring.events.len(), ring.forgotten), (EVENTS_MAX, EVENTS_MAX as u64));
        for number in 100_000..100_100 {
            ring.push(number, body(BYTES_MAX / 10));
            assert!(ring.bytes <= BYTES_MAX, "{}", ring.bytes);
        }
        assert!((8..=9).contains(&ring.events.len()), "{}", ring.events.len());
        ring.push(200_000, body(2 * BYTES_MAX));
        assert_eq!(ring.events.len(), 1, "the newest is there however long it is");
    }

    #[test]
    fn what_was_missed_is_counted_as_long_as_it_is_known() {
        let mut ring = Ring::default();
        for number in [3, 5, 9] {
            ring.push(number, body(1));
        }
        assert_eq!((ring.count_up_to(0), ring.count_up_to(5)), (Some(0), Some(2)));
        assert_eq!(ring.after(5).map(|event| event.number), Some(9));
        ring.break_at(12);
        assert_eq!((ring.count_up_to(11), ring.count_up_to(12)), (None, Some(3)));
        assert!(ring.after(0).is_none());
    }
}

//! What is to happen, by time; what is due at the same time happens in the order in which it was
//! planned.

use std::collections::BTreeMap;

/// Simulated time, in microseconds since the run began.
pub(crate) type Micros = u64;

/// Events by time.
#[derive(Debug)]
pub(crate) struct Queue<E> {
    events: BTreeMap<(Micros, u64), E>,
    planned: u64,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self { events: BTreeMap::new(), planned: 0 }
    }
}

impl<E> Queue<E> {
    /// Plans an event.
    pub(crate) fn push(&mut self, at: Micros, event: E) {
        self.planned += 1;
        self.events.insert((at, self.planned), event);
    }

    /// When the next event is.
    pub(crate) fn next_at(&self) -> Option<Micros> {
        self.events.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next event, and when it is.
    pub(crate) fn pop(&mut self) -> Option<(Micros, E)> {
        let ((at, _), event) = self.events.pop_first()?;
        Some((at, event))
    }
}

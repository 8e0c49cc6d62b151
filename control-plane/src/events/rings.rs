//! The rings of all topics, numbered through.

use std::sync::Arc;

use super::{
    Topic,
    event::{Body, Event},
    ring::Ring,
};

#[derive(Debug, Default)]
pub(super) struct Rings {
    rings: [Ring; Topic::ALL.len()],
    /// The number of the newest event.
    newest: u64,
}

/// How far somebody has read one topic.
#[derive(Clone, Debug)]
pub(super) struct Cursor {
    topic: Topic,
    /// The number of the last event that was read.
    number: u64,
    /// How many events were read, or could have been; `None`: that is not known.
    count: Option<u64>,
}

/// What is next for somebody.
pub(super) enum Next {
    /// They have read everything.
    Nothing,
    /// An event.
    Event(Topic, Arc<Event>),
    /// Events that are gone; how many, if that is known.
    Missed(Vec<Topic>, Option<u64>),
}

impl Rings {
    /// Adds an event.
    pub(super) fn push(&mut self, topic: Topic, body: Body) {
        self.newest += 1;
        let number = self.newest;
        self.ring_mut(topic).push(number, body);
    }

    /// The number of the newest event.
    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    /// Nobody looks at what these topics are about from now on: what then happens is missing.
    pub(super) fn break_off(&mut self, topics: impl Iterator<Item = Topic>) {
        self.newest += 1;
        let number = self.newest;
        for topic in topics {
            self.ring_mut(topic).break_at(number);
        }
    }

    /// One who has read `topic` up to the event of this number.
    pub(super) fn cursor(&self, topic: Topic, number: u64) -> Cursor {
        Cursor { topic, number, count: self.ring(topic).count_up_to(number) }
    }

    /// One who has read nothing of what is there.
    pub(super) fn oldest(&self, topic: Topic) -> Cursor {
        self.cursor(topic, self.ring(topic).forgotten_up_to)
    }

    /// What comes next, in the order of the numbers.
    pub(super) fn next(&self, cursors: &mut [Cursor]) -> Next {
        let mut missed = Vec::new();
        let mut count = Some(0);
        for cursor in &mut *cursors {
            let ring = self.ring(cursor.topic);
            if ring.forgotten_up_to > cursor.number {
                missed.push(cursor.topic);
                let here = cursor.count.map(|count| ring.forgotten.saturating_sub(count));
                count = count.zip(here).map(|(count, here): (u64, u64)| count + here);
                (cursor.number, cursor.count) = (ring.forgotten_up_to, Some(ring.forgotten));
            }
        }
        if !missed.is_empty() {
            return Next::Missed(missed, count.filter(|count| *count > 0));
        }
        let next = cursors.iter_mut().filter_map(|cursor| {
            let event = self.ring(cursor.topic).after(cursor.number)?;
            Some((event, cursor))
        });
        let Some((event, cursor)) = next.min_by_key(|(event, _)| event.number) else {
            return Next::Nothing;
        };
        cursor.number = event.number;
        cursor.count = cursor.count.map(|count| count + 1);
        Next::Event(cursor.topic, Arc::clone(event))
    }

    #[expect(clippy::indexing_slicing, reason = "there is one for each topic")]
    fn ring(&self, topic: Topic) -> &Ring {
        &self.rings[topic as usize]
    }

    #[expect(clippy::indexing_slicing, reason = "there is one for each topic")]
    fn ring_mut(&mut self, topic: Topic) -> &mut Ring {
        &mut self.rings[topic as usize]
    }
}

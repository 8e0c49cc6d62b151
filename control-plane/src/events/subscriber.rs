//! Somebody who listens: at a pace of their own, and with nothing in memory but where they are.

use std::sync::Arc;

use tokio::sync::watch;

use super::{
    EventId, Topic, Wish,
    hub::Seat,
    rings::{Cursor, Next},
};

/// A listener; its place is free again when it is dropped.
#[derive(Debug)]
pub struct Subscriber {
    seat: Seat,
    wish: Arc<Wish>,
    cursors: Vec<Cursor>,
    /// Behind which event it begins.
    begins_behind: u64,
    /// It goes on behind an event of which nothing is known here.
    has_lost_all: bool,
    newest: watch::Receiver<u64>,
}

/// What a listener is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// An event.
    Event {
        /// What it is known by.
        id: EventId,
        /// What it is about.
        topic: Topic,
        /// A JSON object in one line.
        json: String,
    },
    /// Something is missing here.
    Lagged {
        /// Of what.
        topics: Vec<Topic>,
        /// How many events, whomever they were about; `None`: that is not known.
        missed: Option<u64>,
    },
}

impl Subscriber {
    pub(super) fn new(seat: Seat, wish: Arc<Wish>, heard: Option<&str>) -> Self {
        let events = Arc::clone(seat.events());
        let newest = events.newest();
        let known = heard.map(|heard| events.number(heard));
        let rings = events.rings().lock();
        let has_lost_all = known == Some(None);
        let begins_behind = known.map_or(rings.newest(), Option::unwrap_or_default);
        let cursor = |topic: &Topic| {
            if has_lost_all { rings.oldest(*topic) } else { rings.cursor(*topic, begins_behind) }
        };
        let cursors = wish.topics.iter().map(cursor).collect();
        drop(rings);
        Self { seat, wish, cursors, begins_behind, has_lost_all, newest }
    }

    /// What it is told first: where it is and how things stand.
    pub fn ready(&self) -> (EventId, String) {
        let events = self.seat.events();
        (events.id(self.begins_behind), events.ready(&self.wish))
    }

    /// What is next, if it is there.
    pub fn try_next(&mut self) -> Option<Told> {
        self.newest.borrow_and_update();
        if std::mem::take(&mut self.has_lost_all) {
            return Some(Told::Lagged { topics: self.wish.topics.clone(), missed: None });
        }
        loop {
            let next = self.seat.events().rings().lock().next(&mut self.cursors);
            match next {
                Next::Nothing => return None,
                Next::Missed(topics, missed) => return Some(Told::Lagged { topics, missed }),
                Next::Event(topic, event) => {
                    if let Some(json) = event.text_for(&self.wish.filter) {
                        let id = self.seat.events().id(event.number);
                        return Some(Told::Event { id, topic, json });
                    }
                }
            }
        }
    }

    /// Waits until there may be more. It may be dropped and called anew.
    pub async fn more(&mut self) {
        // The sender is there as long as this is.
        let _ = self.newest.changed().await;
    }
}

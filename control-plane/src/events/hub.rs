//! Where events are told, and where listeners have their places.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::{
    About, EventId, Filter, Topic,
    event::Body,
    figures::json,
    id::Epoch,
    replica_name::replica_name,
    rings::Rings,
    workers::{WorkerShape, Workers},
};
use crate::{ledger::Ledger, listener::EVENT_STREAMS_MAX, rfc3339::rfc3339};

/// All events of this control plane.
#[derive(Debug)]
pub struct Events {
    ledger: Arc<Ledger>,
    epoch: Epoch,
    replica: String,
    rings: Mutex<Rings>,
    /// The number of the newest event, for those who wait for it.
    newest: watch::Sender<u64>,
    listening: Mutex<Listening>,
    /// What has been looked at since somebody listens.
    looked: watch::Sender<Looked>,
    workers: Mutex<Workers>,
    places: Arc<Semaphore>,
}

/// What somebody wants to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Of what.
    pub topics: Vec<Topic>,
    /// Of whom.
    pub filter: Filter,
}

/// All places are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoPlace;

#[derive(Debug, Default)]
struct Listening {
    wishes: BTreeMap<u64, Arc<Wish>>,
    next: u64,
    is_sampling: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Looked {
    /// At limits and everything else.
    pub(super) around: bool,
    /// At clients.
    pub(super) at_clients: bool,
}

/// One listener's place.
#[derive(Debug)]
pub(super) struct Seat {
    events: Arc<Events>,
    number: u64,
    _place: OwnedSemaphorePermit,
}

/// What a listener is told first.
#[derive(Serialize)]
struct Ready<'a> {
    replica: &'a str,
    time: String,
    topics: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workers: Option<Vec<WorkerShape>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replicas: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    store_is_away: Option<bool>,
}

impl Wish {
    pub(super) fn has(&self, topic: Topic) -> bool {
        self.topics.contains(&topic)
    }

    /// Whether it takes looking at clients.
    pub(super) fn is_of_clients(&self) -> bool {
        self.has(Topic::Clients) || self.has(Topic::Refusals)
    }

    fn is_sampled(&self) -> bool {
        self.topics.iter().any(|topic| topic.is_sampled())
    }

    /// What has to have been looked at before it can be said what changes.
    fn takes(&self) -> Looked {
        Looked { around: self.is_sampled(), at_clients: self.is_of_clients() }
    }
}

impl Looked {
    fn covers(self, other: Self) -> bool {
        (self.around || !other.around) && (self.at_clients || !other.at_clients)
    }
}

impl Events {
    /// None yet, of a control plane with this ledger.
    pub fn of(ledger: Arc<Ledger>) -> Arc<Self> {
        let epoch = Epoch::new(ledger.now());
        Arc::new(Self {
            replica: replica_name(&epoch),
            ledger,
            epoch,
            rings: Mutex::default(),
            newest: watch::Sender::default(),
            listening: Mutex::default(),
            looked: watch::Sender::default(),
            workers: Mutex::default(),
            places: Arc::new(Semaphore::new(EVENT_STREAMS_MAX)),
        })
    }

    /// Something is configured: `entry` says what and by whom, without any secret.
    pub fn configured(&self, entry: &impl Serialize, about: Option<About>) {
        self.publish(Topic::Config, Body::One { about, json: json(entry) });
    }

    /// What this control plane is called.
    pub fn replica(&self) -> &str {
        &self.replica
    }

    /// How many listen now.
    pub fn listeners(&self) -> usize {
        self.listening.lock().wishes.len()
    }

    pub(super) fn publish(&self, topic: Topic, body: Body) {
        let mut rings = self.rings.lock();
        rings.push(topic, body);
        self.newest.send_replace(rings.newest());
    }

    pub(super) fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    pub(super) fn rings(&self) -> &Mutex<Rings> {
        &self.rings
    }

    pub(super) fn workers(&self) -> &Mutex<Workers> {
        &self.workers
    }

    pub(super) fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    pub(super) fn id(&self, number: u64) -> EventId {
        EventId { epoch: self.epoch.clone(), number }
    }

    /// The number of an event of this process that somebody heard; `None`: it is none of those that
    /// there were so far.
    pub(super) fn number(&self, heard: &str) -> Option<u64> {
        let id = EventId::read(heard)?;
        let is_ours = id.epoch == self.epoch && id.number <= self.rings.lock().newest();
        is_ours.then_some(id.number)
    }

    /// What a listener is told first, as JSON.
    pub(super) fn ready(&self, wish: &Wish) -> String {
        let ready = Ready {
            replica: &self.replica,
            time: rfc3339(self.ledger.now()).unwrap_or_default(),
            topics: wish.topics.iter().map(|topic| topic.word()).collect(),
            workers: wish.has(Topic::Workers).then(|| self.workers.lock().shapes()),
            replicas: wish.has(Topic::Replicas).then(|| self.ledger.control_planes()),
            store_is_away: (wish.has(Topic::Failures) && self.ledger.is_shared())
                .then(|| self.ledger.store_is_away()),
        };
        json(&ready).into()
    }

    /// What listeners want now of what has to be looked at.
    pub(super) fn wishes(&self) -> Vec<Arc<Wish>> {
        let listening = self.listening.lock();
        listening.wishes.values().filter(|wish| wish.is_sampled()).cloned().collect()
    }

    /// What was looked at has been seen once.
    pub(super) fn has_looked(&self, looked: Looked) {
        self.looked.send_if_modified(|before| std::mem::replace(before, looked) != looked);
    }

    /// Nobody looks any more, unless somebody listens after all. What happens from then on is missing
    /// to those who go on later.
    pub(super) fn stop_looking(&self) -> bool {
        let mut listening = self.listening.lock();
        if listening.wishes.values().any(|wish| wish.is_sampled()) {
            return false;
        }
        listening.is_sampling = false;
        self.looked.send_replace(Looked::default());
        self.rings.lock().break_off(Topic::ALL.into_iter().filter(|topic| topic.is_sampled()));
        true
    }

    /// A place for somebody who wants to hear this.
    pub(super) fn sit_down(self: &Arc<Self>, wish: &Arc<Wish>) -> Result<Seat, NoPlace> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| NoPlace)?;
        let mut listening = self.listening.lock();
        let number = listening.next;
        listening.next += 1;
        listening.wishes.insert(number, Arc::clone(wish));
        Ok(Seat { events: Arc::clone(self), number, _place: place })
    }

    /// Whether it has to be looked from now on, and nobody does yet.
    pub(super) fn begin_looking(&self, wish: &Wish) -> bool {
        wish.is_sampled() && !std::mem::replace(&mut self.listening.lock().is_sampling, true)
    }

    /// Waits until all has been seen once that is wanted.
    pub(super) async fn wait_until_seen(&self, wish: &Wish) {
        let takes = wish.takes();
        // The sender is there as long as this is.
        let _ = self.looked.subscribe().wait_for(|looked| looked.covers(takes)).await;
    }
}

impl Seat {
    pub(super) fn events(&self) -> &Arc<Events> {
        &self.events
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.events.listening.lock().wishes.remove(&self.number);
    }
}

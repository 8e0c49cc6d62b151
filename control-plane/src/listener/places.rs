//! The places of a listener's connections, and who makes room when all of them are taken.
//!
//! A place is *at work* while the server owes its peer something: a request that has arrived whole
//! and is not answered yet, or a decision stream. Every other place waits for its peer, which may
//! be one that only wants to keep it: the one that has waited longest makes room. Where an answer's
//! body is on its way the peer may be reading, so that such a place goes last, unless its peer is
//! seen not to read.
//!
//! A *stranger* is a peer that has asked for nothing yet. When strangers crowd in, they make room
//! for each other: somebody between two requests would be gone in the moments that it takes
//! thousands of them to come.

use std::{
    collections::HashMap,
    future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

/// The share of the places that strangers may take from others. What is left is for some tens of
/// operators; and a stranger has the more time for its first request, the more places there are.
const STRANGERS_MAX_PERCENT: usize = 75;

/// All places of a listener.
#[derive(Debug)]
pub(super) struct Places {
    book: Mutex<Book>,
    /// A place was given back, or one is not at work any more.
    changed: Notify,
}

#[derive(Debug)]
struct Book {
    free: usize,
    /// So many strangers and more make room for the next one themselves.
    strangers_max: usize,
    /// Places that were told to make room and are not free yet.
    leaving: usize,
    taken: HashMap<u64, Occupant>,
    next_id: u64,
    next_turn: u64,
}

#[derive(Debug)]
struct Occupant {
    is_stranger: bool,
    at_work: usize,
    answering: usize,
    /// The peer does not read what was written to it.
    stalled: bool,
    /// In which order places became what they are.
    turn: u64,
    since: Instant,
    leaving: bool,
    exit: Arc<Exit>,
}

/// How a connection learns that it has to go.
#[derive(Debug, Default)]
struct Exit {
    asked: AtomicBool,
    waker: AtomicWaker,
}

/// A connection's place; it is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    shared: Arc<Shared>,
}

/// Tells whether a connection is at work; clones tell of the same one.
#[derive(Clone, Debug)]
pub struct ConnectionHandle {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    places: Arc<Places>,
    id: u64,
    exit: Arc<Exit>,
}

/// While one of these lives, the connection is at work and keeps its place.
#[derive(Debug)]
#[must_use]
pub struct AtWork {
    shared: Arc<Shared>,
}

/// While one of these lives, the body of an answer is on its way.
#[derive(Debug)]
#[must_use]
pub struct Answering {
    shared: Arc<Shared>,
}

/// Which places make room first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Leaves {
    First,
    Last,
    Never,
}

impl Places {
    pub(super) fn new(places: usize) -> Arc<Self> {
        let book = Book {
            free: places,
            strangers_max: (places * STRANGERS_MAX_PERCENT / 100).max(1),
            leaving: 0,
            taken: HashMap::with_capacity(places),
            next_id: 0,
            next_turn: 0,
        };
        Arc::new(Self { book: Mutex::new(book), changed: Notify::new() })
    }

    /// Takes a place. When none is free, the connection that has waited longest for its peer makes
    /// room; when all are at work, the first that is not any more.
    pub(super) async fn take(self: &Arc<Self>) -> Place {
        loop {
            if let Some(place) = self.try_take() {
                return place;
            }
            // One permit is kept for a change between the look and this wait.
            self.changed.notified().await;
        }
    }

    fn try_take(self: &Arc<Self>) -> Option<Place> {
        let mut book = self.book.lock();
        if book.free == 0 {
            if book.leaving == 0 {
                book.ask_longest_waiting_to_leave();
            }
            return None;
        }
        book.free -= 1;
        let id = book.next_id;
        book.next_id += 1;
        let exit = Arc::new(Exit::default());
        let taken = Occupant {
            is_stranger: true,
            at_work: 0,
            answering: 0,
            stalled: false,
            turn: book.turn(),
            since: Instant::now(),
            leaving: false,
            exit: Arc::clone(&exit),
        };
        book.taken.insert(id, taken);
        Some(Place { shared: Arc::new(Shared { places: Arc::clone(self), id, exit }) })
    }
}

impl Book {
    fn turn(&mut self) -> u64 {
        self.next_turn += 1;
        self.next_turn
    }

    fn ask_longest_waiting_to_leave(&mut self) {
        let are_crowded = self.strangers() >= self.strangers_max;
        let waiting = self
            .taken
            .values_mut()
            .filter(|taken| taken.leaves() != Leaves::Never && !taken.leaving)
            .filter(|taken| taken.is_stranger || !are_crowded);
        if let Some(longest) = waiting.min_by_key(|taken| (taken.leaves(), taken.turn)) {
            longest.leaving = true;
            longest.exit.ask();
            self.leaving += 1;
        }
    }

    fn strangers(&self) -> usize {
        self.taken.values().filter(|taken| taken.is_stranger && !taken.leaving).count()
    }

    /// Changes a place; `true` when it can make room from now on.
    fn change(&mut self, id: u64, change: impl FnOnce(&mut Occupant)) -> bool {
        let turn = self.turn();
        let Some(taken) = self.taken.get_mut(&id) else { return false };
        let before = taken.leaves();
        change(taken);
        taken.is_stranger &= taken.at_work == 0;
        let after = taken.leaves();
        if before != after {
            taken.turn = turn;
            taken.since = Instant::now();
        }
        before == Leaves::Never && after != Leaves::Never
    }
}

impl Occupant {
    fn leaves(&self) -> Leaves {
        match self {
            Self { stalled: true, .. } => Leaves::First,
            Self { at_work: 1.., .. } => Leaves::Never,
            Self { answering: 1.., .. } => Leaves::Last,
            _ => Leaves::First,
        }
    }
}

impl Exit {
    fn ask(&self) {
        self.asked.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// One task at a time is woken: the connection's.
    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.waker.register(cx.waker());
        if self.asked.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Shared {
    fn change(&self, change: impl FnOnce(&mut Occupant)) {
        let can_make_room = self.places.book.lock().change(self.id, change);
        if can_make_room {
            self.places.changed.notify_one();
        }
    }
}

impl Place {
    pub(super) fn handle(&self) -> ConnectionHandle {
        ConnectionHandle { shared: Arc::clone(&self.shared) }
    }

    /// Ready once the connection has to go.
    pub(super) fn poll_exit(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.shared.exit.poll(cx)
    }

    /// Since when nothing is at work; `None` while something is.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let book = self.shared.places.book.lock();
        let taken = book.taken.get(&self.shared.id)?;
        (taken.at_work == 0).then_some(taken.since)
    }

    /// Whether the peer leaves unread what was written to it.
    pub(super) fn set_stalled(&self, stalled: bool) {
        self.shared.change(|taken| taken.stalled = stalled);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let places = &self.shared.places;
        let mut book = places.book.lock();
        if let Some(taken) = book.taken.remove(&self.shared.id) {
            book.free += 1;
            book.leaving -= usize::from(taken.leaving);
        }
        drop(book);
        places.changed.notify_one();
    }
}

impl ConnectionHandle {
    /// The connection is at work until this is dropped.
    pub fn at_work(&self) -> AtWork {
        self.shared.change(|taken| taken.at_work += 1);
        AtWork { shared: Arc::clone(&self.shared) }
    }

    /// The body of an answer is on its way until this is dropped.
    pub fn answering(&self) -> Answering {
        self.shared.change(|taken| taken.answering += 1);
        Answering { shared: Arc::clone(&self.shared) }
    }

    /// Closes the connection.
    pub fn close(&self) {
        self.shared.exit.ask();
    }

    /// Waits until the connection has to go; for the task that serves it.
    pub async fn asked_to_go(&self) {
        future::poll_fn(|cx| self.shared.exit.poll(cx)).await;
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.shared.change(|taken| taken.at_work = taken.at_work.saturating_sub(1));
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.shared.change(|taken| taken.answering = taken.answering.saturating_sub(1));
    }
}

//! One worker of one Envoy: whoever asks for requests and tells their ends, and what those hold in
//! between. A worker outlives its streams.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use foldhash::fast::RandomState;
use limiter::{Tokens, UnixMillis};
use parking_lot::{Mutex, MutexGuard};

use super::{Answer, Reservation, slot_key::SlotKey};
use crate::{credentials::FoundKey, store::shared::Receipts};

/// How many of a worker's requests are followed to their end. Beyond it a request is decided and
/// charged like any other, but it can be neither given back nor timed.
pub const HELD_MAX: usize = 100_000;

/// How many answers that were never told are kept in mind: those of as many frames as a worker may
/// lose in a row. An older one is decided anew.
const REPEATED_MAX: usize = 16 * proto::ASKS_MAX;

/// The name of a worker: who knows it can end the worker's requests, so nobody can guess it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct WorkerId(pub u128);

/// A worker, and what its requests hold.
#[derive(Debug)]
pub struct Worker {
    id: WorkerId,
    held: Mutex<Held>,
    /// Of ends that a shared store was not told yet.
    pub(super) untold_ends: Receipts,
}

/// What one worker's requests hold, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// A worker is trusted, and counts: a fast hash is good enough.
    pub(super) reservations: HashMap<u32, Reservation, RandomState>,
    /// The keys of those that showed one, until this process ends.
    keys: HashMap<u32, FoundKey, RandomState>,
    /// The ids of those that are not configured and have buckets of their own.
    strangers: HashMap<u32, Box<str>, RandomState>,
    /// Which requests were admitted in the last frame, until it is told. What was decided is found
    /// where they are held.
    untold: Vec<u32>,
    /// What was decided in it over requests that hold nothing, until it is told.
    untold_holding_nothing: Vec<(u32, Answer)>,
    /// What lost streams did not tell and holds nothing, by requests, whose numbers grow: who asks
    /// again is answered the same.
    to_repeat: BTreeMap<u32, Answer>,
    /// Its filter lets pass what is refused.
    pub(super) is_in_shadow: bool,
    /// The number of the newest stream that it has had.
    newest_stream: u64,
    /// Since when it has no stream.
    pub(super) away_since: Option<UnixMillis>,
}

impl WorkerId {
    /// A name for a worker that has none.
    pub fn random() -> Self {
        Self(rand::random())
    }
}

/// In no log: the first digits are enough to tell two of them apart.
impl fmt::Debug for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}…", self.0 >> 96)
    }
}

impl Worker {
    pub(super) fn new(id: WorkerId) -> Self {
        Self { id, held: Mutex::default(), untold_ends: Receipts::default() }
    }

    /// Its name.
    pub fn id(&self) -> WorkerId {
        self.id
    }

    /// How many of its requests hold something.
    pub fn held(&self) -> usize {
        self.lock().reservations.len()
    }

    /// Whether its request of this number holds something.
    pub fn holds(&self, id: u32) -> bool {
        self.lock().reservations.contains_key(&id)
    }

    /// Whether its filter lets pass what is refused: such requests are counted as those that pass.
    pub fn set_in_shadow(&self, is_in_shadow: bool) {
        self.lock().is_in_shadow = is_in_shadow;
    }

    /// Its request of this number, which holds something, showed this key. `false`: that is known.
    pub fn note_key(&self, id: u32, key: &FoundKey) -> bool {
        let mut held = self.lock();
        held.reservations.contains_key(&id) && held.keys.insert(id, key.clone()).is_none()
    }

    /// What was decided is on its way to the worker.
    pub fn told(&self) {
        self.lock().begin_frame();
    }

    /// The number of its newest stream.
    pub(super) fn newest_stream(&self) -> u64 {
        self.lock().newest_stream
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock()
    }
}

impl Held {
    /// A worker asks when it was told all before, or has a new stream.
    pub(super) fn begin_frame(&mut self) {
        self.untold.clear();
        self.untold_holding_nothing.clear();
    }

    /// Keeps in mind what was decided over request `id`, until it is told.
    #[inline]
    pub(super) fn note(&mut self, id: u32, answer: &Answer) {
        if let Answer::Admitted { is_followed: true, .. } = answer {
            self.untold.push(id);
        } else {
            self.note_holding_nothing(id, answer);
        }
    }

    /// Apart, so that what most requests need stays short enough to be inlined.
    #[inline(never)]
    fn note_holding_nothing(&mut self, id: u32, answer: &Answer) {
        self.untold_holding_nothing.push((id, answer.clone()));
    }

    /// Request `id` has ended, and cost so many tokens, of those that it showed a key for.
    pub(super) fn count_tokens_of_key(&mut self, id: u32, tokens: Tokens) {
        if let Some(key) = self.keys.remove(&id) {
            key.used(tokens.get());
        }
    }

    /// Request `id`, if it holds something, was charged to the buckets of this stranger.
    pub(super) fn note_stranger(&mut self, id: u32, stranger: &str) {
        if self.reservations.contains_key(&id) {
            self.strangers.insert(id, stranger.into());
        }
    }

    /// Whose buckets request `id` was charged to, which has ended, where that is a stranger.
    pub(super) fn take_stranger(&mut self, id: u32) -> Option<Box<str>> {
        self.strangers.remove(&id)
    }

    /// How many of its requests are of the client that has this slot, and, where one is meant, of this
    /// stranger.
    pub(super) fn count_of(&self, slot: SlotKey, stranger: Option<&str>) -> usize {
        let is_strangers = |id| {
            stranger
                .is_none_or(|stranger| self.strangers.get(id).is_some_and(|of| **of == *stranger))
        };
        let of_slot = self.reservations.iter().filter(|(_, of)| of.slot == slot);
        of_slot.filter(|(id, _)| is_strangers(id)).count()
    }

    /// Nobody here follows its requests any more.
    pub(super) fn let_all_go(&mut self) {
        self.reservations.clear();
        self.keys.clear();
        self.strangers.clear();
    }

    /// Whether the worker may not know that request `id` was admitted.
    pub(super) fn is_untold(&self, id: u32) -> bool {
        self.untold.contains(&id)
    }

    /// Whether the worker has had no newer stream than this one.
    pub(super) fn begin_stream(&mut self, number: u64) -> bool {
        let is_newest = number >= self.newest_stream;
        self.newest_stream = self.newest_stream.max(number);
        is_newest
    }

    /// Whether nothing has to be known of it while it is away: after its first stream no older one
    /// can come.
    pub(super) fn can_be_forgotten(&self) -> bool {
        let holds_nothing = self.reservations.is_empty();
        let told_all = self.untold.is_empty()
            && self.untold_holding_nothing.is_empty()
            && self.to_repeat.is_empty();
        holds_nothing && told_all && self.newest_stream <= 1
    }

    /// The worker has a new stream.
    pub(super) fn come_back(&mut self) {
        self.untold.clear();
        self.to_repeat.extend(self.untold_holding_nothing.drain(..));
        while self.to_repeat.len() > REPEATED_MAX {
            self.to_repeat.pop_first();
        }
    }

    /// What was decided over request `id`, which holds nothing, and never told.
    pub(super) fn repeat(&mut self, id: u32) -> Option<Answer> {
        self.to_repeat.remove(&id)
    }
}

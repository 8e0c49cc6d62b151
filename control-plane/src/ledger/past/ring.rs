//! The ring: the latest segments. When there are as many as are kept, the oldest one falls off, and its
//! memory is the next one's.

use std::{collections::VecDeque, mem, sync::Arc};

use limiter::UnixMillis;

use super::{
    Asked, DecisionsKept,
    entry::{Half, Said},
    segment::{ClientNote, Names, Note, NotedConfig, NotedStocks, Segment, SharedNote},
};
use crate::{
    ledger::{
        Answer, Client, Reservation,
        cost::Cost,
        keys::{Part, SharedKey},
        rules::Named,
        shared::SharedBooks,
        slots::{Books, SlotNumber},
        stock::Stocks,
        strangers::PairStamp,
    },
    limits::LimitKey,
};

/// In how many parts the ring is cut. Of so many one falls off at a time; each has the balances of
/// everybody who asks in it once.
const SEGMENTS: usize = 64;

/// What a segment may take beside its halves, for each decision: as much as two more of them.
const BYTES_BESIDE: usize = 64;

/// But so much at least, so that a small ring has room for a write.
const BYTES_BESIDE_MIN: usize = 64 * 1_024;

/// How many names of models a segment has: whoever makes one up for each request has less of the past,
/// and no more memory.
const NAMES_MAX: usize = 1_024;

/// Halves for each decision: each has two, some four, and the rest is for what is known.
const HALVES: usize = 6;

/// What was decided of late.
#[derive(Debug)]
pub(in crate::ledger) struct Ring {
    /// How many requests a segment has.
    asked_max: u64,
    bytes_beside_max: usize,
    closed: VecDeque<Arc<Segment>>,
    open: Segment,
    /// The number of the segment that is open: what was noted in it has this stamp.
    stamp: u32,
    /// Requests so far.
    asked: u64,
    /// Limits and models in force.
    named: Arc<Named>,
    is_cut: bool,
}

/// The ring as it was at one moment.
#[derive(Debug)]
pub(in crate::ledger) struct Kept {
    /// The oldest first.
    pub(in crate::ledger) segments: Vec<Arc<Segment>>,
    /// The stamp of the oldest: what has an older one was touched by nothing that is kept.
    pub(in crate::ledger) oldest: u32,
    /// Whether there was more before.
    pub(in crate::ledger) is_cut: bool,
}

impl Ring {
    pub(super) fn new(kept: DecisionsKept) -> Self {
        let asked_max = kept.max.min(DecisionsKept::MAX).div_ceil(SEGMENTS as u64).max(1);
        let bytes = usize::try_from(asked_max).unwrap_or(usize::MAX).saturating_mul(BYTES_BESIDE);
        Self {
            asked_max,
            bytes_beside_max: bytes.max(BYTES_BESIDE_MIN),
            closed: VecDeque::new(),
            open: Segment::default(),
            stamp: 1,
            // So that what was read back from files is of no request in the ring.
            asked: 1,
            named: Arc::default(),
            is_cut: false,
        }
    }

    /// What comes next is of `now`: where the segment has no room for it, another one begins.
    #[inline]
    pub(in crate::ledger) fn begin(&mut self, now: UnixMillis) {
        let Segment { began, asked, halves, models, bytes_beside, .. } = &self.open;
        let is_in_time = now.0.checked_sub(began.0).is_some_and(|ms| u32::try_from(ms).is_ok());
        let has_room = *asked < self.asked_max
            && *bytes_beside < self.bytes_beside_max
            && models.len() < NAMES_MAX
            && (halves.len() as u64) < self.asked_max.saturating_mul(HALVES as u64).max(1_024);
        if !(is_in_time && has_room) {
            self.begin_segment(now);
        }
    }

    #[inline(never)]
    fn begin_segment(&mut self, now: UnixMillis) {
        let mut next = Segment::default();
        if !self.open.halves.is_empty() {
            self.closed.push_back(Arc::new(mem::take(&mut self.open)));
            if self.closed.len() > SEGMENTS
                && let Some(oldest) = self.closed.pop_front()
            {
                self.is_cut = true;
                // Unless somebody reads it just now.
                next = Arc::try_unwrap(oldest).unwrap_or_default();
            }
            // In four billion segments a client is asked for once.
            self.stamp = self.stamp.checked_add(1).unwrap_or(1);
        }
        next.begin(now, self.asked, Arc::clone(&self.named));
        self.open = next;
    }

    fn push(&mut self, now: UnixMillis, said: Said) {
        let at_ms = now.0.saturating_sub(self.open.began.0);
        self.open.halves.push(Half::of(u32::try_from(at_ms).unwrap_or(u32::MAX), said));
    }

    fn note(&mut self, now: UnixMillis, note: Note) {
        let place = self.open.keep(note);
        self.push(now, Said::Noted { place });
    }

    /// The number of the request that is decided next.
    #[inline]
    pub(in crate::ledger) fn next_number(&self) -> u64 {
        self.asked
    }

    /// A client's books are about to be looked at or changed.
    #[inline]
    pub(in crate::ledger) fn look_at(
        &mut self,
        slot: SlotNumber,
        books: &mut Books,
        client: Option<&Client>,
        now: UnixMillis,
    ) {
        if books.noted != self.stamp {
            books.noted = self.stamp;
            self.note_client(slot, books, client, now);
        }
    }

    #[inline(never)]
    fn note_client(
        &mut self,
        slot: SlotNumber,
        books: &Books,
        client: Option<&Client>,
        now: UnixMillis,
    ) {
        if let Some(note) = ClientNote::of(slot, books, client) {
            self.note(now, Note::Client(note));
        }
    }

    /// Whether a client was noted in this segment, or may be in one of those before.
    pub(in crate::ledger) fn may_know(&self, books: &Books) -> bool {
        books.noted >= self.oldest()
    }

    /// The stamp of the oldest segment.
    fn oldest(&self) -> u32 {
        let closed = u32::try_from(self.closed.len()).unwrap_or(0);
        self.stamp.saturating_sub(closed).max(1)
    }

    /// Whether a client's books are not noted in this segment yet.
    #[inline]
    pub(in crate::ledger) fn has_to_note(&self, books: &Books) -> bool {
        books.noted != self.stamp
    }

    /// A stranger's own pair of buckets is about to be looked at or changed.
    pub(in crate::ledger) fn look_at_stranger(
        &mut self,
        pair: &mut PairStamp,
        books: &Books,
        now: UnixMillis,
    ) {
        let number = pair.number;
        if pair.noted != self.stamp {
            pair.noted = self.stamp;
            let (requests, tokens) = (books.balances.requests, books.balances.tokens);
            self.note(now, Note::Stranger { number, requests, tokens });
        }
    }

    /// A shared bucket likewise.
    #[inline]
    pub(in crate::ledger) fn look_at_shared(
        &mut self,
        key: SharedKey,
        books: &mut SharedBooks,
        now: UnixMillis,
    ) {
        if books.noted != self.stamp
            && let Some(name) = &books.name
        {
            let (name, stocks) = (name.clone(), NotedStocks::of(&books.stocks));
            books.noted = self.stamp;
            self.note(now, Note::Shared(Box::new(SharedNote { key, name, stocks })));
        }
    }

    /// A request was decided; `stranger` asked, if it has buckets of its own.
    pub(in crate::ledger) fn decided(
        &mut self,
        (slot, model): (SlotNumber, Option<&str>),
        (answer, is_followed): (&Answer, bool),
        in_shadow: bool,
        stranger: Option<u32>,
        now: UnixMillis,
    ) {
        let (reserved, refusal) = match answer {
            Answer::Admitted { reserved, .. } => (*reserved, None),
            Answer::Refused { reserved, refusal, .. } => (*reserved, Some(refusal)),
            Answer::UnknownClient | Answer::Unavailable => return,
        };
        if let Some(number) = stranger {
            self.push(now, Said::Stranger { number });
        }
        let model = model.map(|model| self.place_of_model(model));
        let is_admitted = refusal.is_none();
        let slot = slot.raw();
        let asked = Asked { slot, model, reserved, is_admitted, is_followed, in_shadow };
        self.push(now, Said::Asked(asked));
        if let Some(refusal) = refusal {
            let limit = self.place_of_limit(&refusal.limit);
            self.push(now, Said::Refused { limit, wait: refusal.wait });
        }
        self.open.asked += 1;
        self.asked += 1;
    }

    fn place_of_model(&mut self, model: &str) -> u16 {
        place(&mut self.open.models, model, &mut self.open.bytes_beside)
    }

    fn place_of_limit(&mut self, limit: &LimitKey) -> u32 {
        // The two that everybody has cannot be called so.
        u32::from(place(&mut self.open.limits, limit.as_str(), &mut self.open.bytes_beside))
    }

    /// A request has ended.
    pub(in crate::ledger) fn ended(
        &mut self,
        request: &Reservation,
        cost: Option<Cost>,
        stranger: Option<u32>,
        now: UnixMillis,
    ) {
        if let Some(number) = stranger {
            self.push(now, Said::Stranger { number });
        }
        self.push(now, Said::Ended { number: request.number, cost });
        if request.number < self.open.first {
            let place = self.open.hold(request.slot, &request.charges);
            self.push(now, Said::Held { place, reserved: request.reserved });
        }
    }

    /// An operator wrote.
    pub(in crate::ledger) fn written(&mut self, note: Note, now: UnixMillis) {
        if self.is_empty() {
            return;
        }
        self.begin(now);
        self.note(now, note);
    }

    /// Other limits and models are in force.
    pub(in crate::ledger) fn put_rules(
        &mut self,
        named: Arc<Named>,
        now: UnixMillis,
        since: UnixMillis,
    ) {
        self.named = Arc::clone(&named);
        self.open.named =
            if self.is_empty() { Arc::clone(&named) } else { Arc::clone(&self.open.named) };
        self.written(Note::Rules { named, since }, now);
    }

    fn is_empty(&self) -> bool {
        self.closed.is_empty() && self.open.halves.is_empty()
    }

    /// What is kept now, for whoever goes through it. The segment that is open is copied.
    pub(in crate::ledger) fn kept(&self) -> Kept {
        let mut segments: Vec<_> = self.closed.iter().cloned().collect();
        if !self.open.halves.is_empty() {
            segments.push(Arc::new(self.open.clone()));
        }
        Kept { segments, oldest: self.oldest(), is_cut: self.is_cut }
    }
}

#[inline]
fn place(names: &mut Names, name: &str, bytes_beside: &mut usize) -> u16 {
    let (place, is_new) = names.place(name);
    if is_new {
        *bytes_beside += 128 + name.len();
    }
    place
}

impl ClientNote {
    /// How a client's books stand; `None`: they are nobody's.
    pub(in crate::ledger) fn of(
        slot: SlotNumber,
        books: &Books,
        client: Option<&Client>,
    ) -> Option<Self> {
        let balances = &books.balances;
        let stocks = |(key, stocks)| (key, NotedStocks::of(stocks));
        Some(Self {
            slot: books.key(slot),
            id: books.client.clone()?,
            config: client.map(|client| NotedConfig {
                limits: client.limits,
                is_enabled: client.enabled,
                class: client.entry.class.key(),
            }),
            requests: balances.requests,
            tokens: balances.tokens,
            epoch: balances.epoch(),
            beside: balances.beside.iter().map(stocks).collect(),
        })
    }
}

impl NotedStocks {
    pub(in crate::ledger) fn of(stocks: &Stocks) -> Self {
        let get = |part| stocks.get(part).copied();
        Self { main: get(Part::Main), trial: get(Part::Trial) }
    }
}

//! The ring: the latest segments. When there are as many as are kept, the oldest one falls off, and its
//! memory is the next one's.

use std::{collections::VecDeque, mem, sync::Arc};

use limiter::UnixMillis;

use super::{
    Asked, BesideNote, ClientNote, DecisionsKept, Note, NotedStocks, SharedNote,
    entry::{Half, Said},
    read::{ClientSegment, Standing},
    segment::{Names, Segment},
};
use crate::{
    ledger::{
        Answer, Client, Reservation,
        cost::Cost,
        keys::SharedKey,
        rules::Named,
        shared::{Gone, SharedBooks},
        slot_key::{SlotKey, SlotNumber},
        slots::Books,
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
    /// How many decisions it keeps.
    kept_max: u64,
    /// From when on it has everything, until the first segment falls off.
    since: UnixMillis,
    /// How many requests a segment has.
    asked_max: u64,
    bytes_beside_max: usize,
    closed: VecDeque<Arc<Segment>>,
    open: Segment,
    /// The memory of one that fell off.
    spare: Option<Segment>,
    /// How many requests are in all of them, and at how many the oldest one is of no use any more.
    count: u64,
    count_max: u64,
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
    pub(super) fn new(kept: DecisionsKept, since: UnixMillis) -> Self {
        let kept_max = kept.max.min(DecisionsKept::MAX);
        let asked_max = kept_max.div_ceil(SEGMENTS as u64).max(1);
        let bytes = usize::try_from(asked_max).unwrap_or(usize::MAX).saturating_mul(BYTES_BESIDE);
        Self {
            kept_max,
            since,
            asked_max,
            bytes_beside_max: bytes.max(BYTES_BESIDE_MIN),
            closed: VecDeque::new(),
            open: Segment::default(),
            spare: None,
            count: 0,
            count_max: u64::MAX,
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
        let Segment { asked, halves, models, bytes_beside, .. } = &self.open;
        let is_in_time = self.open.millis(now).is_some();
        let has_room = *asked < self.asked_max
            && *bytes_beside < self.bytes_beside_max
            && models.len() < NAMES_MAX
            && (halves.len() as u64) < self.asked_max.saturating_mul(HALVES as u64).max(1_024);
        if !(is_in_time && has_room) {
            self.begin_segment(now);
        }
    }

    /// The same, of a request whose number is told.
    pub(in crate::ledger) fn begin_one(&mut self, now: UnixMillis) -> u64 {
        self.begin(now);
        self.next_number()
    }

    #[inline(never)]
    fn begin_segment(&mut self, now: UnixMillis) {
        if !self.open.halves.is_empty() {
            self.closed.push_back(Arc::new(mem::take(&mut self.open)));
            if self.closed.len() > SEGMENTS {
                self.drop_oldest();
            }
            self.set_count_max();
            // In four billion segments a client is asked for once.
            self.stamp = self.stamp.checked_add(1).unwrap_or(1);
        }
        let mut next = self.spare.take().unwrap_or_default();
        next.begin(now, self.asked, Arc::clone(&self.named));
        self.open = next;
    }

    /// As many are kept without the oldest segment as are to be.
    #[inline(never)]
    fn drop_unneeded(&mut self) {
        while self.count >= self.count_max {
            self.drop_oldest();
            self.set_count_max();
        }
    }

    fn drop_oldest(&mut self) {
        let Some(oldest) = self.closed.pop_front() else { return };
        self.is_cut |= oldest.asked > 0;
        self.count -= oldest.asked;
        // Unless somebody reads it just now.
        self.spare = Arc::try_unwrap(oldest).ok().or(self.spare.take());
    }

    fn set_count_max(&mut self) {
        let oldest = self.closed.front();
        self.count_max = oldest.map_or(u64::MAX, |oldest| self.kept_max + oldest.asked);
    }

    fn push(&mut self, now: UnixMillis, said: Said) {
        self.open.halves.push(Half::of(self.open.millis(now).unwrap_or(u32::MAX), said));
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
        self.count += 1;
        if self.count >= self.count_max {
            self.drop_unneeded();
        }
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

    /// An operator is about to write, at `now`. `false`: nothing is kept that it would stand in.
    pub(in crate::ledger) fn begin_write(&mut self, now: UnixMillis) -> bool {
        if self.is_empty() {
            return false;
        }
        self.begin(now);
        true
    }

    /// Buckets that clients shared are no more.
    pub(in crate::ledger) fn note_gone(&mut self, gone: &[Gone], now: UnixMillis) {
        for Gone { key, name, stocks, noted } in gone {
            if self.begin_write(now) && *noted != self.stamp {
                let (name, stocks) = (name.clone(), NotedStocks::of(stocks));
                self.note(now, Note::Shared(Box::new(SharedNote { key: *key, name, stocks })));
            }
        }
    }

    /// Clients' own buckets are about to be changed by a write.
    pub(in crate::ledger) fn note_beside(&mut self, notes: Vec<BesideNote>, now: UnixMillis) {
        if !notes.is_empty() {
            self.written(Note::Beside(notes.into()), now);
        }
    }

    /// An operator wrote.
    pub(in crate::ledger) fn written(&mut self, note: Note, now: UnixMillis) {
        if self.begin_write(now) {
            self.note(now, note);
        }
    }

    /// Other limits and models are in force.
    pub(in crate::ledger) fn put_rules(
        &mut self,
        named: Arc<Named>,
        now: UnixMillis,
        since: UnixMillis,
    ) {
        if self.is_empty() {
            self.open.named = Arc::clone(&named);
        }
        // A segment that begins with them begins with those before.
        self.written(Note::Rules { named: Arc::clone(&named), since }, now);
        self.named = named;
    }

    fn is_empty(&self) -> bool {
        self.closed.is_empty() && self.open.halves.is_empty()
    }

    /// The stamp of the segment that is open.
    pub(super) fn stamp(&self) -> u32 {
        self.stamp
    }

    /// What is kept now, for whoever goes through it. The segment that is open is copied.
    pub(in crate::ledger) fn kept(&self) -> Kept {
        let mut segments: Vec<_> = self.closed.iter().cloned().collect();
        if !self.open.halves.is_empty() {
            segments.push(Arc::new(self.open.clone()));
        }
        Kept { segments, oldest: self.oldest(), is_cut: self.is_cut }
    }

    /// How much is kept now.
    pub(super) fn standing(&self) -> Standing {
        let closed: u64 = self.closed.iter().map(|segment| segment.asked).sum();
        let first = self.closed.front().map_or(&self.open, |segment| segment);
        Standing {
            count: closed.saturating_add(self.open.asked),
            max: self.kept_max,
            since: self.since,
            oldest: if self.is_cut { first.began } else { self.since },
        }
    }

    /// What is kept now, for whoever reads of one client. Of the segment that is open what happened is
    /// copied, where it has anything of the client.
    pub(super) fn of_client(&self, slot: SlotKey) -> Vec<ClientSegment> {
        let closed = self.closed.iter().map(|closed| ClientSegment::of(closed, slot));
        closed.chain(ClientSegment::of_open(&self.open, slot)).collect()
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

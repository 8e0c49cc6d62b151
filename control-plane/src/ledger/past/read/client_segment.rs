//! A segment, as whoever reads of one client goes through it.

use std::{cell::OnceCell, sync::Arc};

use limiter::{Tokens, UnixMillis, Wait};

use crate::ledger::{
    cost::Cost,
    past::{Asked, Note, Said, Segment},
    slot_key::SlotKey,
};

/// A segment and one client.
#[derive(Debug)]
pub(in crate::ledger::past) struct ClientSegment {
    segment: Arc<Segment>,
    slot: SlotKey,
    /// Found out when it is first gone through, but for a segment whose notes were not copied.
    places: OnceCell<Places>,
}

/// Where the client is in a segment.
#[derive(Debug, Default)]
struct Places {
    /// The places of notes from which on a slot of its number is its, or another client's.
    turns: Vec<(u32, bool)>,
    /// The places of what its requests hold that asked in earlier segments.
    held: Vec<u32>,
}

/// What happened in a segment.
#[derive(Clone, Debug)]
pub(super) enum Happened<'a> {
    /// One of the client's requests asked, and was refused by a limit or not.
    Asked {
        number: u64,
        at: UnixMillis,
        asked: Asked,
        refusal: Option<(u32, Wait)>,
        segment: &'a Segment,
    },
    /// A request has ended: one of the client's that reserved so much, or any one that asked in the same
    /// segment.
    Ended { number: u64, at: UnixMillis, cost: Option<Cost>, reserved: Option<Tokens> },
}

impl ClientSegment {
    pub(in crate::ledger::past) fn of(segment: &Arc<Segment>, slot: SlotKey) -> Self {
        Self { segment: Arc::clone(segment), slot, places: OnceCell::new() }
    }

    /// The segment that is written to; `None`: the client is not in it.
    pub(in crate::ledger::past) fn of_open(open: &Segment, slot: SlotKey) -> Option<Self> {
        let places = Places::of(open, slot);
        if places.turns.is_empty() {
            return None;
        }
        Some(Self { segment: Arc::new(open.to_read()), slot, places: places.into() })
    }

    /// When it began.
    pub(super) fn began(&self) -> UnixMillis {
        self.segment.began
    }

    /// The number of its first request.
    pub(super) fn first(&self) -> u64 {
        self.segment.first
    }

    /// Tells what happened in it, in its order.
    pub(super) fn go_through<'a>(&'a self, mut tell: impl FnMut(Happened<'a>)) {
        let segment = &*self.segment;
        let places = self.places.get_or_init(|| Places::of(segment, self.slot));
        // Nobody asks or ends whose books were not noted before.
        let mut turns = places.turns.iter().peekable();
        if turns.peek().is_none() {
            return;
        }
        let slot = self.slot.number().raw();
        let (mut is_there, mut next) = (false, segment.first);
        let mut halves = segment.halves.iter().peekable();
        while let Some(half) = halves.next() {
            let at = segment.at(*half);
            match half.said() {
                Said::Noted { place } => {
                    if let Some((_, is_it)) = turns.next_if(|(turn, _)| *turn == place) {
                        is_there = *is_it;
                    }
                }
                Said::Asked(asked) => {
                    let refused = if asked.is_admitted { None } else { halves.next() };
                    let number = next;
                    next += 1;
                    if is_there && asked.slot == slot {
                        let refusal = match refused.map(|half| half.said()) {
                            Some(Said::Refused { limit, wait }) => Some((limit, wait)),
                            _ => None,
                        };
                        tell(Happened::Asked { number, at, asked, refusal, segment });
                    }
                }
                Said::Ended { number, cost } => {
                    let held = halves.next_if(|half| matches!(half.said(), Said::Held { .. }));
                    let reserved = match held.map(|half| half.said()) {
                        Some(Said::Held { place, reserved }) => {
                            if places.held.binary_search(&place).is_err() {
                                continue;
                            }
                            Some(reserved)
                        }
                        _ => None,
                    };
                    tell(Happened::Ended { number, at, cost, reserved });
                }
                // The first stands behind what says so; who of all strangers it was does not matter.
                Said::Refused { .. } | Said::Held { .. } | Said::Stranger { .. } => {}
            }
        }
    }
}

impl Places {
    fn of(segment: &Segment, slot: SlotKey) -> Self {
        let mut turns = Vec::new();
        for (place, note) in segment.notes.iter().enumerate() {
            let Note::Client(note) = note else { continue };
            if note.slot.number() == slot.number() {
                turns.push((u32::try_from(place).unwrap_or(u32::MAX), note.slot == slot));
            }
        }
        if !turns.iter().any(|(_, is_it)| *is_it) {
            return Self::default();
        }
        let held = segment.held.iter().enumerate().filter(|(_, (of, _))| *of == slot);
        let held = held.filter_map(|(place, _)| u32::try_from(place).ok()).collect();
        Self { turns, held }
    }
}

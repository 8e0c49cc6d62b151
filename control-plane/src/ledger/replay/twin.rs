//! The second ledger, and what it is asked and told.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    sync::Arc,
};

use foldhash::fast::RandomState;
use limiter::{Bucket, ClientId, Tokens, UnixMillis, Wait};

use super::{
    Preview, Supposed,
    again::Again,
    report::{Both, Tally},
    supposed::SupposedClient,
};
use crate::ledger::{
    Class, Ledger, ManualClock, Policy, SlotNumber, Unknown, UnknownClients,
    charges::{Charges, Held},
    configuration::Unreached,
    cost::Cost,
    keys::SharedKey,
    past::{Asked, Kept, Note, Said, Segment},
    rules::{ClassKey, Named},
    slots::SlotKey,
};

type Map<K, V> = HashMap<K, V, RandomState>;

/// What refuses those who are not configured where they are denied.
const UNKNOWN_CLIENT: &str = "unknown_client";

/// The second ledger, and by what it knows that which the first one knew.
pub(super) struct Twin<'a> {
    /// The first one.
    pub(super) live: &'a Ledger,
    pub(super) supposed: &'a Supposed,
    pub(super) ledger: Ledger,
    clock: ManualClock,
    /// The moment at which it begins, and the number of the first request.
    pub(super) from: UnixMillis,
    first: u64,
    to: Option<UnixMillis>,
    /// The limits and models that were in force then.
    pub(super) named: Arc<Named>,
    /// By the numbers of slots then.
    clients: Map<u32, Known>,
    pub(super) shared: Map<SharedKey, SharedKey>,
    /// Whether nothing was decided yet.
    pub(super) is_early: bool,
    pairs: Map<u32, Pair>,
    /// Groups and plans once there stay, also where nobody who is in them asks any more.
    classes: Map<Arc<ClassKey>, Arc<Class>>,
    open: Map<u64, Open>,
    /// Those that would have passed and that nobody ended, since they were refused then.
    unended: BinaryHeap<Reverse<(u64, u64)>>,
    tallies: Vec<Tally>,
    by_client: Map<ClientId, usize>,
    /// As of each client, of all of them.
    took: (u64, u64),
}

/// A client that asked.
struct Known {
    /// Its slot then.
    then: SlotKey,
    id: ClientId,
    slot: Option<SlotNumber>,
    tally: usize,
}

/// The buckets of a stranger.
type Pair = [Option<Bucket>; 2];

/// A request that passed and has not ended.
struct Open {
    slot: SlotKey,
    charges: Charges,
    reserved: Tokens,
    asked: UnixMillis,
    tally: usize,
    stranger: Option<u32>,
}

impl<'a> Twin<'a> {
    pub(super) fn new(live: &'a Ledger, supposed: &'a Supposed, kept: &Kept) -> Self {
        let oldest = kept.segments.first();
        let from = oldest.map_or_else(|| live.now(), |segment| segment.began);
        let named = oldest.map(|segment| Arc::clone(&segment.named)).unwrap_or_default();
        let clock = ManualClock::at(from);
        let mut twin = Self {
            live,
            supposed,
            ledger: Ledger::new(shared_by_strangers(live.policy), clock.clone()),
            clock,
            from,
            first: oldest.map_or(0, |segment| segment.first),
            to: None,
            named,
            clients: Map::default(),
            shared: Map::default(),
            is_early: true,
            pairs: Map::default(),
            classes: Map::default(),
            open: Map::default(),
            unended: BinaryHeap::new(),
            tallies: Vec::new(),
            by_client: Map::default(),
            took: (0, 0),
        };
        twin.put_rules();
        twin.install_early(kept);
        twin.install_untouched(kept.oldest);
        twin.is_early = false;
        twin
    }

    fn put_rules(&self) {
        let (limits, models) = self.named.configured();
        let (limits, models) = self.supposed.rules(limits, models);
        self.ledger.change_rules(limits, models, Unreached::Stays);
    }

    pub(super) fn at(&self, now: UnixMillis) {
        self.clock.set(now);
    }

    /// Goes through the next segment.
    pub(super) fn go_through(&mut self, segment: &Segment) {
        let mut halves = segment.halves.iter().peekable();
        let mut stranger = None;
        let mut number = segment.first;
        while let Some(half) = halves.next() {
            let now = segment.at(*half);
            match half.said() {
                Said::Noted { place } => {
                    if let Some(note) = segment.notes.get(place as usize) {
                        self.note(note, now);
                    }
                }
                Said::Stranger { number } => stranger = Some(number),
                Said::Asked(asked) => {
                    self.end_unended(now);
                    let refused = if asked.is_admitted { None } else { halves.next() };
                    let then = refused.and_then(|half| refusal_in(segment, half.said()));
                    self.ask(segment, (number, asked), then, stranger.take(), now);
                    number += 1;
                }
                Said::Ended { number, cost } => {
                    self.end_unended(now);
                    let held = halves.next_if(|half| matches!(half.said(), Said::Held { .. }));
                    let stranger = stranger.take();
                    if number >= self.first {
                        self.end(number, cost, stranger, now);
                    } else if let Some(Said::Held { place, reserved }) =
                        held.map(|held| held.said())
                        && let Some((slot, charges)) = segment.held_in(place, reserved)
                    {
                        self.end_older(slot, &charges, cost, stranger, now);
                    }
                }
                // They stand behind those that say so.
                Said::Refused { .. } | Said::Held { .. } => {}
            }
        }
    }

    fn note(&mut self, note: &Note, now: UnixMillis) {
        match note {
            Note::Client(note) => self.install_client(note),
            Note::Shared(note) => self.install_shared(note),
            Note::Stranger { number, requests, tokens } => {
                self.pairs.entry(*number).or_insert([*requests, *tokens]);
            }
            Note::Rules { named, since } => {
                self.named = Arc::clone(named);
                if !self.supposed.has_rules_of_its_own() {
                    self.at(*since);
                    self.put_rules();
                }
            }
            Note::Configured(config) => {
                if self.is_as_it_was(&config.id) {
                    self.at(now);
                    self.ledger.configure(config);
                    self.keep_class(&config.id);
                }
            }
            Note::Removed(id) => {
                if self.is_as_it_was(id) {
                    self.at(now);
                    self.ledger.remove(id.as_str());
                }
            }
            Note::Reset(id) => {
                self.at(now);
                self.ledger.reset(id.as_str());
            }
        }
    }

    fn is_as_it_was(&self, id: &ClientId) -> bool {
        matches!(self.supposed.client(id, self.live), SupposedClient::AsItWas)
    }

    fn ask(
        &mut self,
        segment: &Segment,
        (number, asked): (u64, Asked),
        then: Option<(&str, Wait)>,
        stranger: Option<u32>,
        now: UnixMillis,
    ) {
        let Some(known) = self.clients.get(&asked.slot) else { return };
        let tally = known.tally;
        let model = asked.model.and_then(|place| segment.models.get(usize::from(place)));
        let again = Again {
            model,
            reserved: asked.reserved,
            is_followed: asked.is_followed,
            in_shadow: asked.in_shadow,
        };
        let decided = self.as_stranger(stranger, |twin| {
            let id = twin.clients.get(&asked.slot)?.id.clone();
            let ledger = &twin.ledger;
            if let Some(client) = ledger.clients.get(id.as_str()) {
                return Some(ledger.decide_again(&client, true, again, now));
            }
            match &ledger.unknown {
                Unknown::Shared(client) => Some(ledger.decide_again(client, false, again, now)),
                Unknown::Denied(_) => None,
            }
        });
        let refused = match &decided {
            None => Some((UNKNOWN_CLIENT, Wait::Never)),
            Some(Err(refusal)) => Some((refusal.limit.as_str(), refusal.wait)),
            Some(Ok(_)) => None,
        };
        if let Some(tally) = self.tallies.get_mut(tally) {
            let (tokens, at) = (asked.reserved, now);
            tally.count(Both { at, tokens, model, then, now: refused });
        }
        self.to = Some(now);
        if let Some(Ok(Some((slot, charges)))) = decided {
            let reserved = asked.reserved;
            let open = Open { slot, charges, reserved, asked: now, tally, stranger };
            self.hold(number, open, asked.is_admitted);
        }
    }

    /// Who passes and was refused then has no end that is known. It counts with what it reserved, and
    /// keeps a place for as long as its client's requests took by then; where none has ended yet, as
    /// everybody's did.
    fn hold(&mut self, number: u64, open: Open, has_end: bool) {
        if !has_end {
            if !open.charges.beside.iter().any(|(_, held)| *held == Held::Place) {
                return;
            }
            let of_client = self.tallies.get(open.tally).map_or((0, 0), |tally| tally.took);
            let (count, sum) = if of_client.0 > 0 { of_client } else { self.took };
            let took_ms = sum.checked_div(count).unwrap_or(0);
            self.unended.push(Reverse((open.asked.0.saturating_add(took_ms), number)));
        }
        self.open.insert(number, open);
    }

    fn end_unended(&mut self, now: UnixMillis) {
        while let Some(Reverse((at, number))) = self.unended.peek().copied()
            && at <= now.0
        {
            self.unended.pop();
            if let Some(open) = self.open.remove(&number) {
                let cost = Some(Cost::RequestAnd(open.reserved));
                let at = UnixMillis(at);
                self.as_stranger(open.stranger, |twin| {
                    twin.ledger.end_again(Some(open.slot), &open.charges, cost, at);
                });
            }
        }
    }

    fn end(&mut self, number: u64, cost: Option<Cost>, stranger: Option<u32>, now: UnixMillis) {
        let Some(open) = self.open.remove(&number) else { return };
        let took_ms = now.0.saturating_sub(open.asked.0);
        let of_client = self.tallies.get_mut(open.tally).map(|tally| &mut tally.took);
        for (count, sum) in of_client.into_iter().chain([&mut self.took]) {
            *count += 1;
            *sum += took_ms;
        }
        self.as_stranger(stranger, |twin| {
            twin.ledger.end_again(Some(open.slot), &open.charges, cost, now);
        });
    }

    /// A request that asked before all that is gone through.
    fn end_older(
        &mut self,
        slot: SlotKey,
        charges: &Charges,
        cost: Option<Cost>,
        stranger: Option<u32>,
        now: UnixMillis,
    ) {
        let known = self.clients.get(&slot.number().raw()).filter(|known| known.then == slot);
        let there = known.and_then(|known| known.slot).map(|slot| self.key_of(slot));
        let charges = self.charges_there(charges);
        self.as_stranger(stranger, |twin| {
            twin.ledger.end_again(there, &charges, cost, now);
        });
    }

    /// Does `act` with the buckets of this stranger in place of those of `unknown`.
    fn as_stranger<T>(&mut self, stranger: Option<u32>, act: impl FnOnce(&mut Self) -> T) -> T {
        let (Some(stranger), Some(slot)) = (stranger, self.slot_of_unknown()) else {
            return act(self);
        };
        self.swap(stranger, slot);
        let done = act(self);
        self.swap(stranger, slot);
        // Nobody has the number of those who have no buckets any more.
        self.pairs.remove(&u32::MAX);
        done
    }

    fn swap(&mut self, stranger: u32, slot: SlotNumber) {
        let [requests, tokens] = self.pairs.entry(stranger).or_default();
        let balances = &mut self.ledger.slots.books(slot).balances;
        std::mem::swap(requests, &mut balances.requests);
        std::mem::swap(tokens, &mut balances.tokens);
    }

    pub(super) fn slot_of_unknown(&self) -> Option<SlotNumber> {
        match &self.ledger.unknown {
            Unknown::Shared(client) => {
                Some(client.entry.slot.get_or_take(&self.ledger.slots, &client.id))
            }
            Unknown::Denied(_) => None,
        }
    }

    pub(super) fn has(&self, slot: SlotKey) -> bool {
        self.clients.get(&slot.number().raw()).is_some_and(|known| known.then == slot)
    }

    pub(super) fn know(&mut self, then: SlotKey, id: &ClientId, slot: Option<SlotNumber>) {
        let next = self.tallies.len();
        let tally = *self.by_client.entry(id.clone()).or_insert(next);
        if tally == next {
            self.tallies.push(Tally::new(id.clone()));
        }
        self.clients.insert(then.number().raw(), Known { then, id: id.clone(), slot, tally });
    }

    /// A client's slot, which it has from now on.
    pub(super) fn keep_class_and_slot(&mut self, id: &ClientId) -> Option<SlotNumber> {
        self.keep_class(id);
        let client = self.ledger.clients.get(id.as_str())?;
        Some(client.entry.slot.get_or_take(&self.ledger.slots, &client.id))
    }

    fn keep_class(&mut self, id: &ClientId) {
        if let Some(client) = self.ledger.clients.get(id.as_str()) {
            let class = &client.entry.class;
            self.classes.entry(class.key()).or_insert_with(|| Arc::clone(class));
        }
    }

    pub(super) fn into_preview(self, kept: &Kept) -> Preview {
        let Self { from, to, tallies, .. } = self;
        let over = to.map(|to| (from, to));
        Preview { over, is_cut: kept.is_cut, ..Preview::of(tallies) }
    }
}

/// Strangers are swapped in here, whoever they are.
fn shared_by_strangers(policy: Policy) -> Policy {
    let unknown_clients = match policy.unknown_clients {
        UnknownClients::Each { rpm, tpm } => UnknownClients::Shared { rpm, tpm },
        other => other,
    };
    Policy { unknown_clients, ..policy }
}

fn refusal_in(segment: &Segment, said: Said) -> Option<(&str, Wait)> {
    match said {
        Said::Refused { limit, wait } => {
            Some((segment.limits.get(limit as usize).unwrap_or_default(), wait))
        }
        _ => None,
    }
}

//! The second ledger, and what it is asked and told.

use std::{collections::HashMap, sync::Arc};

use foldhash::fast::RandomState;
use limiter::{ClientId, UnixMillis, Wait};

use super::{
    GivenUp, LOOKS_EVERY, Preview, Supposed,
    again::Again,
    known::{Known, KnownClients},
    pairs::{Pairs, Whose},
    report::Both,
    shared_there::SharedThere,
    supposed::SupposedClient,
    under_way::{Open, UnderWay},
};
use crate::{
    ledger::{
        Class, Ledger, ManualClock, Policy, Retired, SlotNumber, Unknown, UnknownClients,
        configuration::Unreached,
        past::{Asked, BesideNote, Kept, Note, Said, Segment, WAIT_MS_MAX},
        rules::{ClassKey, LimitNumber, ModelNumber, Named},
        slot_key::SlotKey,
    },
    limits::{LimitKind, LimitName, ModelName},
};

type Map<K, V> = HashMap<K, V, RandomState>;

/// What refuses those who are not configured where they are denied.
const UNKNOWN_CLIENT: &str = "unknown_client";

/// The second ledger, and by what it knows that which the first one knew.
pub(super) struct Twin<'a> {
    pub(super) supposed: &'a Supposed,
    pub(super) given_up: &'a GivenUp,
    pub(super) ledger: Ledger,
    clock: ManualClock,
    /// The moment at which it begins, and the number of the first request.
    pub(super) from: UnixMillis,
    first: u64,
    /// The earliest and the latest moment so far.
    over: Option<(UnixMillis, UnixMillis)>,
    /// The limits and models that were in force when it began, and those that were later.
    pub(super) named_first: Arc<Named>,
    pub(super) named: Arc<Named>,
    /// What numbers stood for then, also of what is no more.
    pub(super) limits_then: Map<LimitNumber, (LimitName, LimitKind)>,
    pub(super) models_then: Map<ModelNumber, ModelName>,
    pub(super) clients: KnownClients,
    /// What was left of buckets before somebody wrote, of clients that are not known yet.
    pub(super) before: Map<SlotKey, Vec<BesideNote>>,
    pub(super) shared: SharedThere,
    /// Whether nothing was decided yet.
    pub(super) is_early: bool,
    /// Whether each of those who are not configured has buckets of its own.
    has_pairs: bool,
    pairs: Pairs,
    /// Groups and plans once there stay, also where nobody who is in them asks any more.
    classes: Map<Arc<ClassKey>, Arc<Class>>,
    pub(super) under_way: UnderWay,
}

impl<'a> Twin<'a> {
    pub(super) fn new(
        live: &Ledger,
        supposed: &'a Supposed,
        kept: &Kept,
        given_up: &'a GivenUp,
    ) -> Self {
        let oldest = kept.segments.first();
        let from = oldest.map_or_else(|| live.now(), |segment| segment.began);
        let named = oldest.map(|segment| Arc::clone(&segment.named)).unwrap_or_default();
        let clock = ManualClock::at(from);
        let mut twin = Self {
            supposed,
            given_up,
            ledger: Ledger {
                // Who was forgotten then is known by that.
                retired: Retired::for_ever().into(),
                ..Ledger::new(shared_by_strangers(live.policy), clock.clone())
            },
            clock,
            from,
            first: oldest.map_or(0, |segment| segment.first),
            over: None,
            named_first: Arc::clone(&named),
            named: Arc::default(),
            limits_then: Map::default(),
            models_then: Map::default(),
            clients: KnownClients::default(),
            before: Map::default(),
            shared: SharedThere::default(),
            is_early: false,
            has_pairs: live.strangers.is_some(),
            pairs: Pairs::default(),
            classes: Map::default(),
            under_way: UnderWay::default(),
        };
        twin.know_rules(named);
        twin.put_rules();
        twin
    }

    /// These limits and models were in force from here on.
    fn know_rules(&mut self, named: Arc<Named>) {
        let limits = named
            .limits()
            .map(|(number, limit)| (number, (limit.config.name.clone(), limit.config.kind())));
        self.limits_then.extend(limits);
        self.models_then.insert(ModelNumber::OTHER, ModelName::Other);
        let models = named.models().names().map(|(number, name)| (number, name.clone()));
        self.models_then.extend(models);
        self.named = named;
    }

    fn put_rules(&self) {
        let (limits, models) = self.named.configured();
        let (limits, models) = self.supposed.rules(limits, models);
        self.ledger.change_rules(limits, models, Unreached::Stays);
    }

    pub(super) fn at(&self, now: UnixMillis) {
        self.clock.set(now);
    }

    /// Goes through the next segment, unless nobody waits for it any more.
    pub(super) fn go_through(&mut self, segment: &Segment) {
        let mut halves = segment.halves.iter().enumerate().peekable();
        let mut stranger = None;
        let mut number = segment.first;
        while let Some((n, half)) = halves.next() {
            let now = segment.at(*half);
            if n % LOOKS_EVERY == 0 && self.given_up.is_given_up() {
                return;
            }
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
                    let then = refused.and_then(|(_, half)| refusal_in(segment, half.said()));
                    self.ask(segment, (number, asked), then, stranger.take(), now);
                    number += 1;
                }
                Said::Ended { number, cost } => {
                    self.end_unended(now);
                    let held = halves.next_if(|(_, half)| matches!(half.said(), Said::Held { .. }));
                    let held = held.map(|(_, half)| half.said());
                    let stranger = stranger.take();
                    if number >= self.first {
                        self.end(number, cost, stranger, now);
                    } else if let Some(Said::Held { place, reserved }) = held
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
            Note::Beside(notes) => self.keep_before(notes),
            Note::Stranger { number, requests, tokens } => {
                self.pairs.put(*number, [*requests, *tokens]);
            }
            Note::Rules { named, since } => {
                self.end_unended(now);
                self.know_rules(Arc::clone(named));
                if !self.supposed.has_rules_of_its_own() {
                    self.at(*since);
                    self.put_rules();
                }
            }
            Note::Configured(config) => {
                if self.is_as_it_was(&config.id) {
                    self.end_unended(now);
                    self.at(now);
                    self.ledger.configure(config);
                    self.keep_class(&config.id);
                }
            }
            Note::Removed(id) => {
                if self.is_as_it_was(id) {
                    self.end_unended(now);
                    self.at(now);
                    self.ledger.remove(id.as_str());
                }
            }
            Note::Reset(id) => {
                self.end_unended(now);
                self.at(now);
                self.ledger.reset(id.as_str());
            }
        }
    }

    fn is_as_it_was(&self, id: &ClientId) -> bool {
        matches!(self.supposed.client(id), SupposedClient::AsItWas)
    }

    fn ask(
        &mut self,
        segment: &Segment,
        (number, asked): (u64, Asked),
        then: Option<(&str, Wait)>,
        stranger: Option<u32>,
        now: UnixMillis,
    ) {
        let Some(Known { then: slot_then, id, tally, .. }) =
            self.clients.in_slot(asked.slot).cloned()
        else {
            return;
        };
        let model = asked.model.and_then(|place| segment.models.get(usize::from(place)));
        let again = Again {
            model,
            reserved: asked.reserved,
            is_followed: asked.is_followed,
            in_shadow: asked.in_shadow,
        };
        let is_configured = self.ledger.clients.get(id.as_str()).is_some();
        let whose = if is_configured || !self.has_pairs {
            None
        } else {
            Some(stranger.map_or(Whose::Client(tally), Whose::Stranger))
        };
        let decided = self.as_stranger(whose, |twin| {
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
            Some(Err(refusal)) => Some((refusal.limit.as_str(), as_kept(refusal.wait))),
            Some(Ok(_)) => None,
        };
        if let Some(tally) = self.clients.tallies.get_mut(tally) {
            let (tokens, at) = (asked.reserved, now);
            tally.count(Both { at, tokens, model, then, now: refused });
        }
        let (oldest, latest) = self.over.unwrap_or((self.from, now));
        self.over = Some((oldest.min(now), latest.max(now)));
        if let Some(Ok(Some((slot, charges)))) = decided {
            let open = Open {
                slot,
                then: is_configured.then_some(slot_then),
                charges,
                reserved: asked.reserved,
                asked: now,
                tally,
                whose,
                remakes: self.shared.remakes,
            };
            self.hold(number, open, asked.is_admitted);
        }
    }

    /// Does `act` with the buckets of one of those who are not configured in place of those of `unknown`.
    pub(super) fn as_stranger<T>(
        &mut self,
        whose: Option<Whose>,
        act: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let (Some(whose), Some(slot)) = (whose, self.slot_of_unknown()) else {
            return act(self);
        };
        self.pairs.swap(whose, &mut self.ledger.slots.books(slot).balances);
        let done = act(self);
        self.pairs.swap(whose, &mut self.ledger.slots.books(slot).balances);
        self.pairs.forget_nobodys();
        done
    }

    pub(super) fn slot_of_unknown(&self) -> Option<SlotNumber> {
        match &self.ledger.unknown {
            Unknown::Shared(client) => {
                Some(client.entry.slot.get_or_take(&self.ledger.slots, &client.id))
            }
            Unknown::Denied(_) => None,
        }
    }

    /// The number of a model of this name.
    pub(super) fn model_there(&self, name: &ModelName) -> Option<ModelNumber> {
        self.ledger.rules.named().number_of_model(name)
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
        let Self { over, clients, .. } = self;
        Preview { over, is_cut: kept.is_cut, ..Preview::of(clients.tallies) }
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

/// As far as what was told then is kept.
fn as_kept(wait: Wait) -> Wait {
    match wait {
        Wait::Millis(ms) => Wait::Millis(ms.min(WAIT_MS_MAX)),
        Wait::Never => Wait::Never,
    }
}

fn refusal_in(segment: &Segment, said: Said) -> Option<(&str, Wait)> {
    match said {
        Said::Refused { limit, wait } => {
            Some((segment.limits.get(limit as usize).unwrap_or_default(), wait))
        }
        _ => None,
    }
}

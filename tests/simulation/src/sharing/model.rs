//! What a store has to hold and to answer, call by call in its own order: naive, exact, and as forgetful
//! as the store was made.

use std::collections::{BTreeMap, BTreeSet};

use super::call::{
    Correction, DONE, DONE_BEFORE, Decided, Demand, GONE, Of, Operation, REFUSED, Request, Stored,
    Touched, Verdict,
};
use super::takeover::Takeover;
use crate::queue::Micros;

/// For how long a place is a worker's that says nothing more.
const LEASE_MS: u64 = 60_000;

/// A store.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    buckets: BTreeMap<Vec<u8>, Stored>,
    open: BTreeSet<Request>,
    /// The newest stream on which each worker was taken over.
    streams: BTreeMap<u128, u64>,
    places: BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, Held>>,
}

/// How many places a worker holds, as it said last.
#[derive(Clone, Copy, Debug)]
struct Held {
    number: u64,
    count: u64,
    until: u64,
}

/// A model that goes back with its store.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    pub(super) now: Model,
    before: Vec<(Micros, Model)>,
    /// How far the clock was set back in all. It makes leases that much longer: places are not compared
    /// then.
    pub(super) set_back: Micros,
}

/// How long it is known how it was.
const REMEMBERED: Micros = 20_000_000;

impl Remembered {
    /// The next call is run at this time.
    pub(super) fn run(&mut self, at: Micros, call: &Decided) -> Result<(), String> {
        let run = self.now.run(call, self.set_back == 0);
        self.remember(at);
        run
    }

    /// A worker's requests are taken over at this time.
    pub(super) fn take_over(&mut self, at: Micros, Takeover { worker, stream }: Takeover) {
        self.now.streams.insert(worker, stream);
        self.remember(at);
    }

    fn remember(&mut self, at: Micros) {
        self.before.push((at, self.now.clone()));
        if self.before.len().is_multiple_of(256) {
            let since = at.saturating_sub(REMEMBERED);
            let forgotten = self.before.partition_point(|(at, _)| *at < since);
            self.before.drain(..forgotten.saturating_sub(1));
        }
    }

    /// All that was written after then is lost.
    pub(super) fn go_back_to(&mut self, then: Micros) {
        while self.before.pop_if(|(at, _)| *at > then).is_some() {}
        self.now = self.before.last().map(|(_, model)| model.clone()).unwrap_or_default();
    }
}

impl Model {
    pub(super) fn open(&self) -> &BTreeSet<Request> {
        &self.open
    }

    pub(super) fn bucket(&self, key: &[u8]) -> Option<&Stored> {
        self.buckets.get(key)
    }

    /// All that are there.
    pub(super) fn buckets(&self) -> impl Iterator<Item = (&Vec<u8>, &Stored)> {
        self.buckets.iter()
    }

    /// How many places are taken in all.
    pub(super) fn places(&self, now: u64) -> u64 {
        let held = self.places.values().flat_map(BTreeMap::values);
        held.filter(|held| held.until > now).map(|held| held.count).sum()
    }

    fn run(&mut self, call: &Decided, compares_places: bool) -> Result<(), String> {
        let mut buckets = Vec::with_capacity(call.buckets.len());
        let mut is_changed = Vec::with_capacity(call.buckets.len());
        for touched in &call.buckets {
            let stored = self.buckets.get(&touched.key).copied();
            let name = name(&touched.key);
            if touched.before != stored {
                let found = touched.before;
                return Err(format!("{name} was found as {found:?}, and not {stored:?}"));
            }
            let (bucket, changed) = found(touched, stored, call.now);
            buckets.push(bucket);
            is_changed.push(changed);
        }
        let mut taken = self.hear(call);
        if compares_places {
            for (place, taken) in call.places.iter().zip(&taken) {
                if place.taken != *taken {
                    let (name, found) = (name(&place.key), place.taken);
                    return Err(format!("{found} places of {name} were taken, and not {taken}"));
                }
            }
        } else {
            taken = call.places.iter().map(|place| place.taken).collect();
        }
        let mut words: Vec<_> = call.words.iter().map(|word| word.held).collect();
        for (operation, verdict) in &call.operations {
            let expected = match operation {
                Operation::Decide { request, stream, demands } => {
                    let request = *request;
                    if self.streams.get(&request.0).is_some_and(|newest| newest > stream) {
                        Verdict { effect: GONE, charged: 0 }
                    } else if self.open.contains(&request) {
                        Verdict { effect: DONE_BEFORE, charged: 0 }
                    } else {
                        let mut state = (&mut buckets, &mut is_changed, &mut taken, &mut words);
                        let verdict = decide(call, demands, &mut state);
                        if verdict.effect == DONE {
                            self.open.insert(request);
                        }
                        verdict
                    }
                }
                Operation::End { request, corrections } => {
                    let was_open = self.open.remove(request);
                    if was_open {
                        for correction in corrections {
                            is_changed[correction.bucket] |=
                                correct(&mut buckets[correction.bucket], correction);
                        }
                    }
                    Verdict { effect: if was_open { DONE } else { DONE_BEFORE }, charged: 0 }
                }
                Operation::Charge { bucket, tokens } => {
                    buckets[*bucket].owe(*tokens);
                    is_changed[*bucket] = true;
                    Verdict { effect: DONE, charged: 0 }
                }
            };
            if *verdict != expected {
                return Err(format!("{operation:?} is {verdict:?}, and not {expected:?}"));
            }
        }
        for ((touched, bucket), changed) in call.buckets.iter().zip(buckets).zip(is_changed) {
            if touched.after != bucket {
                let name = name(&touched.key);
                let after = touched.after;
                return Err(format!("{name} is {after:?} then, and not {bucket:?}"));
            }
            if changed {
                self.buckets.insert(touched.key.clone(), bucket);
            }
        }
        for (word, held) in call.words.iter().zip(words) {
            let of = self.places.get_mut(&call.places[word.place].key);
            if let Some(known) = of.and_then(|of| of.get_mut(&word.worker))
                && word.is_news
            {
                known.count = held;
            }
        }
        Ok(())
    }

    /// Takes down what is said of places; how many are taken of each by then.
    fn hear(&mut self, call: &Decided) -> Vec<u64> {
        let now = call.now;
        for word in &call.words {
            let of = self.places.entry(call.places[word.place].key.clone()).or_default();
            let known = of.get(&word.worker).filter(|held| held.until > now);
            if known.is_none_or(|held| word.number > held.number) {
                let (number, count, until) = (word.number, word.held, now + LEASE_MS);
                of.insert(word.worker.clone(), Held { number, count, until });
            }
        }
        let taken = call.places.iter().map(|place| {
            let held = self.places.get(&place.key).into_iter().flat_map(BTreeMap::values);
            held.filter(|held| held.until > now).map(|held| held.count).sum()
        });
        taken.collect()
    }
}

/// A bucket as a call goes on with it, and whether that is to be written.
fn found(touched: &Touched, stored: Option<Stored>, now: u64) -> (Stored, bool) {
    let told = &touched.told;
    let followed = stored.map(|stored| {
        let changed = told.epoch > stored.epoch
            || (told.epoch == stored.epoch && told.revision > stored.revision);
        (stored.follow(told, now), changed)
    });
    let seen = touched.seen.map(|seen| seen.follow(told, now));
    match (followed, seen) {
        (None, None) => (Stored::full(told, told.revision, now), false),
        (Some(followed), None) => followed,
        (None, Some(seen)) => (seen, true),
        (Some((bucket, changed)), Some(seen)) if seen.epoch < bucket.epoch => (bucket, changed),
        (Some((bucket, _)), Some(seen)) => (bucket.merge(seen, now), true),
    }
}

/// What operations change: buckets and whether they did, places that are taken, and by whom.
type State<'a> = (&'a mut Vec<Stored>, &'a mut Vec<bool>, &'a mut Vec<u64>, &'a mut Vec<u64>);

fn decide(call: &Decided, demands: &[Demand], state: &mut State<'_>) -> Verdict {
    let covers = |demand: &Demand, state: &State<'_>| match demand.of {
        Of::Bucket(bucket) => state.0[bucket].covers(demand.cost),
        Of::Word(word) => {
            let word = &call.words[word];
            word.is_news && state.2[word.place] < call.places[word.place].max
        }
    };
    if demands.iter().any(|demand| !demand.is_watched && !covers(demand, state)) {
        return Verdict { effect: REFUSED, charged: 0 };
    }
    let mut charged = 0;
    for (bit, demand) in demands.iter().enumerate() {
        if demand.is_watched && !covers(demand, state) {
            continue;
        }
        charged |= 1 << bit;
        match demand.of {
            Of::Bucket(bucket) => {
                state.0[bucket].take(demand.cost);
                state.1[bucket] = true;
            }
            Of::Word(word) => {
                state.2[call.words[word].place] += 1;
                state.3[word] += 1;
            }
        }
    }
    Verdict { effect: DONE, charged }
}

/// Whether it changed something.
fn correct(bucket: &mut Stored, correction: &Correction) -> bool {
    let &Correction { is_further, tokens, epoch, revision, burst, .. } = correction;
    if epoch != bucket.epoch {
        return false;
    }
    if is_further {
        bucket.owe(tokens);
        return true;
    }
    bucket.give_back(tokens, revision, burst)
}

/// A key as a person reads it.
pub(super) fn name(key: &[u8]) -> String {
    String::from_utf8_lossy(key).escape_debug().to_string()
}

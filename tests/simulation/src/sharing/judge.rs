//! What is promised of every request, from end to end: it is decided once by the store, told as it was
//! decided, and ends once as it really ended.

use std::collections::{BTreeMap, BTreeSet};

use flowguard::{limits, store::state::BucketName};

use super::{
    call::{Correction, DONE, Decided, Of, Operation, Request, Stored, Touched},
    model::{Model, name},
    plane::PREFIX,
};
use crate::{
    oracle::{Ask, cost},
    upstream::Truth,
};

/// Each bucket of a call as a store would have it that forgets nothing, whether that changed, and
/// whether it lacked something that a request was given.
type Whole = Vec<(Stored, bool, bool)>;

/// What a bucket counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counts {
    Requests,
    Tokens,
}

/// What a request was charged.
#[derive(Clone, Debug)]
struct Charge {
    key: Vec<u8>,
    counts: Counts,
    tokens: i128,
    epoch: u64,
    /// Whether nobody who has not heard of it can give it back: it was charged only because it was there,
    /// or in an epoch of which whoever asked did not know.
    may_stand: bool,
}

/// How an open request stands.
#[derive(Clone, Debug)]
struct Open {
    reserved: u64,
    charges: Vec<Charge>,
}

/// All requests.
#[derive(Debug, Default)]
pub(super) struct Judge {
    /// What each asked, and when it asked last.
    asks: BTreeMap<(u64, u32), Ask>,
    /// Those that the store admitted and that have not ended.
    open: BTreeMap<Request, Open>,
    /// Those that it ever admitted.
    ever: BTreeSet<(u64, u32)>,
    /// What a store would have that forgets nothing.
    whole: BTreeMap<Vec<u8>, Stored>,
    /// By how much more than that was admitted, in tokens, and how many were forgotten.
    pub(super) over: BTreeMap<Vec<u8>, i128>,
    pub(super) forgotten: BTreeMap<Vec<u8>, i128>,
    /// The deepest deficit, in parts of a million of a burst.
    pub(super) over_admission: u64,
    pub(super) given_back_unknown: u64,
}

/// What is known elsewhere.
pub(super) struct Known<'a> {
    /// What the request really came to; outside: whether it was forwarded.
    pub(super) truth: &'a dyn Fn(Request) -> Option<Truth>,
    pub(super) was_forwarded: &'a dyn Fn(Request) -> bool,
    /// By which Envoy's number it goes.
    pub(super) of_envoy: &'a dyn Fn(Request) -> Option<(u64, u32)>,
    /// Whether nobody can know how a request ended.
    pub(super) may_be_lost: &'a dyn Fn(Request) -> bool,
    /// Whether the store may have forgotten something.
    pub(super) has_lost: bool,
    /// Whether a request that the store decided too late may have been decided without it.
    pub(super) decides_alone: bool,
}

impl Judge {
    /// A worker asks.
    pub(super) fn asks(&mut self, envoy: u64, ask: Ask) {
        self.asks.insert((envoy, ask.id), ask);
    }

    /// Whether the store ever admitted a request of this Envoy.
    pub(super) fn was_admitted(&self, request: (u64, u32)) -> bool {
        self.ever.contains(&request)
    }

    /// Those that are open and not forgotten.
    pub(super) fn open(&self) -> impl Iterator<Item = &Request> {
        self.open.keys()
    }

    /// A call was run.
    pub(super) fn run(&mut self, call: &Decided, known: &Known<'_>) -> Result<(), String> {
        let mut whole: Whole = Vec::with_capacity(call.buckets.len());
        for touched in &call.buckets {
            let known = self.whole.get(&touched.key).copied();
            let full = || Stored::full(&touched.told, touched.told.revision, call.now);
            let now = known.map_or_else(full, |known| known.follow(&touched.told, call.now));
            // What is left grows with the capacity, and so does what was forgotten of it.
            if let Some(known) = known.filter(|known| known.burst < now.burst)
                && let Some(forgotten) = self.forgotten.get_mut(&touched.key)
            {
                *forgotten = (*forgotten * now.burst).div_euclid(known.burst) + 1;
            }
            whole.push((now, false, false));
        }
        for (operation, verdict) in &call.operations {
            match operation {
                Operation::Decide { request: (0, _), .. }
                | Operation::End { request: (0, _), .. } => {}
                Operation::Decide { request, .. } if verdict.effect == DONE => {
                    self.admitted(call, &mut whole, operation, verdict.charged, known)
                        .map_err(|what| format!("request {request:?}: {what}"))?;
                }
                Operation::Decide { .. } => {}
                Operation::End { request, corrections } => {
                    self.ends(
                        (call, &mut whole),
                        *request,
                        corrections,
                        (verdict.effect == DONE, known),
                    )
                    .map_err(|what| format!("the end of request {request:?}: {what}"))?;
                }
                Operation::Charge { bucket, tokens } => {
                    whole[*bucket].0.owe(*tokens);
                    whole[*bucket].1 = true;
                }
            }
        }
        for (touched, (whole, changed, lacked)) in call.buckets.iter().zip(whole) {
            self.compare(touched, &whole, lacked);
            let known = self.whole.get(&touched.key);
            let is_other =
                |known: &Stored| (known.epoch, known.revision) != (whole.epoch, whole.revision);
            // The time alone changes nothing; a bucket of which was told what was seen is written.
            if changed || touched.seen.is_some() || known.is_some_and(is_other) {
                self.whole.insert(touched.key.clone(), whole);
            }
        }
        Ok(())
    }

    /// How much more there is of a bucket than there would be, where that let somebody pass.
    fn compare(&mut self, touched: &Touched, whole: &Stored, lacked: bool) {
        let after = &touched.after;
        let numbers = |of: &Stored| (of.epoch, of.revision, of.window);
        if !lacked || numbers(after) != numbers(whole) {
            return;
        }
        let beyond = (after.parts - whole.parts).max(0);
        let over = self.over.entry(touched.key.clone()).or_default();
        *over = (*over).max(beyond / after.window);
        let share = beyond * 1_000_000 / (after.burst * after.window);
        let share = u64::try_from(share).unwrap_or(u64::MAX).max(1);
        self.over_admission = self.over_admission.max(share);
    }

    fn admitted(
        &mut self,
        call: &Decided,
        whole: &mut Whole,
        operation: &Operation,
        charged: u16,
        known: &Known<'_>,
    ) -> Result<(), String> {
        let Operation::Decide { request, demands, .. } = operation else { return Ok(()) };
        let name = (known.of_envoy)(*request).ok_or("nobody knows its worker")?;
        let ask = self.asks.get(&name).ok_or("nobody asked for it")?;
        let mut reserved = None;
        let mut held = Vec::new();
        for (bit, demand) in demands.iter().enumerate() {
            let Of::Bucket(index) = demand.of else { continue };
            let touched = &call.buckets[index];
            let counts = counts(&touched.key)?;
            let cost = u64::try_from(demand.cost).unwrap_or(0);
            match counts {
                Counts::Requests if cost != 1 => return Err(format!("it costs {cost} requests")),
                Counts::Requests => {}
                Counts::Tokens if reserved.is_some_and(|reserved| reserved != cost) => {
                    return Err(format!("it reserves {cost}, and {reserved:?}"));
                }
                Counts::Tokens if cost < ask.estimate => {
                    return Err(format!("it reserves {cost} of {ask:?}"));
                }
                Counts::Tokens => reserved = Some(cost),
            }
            if charged & (1 << bit) == 0 {
                continue;
            }
            let (whole, is_other, lacked) = &mut whole[index];
            *lacked |= !demand.is_watched && !whole.covers(demand.cost);
            whole.take(demand.cost);
            *is_other = true;
            let (tokens, epoch) = (demand.cost, touched.after.epoch);
            let may_stand = demand.is_watched || touched.told.epoch < epoch;
            held.push(Charge { key: touched.key.clone(), counts, tokens, epoch, may_stand });
        }
        let reserved = reserved.unwrap_or(ask.estimate);
        self.ever.insert(name);
        self.open.insert(*request, Open { reserved, charges: held });
        Ok(())
    }

    fn ends(
        &mut self,
        (call, whole): (&Decided, &mut Whole),
        request: Request,
        corrections: &[Correction],
        (has_effect, known): (bool, &Known<'_>),
    ) -> Result<(), String> {
        let Some(open) = self.open.remove(&request) else {
            return if has_effect && !known.has_lost {
                Err("it takes effect, and is not open".to_owned())
            } else {
                Ok(())
            };
        };
        if !has_effect && !known.has_lost {
            self.open.insert(request, open);
            return Err("it has no effect, and is open".to_owned());
        }
        for correction in corrections {
            let (whole, changed, _) = &mut whole[correction.bucket];
            if correction.epoch != whole.epoch {
                continue;
            }
            *changed = true;
            if correction.is_further {
                whole.owe(correction.tokens);
                if !has_effect {
                    // With the request it was forgotten that there is something to be charged.
                    let key = &call.buckets[correction.bucket].key;
                    *self.forgotten.entry(key.clone()).or_default() += correction.tokens;
                }
            } else {
                whole.give_back(correction.tokens, correction.revision, correction.burst);
            }
        }
        let name = (known.of_envoy)(request).ok_or("nobody knows its worker")?;
        let kind = self.asks[&name].kind;
        let corrected = corrections.iter().map(|correction| {
            let key = call.buckets[correction.bucket].key.as_slice();
            let signed = if correction.is_further { -correction.tokens } else { correction.tokens };
            (key, correction.epoch, signed)
        });
        let corrected: BTreeMap<_, _> =
            corrected.map(|(key, epoch, tokens)| ((key, epoch), tokens)).collect();
        let all = |back: &dyn Fn(&Charge) -> Option<i128>| {
            let expected: BTreeMap<_, _> = open
                .charges
                .iter()
                .filter_map(|charge| Some(((charge.key.as_slice(), charge.epoch), back(charge)?)))
                .collect();
            expected == corrected
        };
        let is_given_back = all(&|charge| Some(charge.tokens));
        // What was asked and not heard is given back as far as it was charged in any case.
        let is_undone = open.charges.iter().all(|charge| {
            let back = corrected.get(&(charge.key.as_slice(), charge.epoch));
            back.map_or(charge.may_stand, |back| *back == charge.tokens)
        });
        let is_of_tokens = |charge: &Charge| charge.counts == Counts::Tokens;
        if let Some(truth) = (known.truth)(request) {
            let used = cost::tokens(kind, open.reserved, truth);
            let is_settled =
                all(&|charge| is_of_tokens(charge).then(|| charge.tokens - i128::from(used)));
            let stands = corrected.is_empty() && (known.may_be_lost)(request);
            let was_alone = is_undone && known.decides_alone;
            return if is_settled || stands || was_alone {
                Ok(())
            } else {
                Err(format!("{corrections:?} of {open:?}, and it used {used}: {truth:?}"))
            };
        }
        let may_stand =
            corrected.is_empty() && (open.charges.is_empty() || (known.may_be_lost)(request));
        let was_alone = is_undone && known.decides_alone;
        if (known.was_forwarded)(request) && !may_stand && !was_alone {
            return Err(format!("{corrections:?}, and it is on its way to the upstream"));
        }
        if is_given_back || may_stand {
            return Ok(());
        }
        self.given_back_unknown += 1;
        if is_undone {
            Ok(())
        } else {
            Err(format!("{corrections:?} of {open:?}, and it never was"))
        }
    }

    /// The store goes back to what it was: what was forgotten of each bucket may be admitted again.
    pub(super) fn store_loses(&mut self, before: &Model, after: &Model, now: u64) {
        for (key, stood) in before.buckets() {
            let mut stood = *stood;
            stood.refill(now);
            let stands = after.bucket(key).map_or(stood.burst * stood.window, |stands| {
                let mut stands = *stands;
                stands.refill(now);
                stands.parts * stood.window / stands.window
            });
            let forgotten = (stands - stood.parts).max(0);
            let tokens = if forgotten > 0 { forgotten / stood.window + 1 } else { 0 };
            *self.forgotten.entry(key.clone()).or_default() += tokens;
        }
    }

    /// Whether more was admitted than what was forgotten.
    pub(super) fn is_beyond(&self) -> Option<String> {
        self.over.iter().find_map(|(key, over)| {
            let forgotten = self.forgotten.get(key).copied().unwrap_or(0);
            (*over > forgotten).then(|| {
                format!("{over} tokens too much of {}, where {forgotten} were forgotten", name(key))
            })
        })
    }
}

/// What the bucket of a key counts.
fn counts(key: &[u8]) -> Result<Counts, String> {
    let bytes = key.strip_prefix(PREFIX.as_bytes()).and_then(|key| key.strip_prefix(b"b:"));
    let read = bytes.and_then(|bytes| postcard::from_bytes::<BucketName<'_>>(bytes).ok());
    match read {
        Some(BucketName::Rpm(_)) => Ok(Counts::Requests),
        Some(BucketName::Tpm(_)) => Ok(Counts::Tokens),
        Some(BucketName::Limit(limit)) => match limit.limit.kind.counts {
            limits::Counts::Tokens => Ok(Counts::Tokens),
            limits::Counts::Requests | limits::Counts::Concurrent => Ok(Counts::Requests),
        },
        None => Err(format!("{} is no bucket", name(key))),
    }
}

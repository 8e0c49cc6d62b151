//! While the store is away: this process decides by its part of each limit, which is what there is of it
//! divided by how many processes share it.
//!
//! It goes on from what was last seen, divided likewise; what is owed is owed to each. What it admits is
//! charged when the store is back.

use std::{
    collections::{BTreeMap, HashMap},
    num::NonZeroU64,
    sync::Arc,
};

use foldhash::fast::RandomState;
use limiter::{
    AMOUNT_MAX, Bucket, Decision, Demand, Level, Places, Quota, Tokens, UnixMillis, decide,
};
use smallvec::SmallVec;

use super::{
    Charged, Told, Value,
    seen::Seen,
    wish::{ChargeWish, DecideWish, Decided, EndWish, Hold, RequestName, Stands, Thing},
};

/// Parts of limits, and what was admitted by them.
#[derive(Debug, Default)]
pub(super) struct Local {
    /// In the order of their keys, so that the store is told the same in every run of the same story.
    buckets: BTreeMap<Arc<[u8]>, Part>,
    /// Requests that were admitted here, by worker and number, and after how many settlements: the store
    /// does not know them.
    open: HashMap<([u8; 16], u32), u64, RandomState>,
    settlements: u64,
}

/// This process' part of one bucket.
#[derive(Debug)]
struct Part {
    told: Told,
    bucket: Bucket,
    /// What was charged to it beyond what was given back: what the store has to be told.
    charged: u64,
}

/// What is left of a part or of places, copied: several are charged at once, or none.
enum Copied {
    Bucket(Bucket),
    Places(Places),
}

impl Local {
    /// Decides over a request by this process' part, of which there are so many. `taken` says how many
    /// places are taken here.
    pub(super) fn decide(
        &mut self,
        wish: &DecideWish,
        (seen, parts): (&Seen, u64),
        taken: impl Fn(&[u8]) -> u64,
        now: UnixMillis,
    ) -> Decided {
        let mut copied: SmallVec<[Copied; 4]> = SmallVec::new();
        for demand in &wish.demands {
            copied.push(match &demand.of {
                Thing::Tokens(key, told, _) => {
                    Copied::Bucket(self.part(key, told, (seen, parts), now).bucket)
                }
                Thing::Place(key, max) => {
                    let part = NonZeroU64::new(max.get() / parts.max(1));
                    let part = part.unwrap_or(NonZeroU64::MIN);
                    Copied::Places(Places::with_taken(part, taken(key)))
                }
            });
        }
        let mut demands: SmallVec<[Demand<'_>; 4]> = copied
            .iter_mut()
            .zip(&wish.demands)
            .map(|(copied, demand)| {
                let limited = match (copied, &demand.of) {
                    (Copied::Bucket(bucket), Thing::Tokens(_, _, cost)) => {
                        Demand::new(bucket, *cost)
                    }
                    (Copied::Bucket(bucket), Thing::Place(..)) => Demand::new(bucket, Tokens::ONE),
                    (Copied::Places(places), _) => Demand::place(places),
                };
                if demand.is_watched { limited.watched() } else { limited }
            })
            .collect();
        let decision = decide(&mut demands, now);
        let is_admitted = decision == Decision::Admitted;
        let said: SmallVec<[_; 4]> =
            demands.iter().map(|demand| (demand.is_covered(), demand.charge())).collect();
        drop(demands);
        let mut charged = SmallVec::new();
        let mut left = SmallVec::new();
        for ((copied, demand), (is_covered, charge)) in
            copied.into_iter().zip(&wish.demands).zip(said)
        {
            let is_charged = is_admitted && is_covered;
            let held = match (&demand.of, charge) {
                _ if !is_charged => None,
                (Thing::Tokens(_, told, _), Some(charge)) => {
                    Some(Charged::Tokens(charge, told.epoch))
                }
                _ => Some(Charged::Place),
            };
            charged.push(held);
            match (copied, &demand.of) {
                (Copied::Bucket(bucket), Thing::Tokens(key, _, cost)) => {
                    left.push(Stands::Bucket(bucket));
                    if let Some(part) = self.buckets.get_mut(key).filter(|_| is_charged) {
                        part.bucket = bucket;
                        part.charged = part.charged.saturating_add(cost.get());
                    }
                }
                (Copied::Places(places), _) => left.push(Stands::Places(places)),
                (Copied::Bucket(_), Thing::Place(..)) => {}
            }
        }
        if is_admitted {
            self.open.insert(name_of(&wish.request), self.settlements);
        }
        Decided { now, decision, charged, left }
    }

    /// Whether a request that has ended was admitted here; with it, what it holds comes back here, and what
    /// the store has to be told if it is back already.
    pub(super) fn end(&mut self, wish: &EndWish, now: UnixMillis) -> Option<Vec<ChargeWish>> {
        let settlements = self.open.remove(&name_of(&wish.request))?;
        let mut further = Vec::new();
        for hold in &wish.holds {
            let Hold::Tokens { key, told, charge, used, .. } = hold else { continue };
            if settlements == self.settlements
                && let Some(part) = self.buckets.get_mut(key)
            {
                part.bucket.settle(*charge, *used, now);
                let charged = part.charged.saturating_sub(charge.tokens().get());
                part.charged = charged.saturating_add(used.get());
                continue;
            }
            // The store was told what it was charged. Of what is too much nothing is given back.
            let more = used.get().saturating_sub(charge.tokens().get());
            if let Some(tokens) = Tokens::new(more).ok().filter(|more| more.get() > 0) {
                further.push(ChargeWish { key: Arc::clone(key), told: *told, tokens });
            }
        }
        Some(further)
    }

    /// What was charged without the store, which it has to be told now that it answers. What it can't be
    /// told is kept: of buckets that nobody can read it is decided by their parts while the store answers,
    /// too.
    pub(super) fn settle(&mut self, can_be_told: impl Fn(&[u8]) -> bool) -> Vec<ChargeWish> {
        let told = self.buckets.extract_if(.., |key, _| can_be_told(key));
        let told: Vec<_> = told.collect();
        if told.is_empty() {
            return Vec::new();
        }
        self.settlements += 1;
        let owed = told.into_iter().filter(|(_, part)| part.charged > 0);
        let owed = owed.filter_map(|(key, Part { told, charged, .. })| {
            Some(ChargeWish { key, told, tokens: Tokens::new(charged.min(AMOUNT_MAX)).ok()? })
        });
        owed.collect()
    }

    fn part(
        &mut self,
        key: &Arc<[u8]>,
        told: &Told,
        (seen, parts): (&Seen, u64),
        now: UnixMillis,
    ) -> &mut Part {
        let new = || {
            let value = seen.last(key).copied().unwrap_or_else(|| Value::full(told, now));
            let bucket = part_of(&value.follow(told, now), parts);
            Part { told: *told, bucket, charged: 0 }
        };
        let part = self.buckets.entry(Arc::clone(key)).or_insert_with(new);
        if told.epoch > part.told.epoch {
            // What was charged before it is forgotten, as it is in the store.
            *part = new();
        } else if told.epoch == part.told.epoch && told.revision > part.told.revision {
            part.bucket.change(divided(told.quota, parts), now);
            part.told = *told;
        }
        part
    }
}

fn name_of(request: &RequestName) -> ([u8; 16], u32) {
    (request.worker.name, request.id)
}

/// A limit divided by so many, but no less than 1.
fn divided(quota: Quota, parts: u64) -> Quota {
    let part = |number: u64| (number / parts.max(1)).max(1);
    let (amount, burst) = (part(quota.amount()), part(quota.burst()));
    Quota::new(amount, quota.window(), Some(burst.min(amount))).unwrap_or(quota)
}

/// What is left divided by so many; what is owed is owed by each.
fn part_of(value: &Value, parts: u64) -> Bucket {
    let Level { quota, revision, whole, refilled_at, .. } = value.bucket.level();
    let quota = divided(quota, parts);
    let share = i64::try_from(parts.max(1)).unwrap_or(1);
    let whole = if whole > 0 { whole / share } else { whole };
    let whole = whole.min(i64::try_from(quota.burst()).unwrap_or(i64::MAX));
    let level = Level { quota, revision, whole, rest: 0, refilled_at };
    Bucket::at(level).unwrap_or_else(|_| Bucket::full(quota, refilled_at))
}

//! What is left of limits beside clients' own two.
//!
//! Places are not kept: they are what open requests hold, and are counted.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    bucket::{Balance, Bucket, Payment},
    client::Limit,
    rules::{Measure, Mode, Rule, Rules, Subject, Word},
    worker::Held,
};

/// How long a request waits for a place, as far as anybody can tell.
const PLACES_WAIT_MS: u64 = 1_000;

/// Which bucket: of which limit, and of which value of each thing for which that has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pot {
    /// The limit, and which one of that name.
    pub(crate) limit: (Word, u64),
    pub(crate) client: Option<Word>,
    /// A client's own bucket goes with it from group to group, and from plan to plan.
    pub(crate) group: Option<Word>,
    pub(crate) plan: Option<Word>,
    /// The model, and which one of that name.
    pub(crate) model: Option<(Word, u64)>,
    /// Whether it is that of the number on trial.
    pub(crate) is_trial: bool,
}

/// How often a limit refused a client, or would have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) refused: u64,
    pub(crate) would_refuse: u64,
}

/// How often a limit refused, by what: itself, in shadow, by its number on trial. Of one process.
pub(crate) type Counted = [u64; 3];

/// All limits in force, and what is left of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beside {
    /// As they are wanted.
    pub(crate) rules: Rules,
    /// Which limit of a name it is, and which model: another one each time that it begins anew.
    limits: BTreeMap<Word, u64>,
    models: BTreeMap<Word, u64>,
    pots: BTreeMap<Pot, Bucket>,
    tallies: BTreeMap<(Word, Word), Tally>,
    counted: BTreeMap<Word, Counted>,
    lives: u64,
}

/// What one number of a limit says to a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Demand {
    pub(crate) pot: Pot,
    pub(crate) measure: Measure,
    /// Whether it may refuse.
    pub(crate) is_enforced: bool,
    pub(crate) cost: u64,
    /// How long it has to wait: 0 not at all, `None` it never fits.
    pub(crate) wait: Option<u64>,
}

/// What an admitted request holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) paid: Vec<(Pot, Measure, Payment)>,
    pub(crate) places: Vec<Pot>,
}

/// Counts the open requests that hold a place of this.
pub(crate) type Places<'a> = &'a dyn Fn(Pot) -> u64;

impl Beside {
    fn pot(&self, limit: Word, rule: &Rule, subject: Subject, is_trial: bool) -> Pot {
        let (each, is_own) = (rule.each, rule.each.client);
        let model = (subject.model, self.models.get(subject.model).copied().unwrap_or(0));
        Pot {
            limit: (limit, self.limits.get(limit).copied().unwrap_or(0)),
            client: is_own.then_some(subject.client),
            group: subject.group.filter(|_| each.group && !is_own),
            plan: subject.plan.filter(|_| each.plan && !is_own),
            model: each.model.then_some(model),
            is_trial,
        }
    }

    /// What all limits that apply to a request say to it, in the order of their names.
    pub(crate) fn demands(
        &self,
        subject: Subject,
        tokens: u64,
        places: Places<'_>,
        now: u64,
    ) -> Vec<Demand> {
        let applying = self.rules.limits.iter().filter(|(_, rule)| rule.applies(subject));
        let demands = applying.flat_map(|(name, rule)| {
            let numbers = [(false, Some(rule.measure)), (true, rule.on_trial())];
            numbers.into_iter().filter_map(move |(is_trial, measure)| {
                let measure = measure?;
                let pot = self.pot(name, rule, subject, is_trial);
                let cost = measure.cost(tokens);
                let wait = match measure {
                    Measure::Requests(_) | Measure::Tokens(_) => {
                        self.bucket(pot, measure, now)?.wait(cost, now)
                    }
                    Measure::Concurrent(max) if places(pot) >= max => Some(PLACES_WAIT_MS),
                    Measure::Concurrent(_) => Some(0),
                };
                let is_enforced = !is_trial && rule.mode == Mode::Enforce;
                Some(Demand { pot, measure, is_enforced, cost, wait })
            })
        });
        demands.collect()
    }

    fn bucket(&self, pot: Pot, measure: Measure, now: u64) -> Option<Bucket> {
        let numbers = numbers(measure)?;
        Some(self.pots.get(&pot).cloned().unwrap_or_else(|| Bucket::full(numbers, now)))
    }

    /// Takes of all that a request is charged to: enforced ones whatever is there, others if it is.
    pub(crate) fn pay(&mut self, client: Word, demands: &[Demand], now: u64) -> Taken {
        let mut taken = Taken::default();
        let mut last = None;
        for demand in demands {
            if !demand.is_enforced && demand.wait != Some(0) {
                // A request counts once, also where both numbers would refuse it.
                let is_again = last.replace(demand.pot.limit) == Some(demand.pot.limit);
                self.would_refuse(client, demand, is_again);
            } else if let Some(mut bucket) = self.bucket(demand.pot, demand.measure, now) {
                taken.paid.push((demand.pot, demand.measure, bucket.pay(demand.cost, now)));
                self.pots.insert(demand.pot, bucket);
            } else {
                taken.places.push(demand.pot);
            }
        }
        taken
    }

    fn would_refuse(&mut self, client: Word, demand: &Demand, is_again: bool) {
        let (limit, _) = demand.pot.limit;
        self.tallies.entry((client, limit)).or_default().would_refuse += u64::from(!is_again);
        let place = if demand.pot.is_trial { 2 } else { 1 };
        self.counted.entry(limit).or_default()[place] += 1;
    }

    /// A request was refused, by all of these among others.
    pub(crate) fn refused(&mut self, client: Word, limit: Word, requests: u64) {
        if self.rules.limits.contains_key(limit) {
            self.tallies.entry((client, limit)).or_default().refused += requests;
            self.counted.entry(limit).or_default()[0] += requests;
        }
    }

    /// Makes of what was paid what the request costs: one request and so many tokens, or nothing.
    /// `owns` says whether the client's own buckets are still those that were charged.
    pub(crate) fn correct(&mut self, taken: &Taken, cost: Option<u64>, owns: bool, now: u64) {
        for (pot, measure, payment) in &taken.paid {
            let Some(bucket) = self.pots.get_mut(pot).filter(|_| owns || pot.client.is_none())
            else {
                continue;
            };
            match (measure, cost) {
                (Measure::Tokens(_), cost) => bucket.correct(*payment, cost.unwrap_or(0), now),
                (_, None) => bucket.correct(*payment, 0, now),
                (_, Some(_)) => {}
            }
        }
    }

    /// A client is another one, or its buckets are filled.
    pub(crate) fn forget_client(&mut self, client: Word) {
        self.pots.retain(|pot, _| pot.client != Some(client));
    }

    /// What it counted is forgotten with it.
    pub(crate) fn forget_tallies(&mut self, is_known: impl Fn(Word) -> bool) {
        self.tallies.retain(|(client, _), _| is_known(client));
    }

    /// An operator wants other limits and models: what was spent of one that goes on stays spent.
    pub(crate) fn change(&mut self, rules: &Rules, now: u64) {
        for name in self.rules.models.keys().filter(|name| !rules.models.contains_key(*name)) {
            self.models.remove(name);
        }
        for name in rules.models.keys() {
            self.models.entry(name).or_insert_with(|| {
                self.lives += 1;
                self.lives
            });
        }
        for (name, before) in &self.rules.limits {
            if rules.limits.get(name).is_none_or(|rule| !rule.goes_on_as(before)) {
                self.limits.remove(name);
                self.tallies.retain(|(_, limit), _| limit != name);
            }
        }
        for name in rules.limits.keys() {
            self.limits.entry(name).or_insert_with(|| {
                self.lives += 1;
                self.lives
            });
        }
        self.rules = rules.clone();
        let (limits, models) = (&self.limits, &self.models);
        self.pots.retain(|pot, _| {
            let is_model =
                |(model, life): (Word, u64)| models.get(model).copied().unwrap_or(0) == life;
            limits.get(pot.limit.0) == Some(&pot.limit.1) && pot.model.is_none_or(is_model)
        });
        for (pot, bucket) in &mut self.pots {
            let Some(rule) = self.rules.limits.get(pot.limit.0) else { continue };
            // What a number on trial left stays when that goes.
            let measure = if pot.is_trial { rule.on_trial() } else { Some(rule.measure) };
            if let Some(numbers) = measure.and_then(numbers) {
                bucket.change(numbers, now);
            }
        }
    }

    /// Nobody is in any other group, or on any other plan: what these shared is forgotten, and what was
    /// paid there is of no bucket any more.
    pub(crate) fn forget_empty<'a>(
        &mut self,
        of: &BTreeSet<(Option<Word>, Option<Word>)>,
        taken: impl Iterator<Item = &'a mut Taken>,
    ) {
        let is_kept = |pot: &Pot| match (pot.group, pot.plan) {
            (None, None) => true,
            (group @ Some(_), None) => of.iter().any(|(some, _)| *some == group),
            (None, plan @ Some(_)) => of.iter().any(|(_, some)| *some == plan),
            pair => of.contains(&pair),
        };
        self.pots.retain(|pot, _| is_kept(pot));
        for taken in taken {
            taken.paid.retain(|(pot, ..)| is_kept(pot));
        }
    }

    /// Another process goes on, with these limits and models.
    pub(crate) fn go_on(&mut self, rules: &Rules, last: u64, now: u64) {
        self.pots.values_mut().for_each(|bucket| bucket.go_on(last, now));
        self.counted.clear();
        self.change(rules, now);
    }

    /// How often a limit refused this client.
    pub(crate) fn tally(&self, client: Word, limit: Word) -> Tally {
        self.tallies.get(&(client, limit)).copied().unwrap_or_default()
    }

    /// How often a limit refused.
    pub(crate) fn counted(&self, limit: Word) -> Counted {
        self.counted.get(limit).copied().unwrap_or_default()
    }

    /// What is left of a limit for this subject, whatever its model: of several buckets the least.
    pub(crate) fn remaining(
        &self,
        limit: Word,
        subject: Subject,
        held: &[&Held],
        now: u64,
    ) -> Option<u64> {
        let rule = self.rules.limits.get(limit)?;
        let mine = self.pot(limit, rule, subject, false);
        let is_mine = |pot: &Pot| Pot { model: mine.model, ..*pot } == mine;
        let full = rule.measure.capacity();
        if let Measure::Concurrent(max) = rule.measure {
            let places = held.iter().flat_map(|held| &held.beside.places);
            let places: Vec<_> = places.filter(|pot| is_mine(pot) && self.is_there(pot)).collect();
            let most = places.iter().map(|pot| places.iter().filter(|p| p == &pot).count()).max();
            return Some(max.saturating_sub(u64::try_from(most.unwrap_or(0)).unwrap_or(0)));
        }
        let left = self.pots.iter().filter(|(pot, _)| is_mine(pot));
        Some(left.map(|(_, bucket)| bucket.balance(now).remaining()).fold(full, u64::min))
    }

    /// What is left of one bucket; `None`: nothing was ever taken.
    pub(crate) fn balance_of(
        &self,
        limit: &str,
        of: Subject,
        is_trial: bool,
        now: u64,
    ) -> Option<Balance> {
        let (name, rule) = self.rules.limits.get_key_value(limit)?;
        Some(self.pots.get(&self.pot(name, rule, of, is_trial))?.balance(now))
    }

    fn is_there(&self, pot: &Pot) -> bool {
        let is_model =
            |(model, life): (Word, u64)| self.models.get(model).copied().unwrap_or(0) == life;
        pot.model.is_none_or(is_model)
    }

    /// The balance of what a demand is charged to.
    pub(crate) fn balance(&self, demand: &Demand, now: u64) -> Option<Balance> {
        Some(self.bucket(demand.pot, demand.measure, now)?.balance(now))
    }

    /// How much more a request costs than there is.
    pub(crate) fn missing(&self, demand: &Demand, places: Places<'_>, now: u64) -> (u64, u64) {
        match demand.measure {
            Measure::Concurrent(max) => ((places(demand.pot) + 1).saturating_sub(max), max),
            measure => {
                let missing = self.bucket(demand.pot, measure, now);
                (missing.map_or(0, |bucket| bucket.missing(demand.cost, now)), measure.capacity())
            }
        }
    }
}

impl Demand {
    /// How its limit is named.
    pub(crate) fn limit(&self) -> Limit {
        Limit::Named(self.pot.limit.0)
    }
}

fn numbers(measure: Measure) -> Option<super::bucket::Numbers> {
    match measure {
        Measure::Requests(numbers) | Measure::Tokens(numbers) => Some(numbers),
        Measure::Concurrent(_) => None,
    }
}

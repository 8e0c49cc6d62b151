//! What limits hold, and the requests that are under way.

use std::collections::VecDeque;

use limiter::{
    Bucket, Charge, Decision, Demand, Places, Refusal, Tokens, UnixMillis, Wait, decide,
    would_refuse,
};

use crate::{
    START,
    steps::{Ask, Limit, Measure},
};

/// What one limit holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    Bucket(Bucket),
    Places(Places),
}

/// What one limit was asked, and what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) limit: usize,
    pub(crate) cost: u64,
    pub(crate) is_covered: bool,
    pub(crate) charge: Option<Charge>,
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) limits: Vec<Limit>,
    pub(crate) held: Vec<Held>,
    /// What each request under way was charged, the oldest first.
    pub(crate) open: VecDeque<Vec<Told>>,
}

impl World {
    pub(crate) fn new(limits: &[Limit]) -> Self {
        let held = limits.iter().map(|limit| match limit.measure {
            Measure::InAWindow(quota) => Held::Bucket(Bucket::full(quota, UnixMillis(START))),
            Measure::AtATime(max) => Held::Places(Places::new(max)),
        });
        Self { limits: limits.to_vec(), held: held.collect(), open: VecDeque::new() }
    }

    /// The limits that a request is for, in their order, and what it costs in each.
    pub(crate) fn costs(&self, ask: &Ask) -> Vec<(usize, u64)> {
        (0..self.limits.len())
            .filter(|limit| ask.matching & (1 << limit) != 0)
            .map(|limit| {
                let cost = match self.limits[limit].measure {
                    Measure::InAWindow(quota) => ask.costs[limit].in_bucket(quota),
                    Measure::AtATime(_) => 1,
                };
                (limit, cost)
            })
            .collect()
    }

    /// Asks for one request, which is under way then if it is admitted.
    pub(crate) fn ask(&mut self, costs: &[(usize, u64)], now: u64) -> (Decision, Vec<Told>) {
        let (decision, told) = self.decide(costs, now);
        if decision == Decision::Admitted {
            self.open.push_back(told.clone());
        }
        (decision, told)
    }

    /// Decides over one request in the order of `costs`, and follows it no further.
    pub(crate) fn decide(&mut self, costs: &[(usize, u64)], now: u64) -> (Decision, Vec<Told>) {
        let mut demands = demands(&self.limits, &mut self.held, costs);
        let decision = decide(&mut demands, UnixMillis(now));
        let told = costs.iter().zip(&demands).map(|(&(limit, cost), demand)| {
            let (is_covered, charge) = (demand.is_covered(), demand.charge());
            Told { limit, cost, is_covered, charge }
        });
        (decision, told.collect())
    }

    /// What would be said of one request, and how long it would wait for each of its limits alone.
    pub(crate) fn foretell(
        &mut self,
        costs: &[(usize, u64)],
        now: u64,
    ) -> (Option<Refusal>, Vec<Option<Wait>>) {
        let demands = demands(&self.limits, &mut self.held, costs);
        let now = UnixMillis(now);
        let waits = demands.iter().map(|demand| demand.wait(now)).collect();
        (would_refuse(&demands, now), waits)
    }

    /// The oldest request ends: it used so many hundredths of what it was charged.
    pub(crate) fn end(&mut self, percent: u64, now: u64) -> Vec<Told> {
        let ended = self.open.pop_front().unwrap_or_default();
        for told in ended.iter().filter(|told| told.is_covered) {
            match &mut self.held[told.limit] {
                Held::Bucket(bucket) => {
                    let used = Tokens::new(told.used(percent)).unwrap();
                    bucket.settle(told.charge.unwrap(), used, UnixMillis(now));
                }
                Held::Places(places) => places.give_back(),
            }
        }
        ended
    }

    /// The limit's numbers are other ones from now on.
    pub(crate) fn change(&mut self, limit: usize, to: Measure, now: u64) {
        match (&mut self.held[limit], to) {
            (Held::Bucket(bucket), Measure::InAWindow(quota)) => {
                bucket.change(quota, UnixMillis(now));
            }
            (Held::Places(places), Measure::AtATime(max)) => places.change(max),
            _ => return,
        }
        self.limits[limit].measure = to;
    }

    /// Goes on with what was written down: levels, and requests that are under way.
    pub(crate) fn restart(&mut self) {
        for held in &mut self.held {
            *held = match held {
                Held::Bucket(bucket) => Held::Bucket(Bucket::at(bucket.level()).unwrap()),
                Held::Places(places) => Held::Places(Places::new(places.max())),
            };
        }
        for told in self.open.iter().flatten().filter(|told| told.is_covered) {
            if let Held::Places(places) = &mut self.held[told.limit] {
                places.take_again();
            }
        }
    }
}

/// What a request asks of each of its limits, in the order of `costs`.
fn demands<'a>(limits: &[Limit], held: &'a mut [Held], costs: &[(usize, u64)]) -> Vec<Demand<'a>> {
    let mut held: Vec<_> = held.iter_mut().map(Some).collect();
    let demands = costs.iter().map(|&(limit, cost)| {
        let demand = match held[limit].take().unwrap() {
            Held::Bucket(bucket) => Demand::new(bucket, Tokens::new(cost).unwrap()),
            Held::Places(places) => Demand::place(places),
        };
        if limits[limit].is_watched { demand.watched() } else { demand }
    });
    demands.collect()
}

impl Told {
    /// So many hundredths of the cost, as far as there are numbers for it.
    pub(crate) fn used(&self, percent: u64) -> u64 {
        (self.cost * percent / 100).min(limiter::AMOUNT_MAX)
    }
}

//! What is let through: never more than a limit says, and never less.

use limiter::{AMOUNT_MAX, Decision, UnixMillis};
use proptest::{collection::vec, prelude::*};

use crate::{
    START, cases,
    steps::{Ask, Limit, Measure, Step, ask, limits, percent, requests},
    world::{Held, Told, World},
};

/// What a bucket let through, moment by moment: the latest that it has seen, and tokens that it was
/// charged or, below zero, given back.
#[derive(Clone, Default)]
struct Through(Vec<(u64, i128)>);

impl Through {
    fn at(&mut self, now: u64, tokens: i128) {
        let latest = self.0.last().map_or(now, |(latest, _)| now.max(*latest));
        self.0.push((latest, tokens));
    }

    /// Whether it is no more than a full bucket and the refill, in any time that ends now.
    fn check(&self, limit: &Limit) -> Result<(), TestCaseError> {
        let Measure::InAWindow(quota) = limit.measure else { return Ok(()) };
        let window_ms = i128::from(quota.window().millis());
        let (end, _) = self.0.last().copied().unwrap_or_default();
        let mut through = 0;
        for (begin, tokens) in self.0.iter().rev() {
            through += tokens;
            let refill = i128::from(quota.amount()) * i128::from(end - begin);
            let most = i128::from(quota.burst()) * window_ms + refill;
            prop_assert!(through * window_ms <= most, "{through} tokens in {} ms", end - begin);
        }
        Ok(())
    }
}

/// How many requests under way have a place of this limit.
fn holders(world: &World, limit: usize) -> u64 {
    let all = world.open.iter().flatten();
    all.filter(|told| told.limit == limit && told.is_covered).count() as u64
}

fn tokens(tokens: u64) -> i128 {
    i128::from(tokens)
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn no_limit_lets_more_through_than_it_holds_and_refills_in_any_time_or_than_its_places(
        limits in limits(),
        steps in requests(),
    ) {
        let mut world = World::new(&limits);
        let mut through = vec![Through::default(); limits.len()];
        let mut now = START;
        for (pause_ms, step) in steps {
            now = now.saturating_add_signed(pause_ms);
            match step {
                Step::Ask(ask) => {
                    let costs = world.costs(&ask);
                    let (decision, told) = world.ask(&costs, now);
                    let is_admitted = decision == Decision::Admitted;
                    for told in told {
                        let limit = told.limit;
                        if is_admitted || !limits[limit].is_watched {
                            let is_charged = is_admitted && told.is_covered;
                            through[limit].at(now, if is_charged { tokens(told.cost) } else { 0 });
                        }
                        through[limit].check(&limits[limit])?;
                    }
                }
                Step::End { percent } => {
                    for told in world.end(percent, now).into_iter().filter(|told| told.is_covered) {
                        let unused = told.cost.saturating_sub(told.used(percent));
                        through[told.limit].at(now, -tokens(unused));
                    }
                }
                Step::Change { .. } | Step::Restart => {}
            }
            for (limit, of) in limits.iter().enumerate() {
                if let Measure::AtATime(max) = of.measure {
                    prop_assert!(holders(&world, limit) <= max.get());
                }
            }
        }
    }

    /// Time stands, or is set back, so that nothing is refilled.
    #[test]
    fn what_was_admitted_is_what_was_settled_and_what_is_open_to_the_unit(
        limits in limits(),
        steps in vec(
            (
                -5_000..=0_i64,
                prop_oneof![
                    3 => ask().prop_map(Step::Ask),
                    2 => percent().prop_map(|percent| Step::End { percent }),
                ],
            ),
            1..80,
        ),
    ) {
        let mut world = World::new(&limits);
        let mut settled = vec![0; limits.len()];
        let mut now = START;
        for (pause_ms, step) in steps {
            now = START.min(now.saturating_add_signed(pause_ms));
            match step {
                Step::Ask(ask) => {
                    let costs = world.costs(&ask);
                    let _ = world.ask(&costs, now);
                }
                Step::End { percent } => {
                    for told in world.end(percent, now).iter().filter(|told| told.is_covered) {
                        settled[told.limit] += told.used(percent);
                    }
                }
                Step::Change { .. } | Step::Restart => {}
            }
            check_books(&world, &settled, now)?;
        }
        while !world.open.is_empty() {
            world.end(0, now);
            check_books(&world, &settled, now)?;
        }
    }

    /// It takes all that is there each time it comes, with every place in use, and whatever is watched
    /// meanwhile. A token more in any limit is refused by that limit alone.
    #[test]
    fn who_is_exactly_at_all_his_rates_is_never_refused(
        limits in limits(),
        comes in vec((0..20_000_u64, ask()), 1..60),
    ) {
        let mut world = World::new(&limits);
        let mut left: Vec<_> = limits.iter().map(full_units).collect();
        let mut now = START;
        for (pause_ms, ask) in comes {
            now += pause_ms;
            let costs = all_that_is_there(&world, &ask, &mut left, pause_ms);
            let is_full = |limit: &Limit, taken| match limit.measure {
                Measure::AtATime(max) => !limit.is_watched && max.get() == taken,
                Measure::InAWindow(_) => false,
            };
            while (0..limits.len()).any(|limit| is_full(&limits[limit], holders(&world, limit))) {
                world.end(100, now);
            }
            for (index, &(limit, cost)) in costs.iter().enumerate() {
                let is_bucket = matches!(limits[limit].measure, Measure::InAWindow(_));
                if limits[limit].is_watched || !is_bucket || cost == AMOUNT_MAX {
                    continue;
                }
                let mut more = costs.clone();
                more[index].1 += 1;
                let (decision, _) = world.clone().decide(&more, now);
                let Decision::Refused(refusal) = decision else {
                    return Err(TestCaseError::fail("a token more is admitted"));
                };
                for other in 0..costs.len() {
                    prop_assert_eq!(refusal.refuses(other), other == index);
                }
            }
            prop_assert_eq!(world.ask(&costs, now).0, Decision::Admitted);
        }
    }
}

fn check_books(world: &World, settled: &[u64], now: u64) -> Result<(), TestCaseError> {
    for (limit, held) in world.held.iter().enumerate() {
        match held {
            Held::Bucket(bucket) => {
                let is_open = |told: &&Told| told.limit == limit && told.is_covered;
                let open = world.open.iter().flatten().filter(is_open);
                let open: u64 = open.map(|told| told.cost).sum();
                let balance = bucket.balance(UnixMillis(now));
                prop_assert_eq!(balance.used(), settled[limit] + open);
                prop_assert_eq!(balance.rest(), 0);
            }
            Held::Places(places) => prop_assert_eq!(places.taken(), holders(world, limit)),
        }
    }
    Ok(())
}

fn full_units(limit: &Limit) -> i128 {
    match limit.measure {
        Measure::InAWindow(quota) => tokens(quota.burst()) * tokens(quota.window().millis()),
        Measure::AtATime(_) => 0,
    }
}

/// What a request costs that takes all there is by now in each limit in force, and takes it.
fn all_that_is_there(
    world: &World,
    ask: &Ask,
    left: &mut [i128],
    pause_ms: u64,
) -> Vec<(usize, u64)> {
    let mut costs = world.costs(&Ask { matching: u16::MAX, ..ask.clone() });
    for (limit, cost) in &mut costs {
        let of = &world.limits[*limit];
        let Measure::InAWindow(quota) = of.measure else { continue };
        if !of.is_watched {
            let refilled = left[*limit] + tokens(quota.amount()) * tokens(pause_ms);
            let there = refilled.min(full_units(of));
            let window_ms = tokens(quota.window().millis());
            *cost = u64::try_from(there / window_ms).unwrap();
            left[*limit] = there % window_ms;
        }
    }
    costs
}

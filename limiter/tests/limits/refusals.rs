//! What a refusal costs, which is nothing, and what it tells.

use limiter::{Decision, PLACES_WAIT_MS, Refusal, UnixMillis, Wait};
use proptest::{collection::vec, prelude::*};

use crate::{
    START, cases,
    steps::{Step, ask, limits, requests},
    world::{Held, Told, World},
};

/// All requests that were refused: the world before each, what it cost, when, and the refusal.
struct Refused {
    before: World,
    after: World,
    costs: Vec<(usize, u64)>,
    now: u64,
    refusal: Refusal,
    told: Vec<Told>,
}

fn refused_of(world: &mut World, steps: Vec<(i64, Step)>) -> Vec<Refused> {
    let mut all = Vec::new();
    let mut now = START;
    for (pause_ms, step) in steps {
        now = now.saturating_add_signed(pause_ms);
        match step {
            Step::Ask(ask) => {
                let (costs, before) = (world.costs(&ask), world.clone());
                let (decision, told) = world.ask(&costs, now);
                if let Decision::Refused(refusal) = decision {
                    let after = world.clone();
                    all.push(Refused { before, after, costs, now, refusal, told });
                }
            }
            Step::End { percent } => {
                world.end(percent, now);
            }
            Step::Change { .. } | Step::Restart => {}
        }
    }
    all
}

impl Refused {
    /// Gives back places until all limits have one that refused for want of it; whether any did.
    fn give_places_back(&mut self) -> bool {
        let mut any = false;
        for (index, &(limit, _)) in self.costs.iter().enumerate() {
            let Held::Places(places) = &mut self.after.held[limit] else { continue };
            while self.refusal.refuses(index) && places.free() == 0 {
                places.give_back();
                any = true;
            }
        }
        any
    }

    /// What the same request is answered at another moment, as the world is after it.
    fn again(&self, moment: u64) -> Decision {
        self.after.clone().decide(&self.costs, moment).0
    }
}

/// All moments of a short time, and of a longer one the ends and as many between as there are samples.
fn moments_within(wait_ms: u64, samples: &[u64]) -> Vec<u64> {
    if wait_ms <= 200 {
        return (0..wait_ms).collect();
    }
    let part = |sample: &u64| (u128::from(wait_ms) * u128::from(*sample)) >> u64::BITS;
    let between = samples.iter().map(|sample| u64::try_from(part(sample)).unwrap());
    between.chain([0, 1, 2, wait_ms / 2, wait_ms - 2, wait_ms - 1]).collect()
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn who_is_refused_passes_at_the_moment_that_is_told_and_at_none_before(
        limits in limits(),
        steps in requests(),
        samples in vec(any::<u64>(), 40),
    ) {
        for mut refused in refused_of(&mut World::new(&limits), steps) {
            let Wait::Millis(told_ms) = refused.refusal.wait() else { continue };
            prop_assert!(told_ms >= 1);
            let is_for_a_place = refused.give_places_back();
            // What is left of the refusal when all places are free is exact.
            let exact = match refused.again(refused.now) {
                Decision::Admitted => Wait::Millis(0),
                Decision::Refused(rest) => rest.wait(),
            };
            let Wait::Millis(exact_ms) = exact else {
                return Err(TestCaseError::fail("a wait is told, and there is no end to it"));
            };
            let at_least_ms = if is_for_a_place { PLACES_WAIT_MS } else { 1 };
            prop_assert_eq!(told_ms, exact_ms.max(at_least_ms));
            for moment in moments_within(exact_ms, &samples) {
                let Some(moment) = refused.now.checked_add(moment) else { continue };
                prop_assert_ne!(refused.again(moment), Decision::Admitted, "before {}", exact_ms);
            }
            // A debt of the largest quota under the smallest outlasts all time that there is.
            for later_ms in [0, 1, 1_000, 86_400_000] {
                let moment = refused.now.checked_add(told_ms).and_then(|at| at.checked_add(later_ms));
                let Some(moment) = moment else { continue };
                prop_assert_eq!(refused.again(moment), Decision::Admitted);
            }
        }
    }

    #[test]
    fn what_never_fits_is_refused_at_every_moment_and_nothing_else_is_for_ever(
        limits in limits(),
        steps in requests(),
        samples in vec(0..100_000_000_000_u64, 20),
    ) {
        for mut refused in refused_of(&mut World::new(&limits), steps) {
            let never_fits = refused.costs.iter().any(|&(limit, cost)| {
                let Held::Bucket(bucket) = refused.before.held[limit] else { return false };
                !limits[limit].is_watched && cost > bucket.quota().burst()
            });
            prop_assert_eq!(refused.refusal.wait() == Wait::Never, never_fits);
            refused.give_places_back();
            for sample in samples.iter().filter(|_| never_fits) {
                prop_assert_ne!(refused.again(refused.now + sample), Decision::Admitted);
            }
        }
    }

    #[test]
    fn a_refusal_changes_no_bucket_and_takes_no_place(limits in limits(), steps in requests()) {
        for refused in refused_of(&mut World::new(&limits), steps) {
            for (limit, (before, after)) in
                refused.before.held.iter().zip(&refused.after.held).enumerate()
            {
                if limits[limit].is_watched {
                    prop_assert_eq!(before, after);
                }
                match (before, after) {
                    (Held::Bucket(before), Held::Bucket(after)) => {
                        for later_ms in [0, 1, 777, 60_000, 86_400_000] {
                            let then = UnixMillis(refused.now + later_ms);
                            prop_assert_eq!(before.balance(then), after.balance(then));
                        }
                    }
                    (before, after) => prop_assert_eq!(before, after),
                }
            }
            prop_assert!(refused.told.iter().all(|told| told.charge.is_none()));
        }
    }

    #[test]
    fn all_are_charged_what_the_request_costs_or_none_is(limits in limits(), steps in requests()) {
        let mut world = World::new(&limits);
        let mut now = START;
        for (pause_ms, step) in steps {
            now = now.saturating_add_signed(pause_ms);
            let ask = match step {
                Step::Ask(ask) => ask,
                Step::End { percent } => {
                    world.end(percent, now);
                    continue;
                }
                Step::Change { .. } | Step::Restart => continue,
            };
            let (costs, before) = (world.costs(&ask), world.held.clone());
            let (decision, told) = world.ask(&costs, now);
            let mut taken = vec![0; limits.len()];
            if decision == Decision::Admitted {
                for told in told.iter().filter(|told| told.is_covered) {
                    taken[told.limit] = told.cost;
                }
                let enforced = |told: &&Told| !limits[told.limit].is_watched;
                prop_assert!(told.iter().filter(enforced).all(|told| told.is_covered));
            }
            for (limit, (before, after)) in before.iter().zip(&world.held).enumerate() {
                let less = match (before, after) {
                    (Held::Bucket(before), Held::Bucket(after)) => {
                        let whole = |bucket: &limiter::Bucket| bucket.balance(UnixMillis(now)).whole();
                        whole(before).abs_diff(whole(after))
                    }
                    (Held::Places(before), Held::Places(after)) => after.taken() - before.taken(),
                    _ => unreachable!("a limit became another kind of limit"),
                };
                prop_assert_eq!(less, taken[limit]);
            }
            for told in told {
                let is_bucket = matches!(world.held[told.limit], Held::Bucket(_));
                let charged = told.charge.map(|charge| charge.tokens().get());
                let is_charged =
                    is_bucket && told.is_covered && decision == Decision::Admitted;
                prop_assert_eq!(charged, is_charged.then_some(told.cost));
            }
        }
    }

    /// It names another one of those that refuse, and that is all.
    #[test]
    fn in_whatever_order_limits_are_asked_the_answer_is_the_same(
        limits in limits(),
        steps in requests(),
        last in ask(),
        order in Just((0..limiter::BUCKETS_MAX).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let mut world = World::new(&limits);
        refused_of(&mut world, steps);
        let now = START + 1_000_000_000;
        let costs = world.costs(&last);
        let mut shuffled = costs.clone();
        shuffled.sort_by_key(|(limit, _)| order[*limit]);
        let mut other = world.clone();
        let (decision, told) = world.decide(&costs, now);
        let (as_well, mut told_as_well) = other.decide(&shuffled, now);
        match (decision, as_well) {
            (Decision::Admitted, Decision::Admitted) => {}
            (Decision::Refused(one), Decision::Refused(other)) => {
                prop_assert_eq!(one.wait(), other.wait());
                for (index, cost) in shuffled.iter().enumerate() {
                    let in_order = costs.iter().position(|other| other == cost).unwrap();
                    prop_assert_eq!(one.refuses(in_order), other.refuses(index));
                }
            }
            _ => return Err(TestCaseError::fail(format!("{decision:?} and {as_well:?}"))),
        }
        told_as_well.sort_by_key(|told| told.limit);
        prop_assert_eq!(told, told_as_well);
        prop_assert_eq!(world.held, other.held);
    }
}

//! What is only watched stands beside what is decided, and never in its way.

use limiter::{Decision, Refusal};
use proptest::prelude::*;

use crate::{
    START, cases,
    steps::{Step, limits, steps},
    world::World,
};

/// What a refusal tells of the limits that it is about, by their numbers in the whole set.
fn told(refusal: Refusal, costs: &[(usize, u64)]) -> (usize, limiter::Wait, Vec<usize>) {
    let refusing = costs.iter().enumerate().filter(|(index, _)| refusal.refuses(*index));
    let refusing = refusing.map(|(_, (limit, _))| *limit).collect();
    (costs[refusal.named()].0, refusal.wait(), refusing)
}

proptest! {
    #![proptest_config(cases())]

    /// Beside the world stands one in which nobody asks what is watched.
    #[test]
    fn a_watched_limit_changes_neither_what_is_decided_nor_what_others_hold(
        limits in limits(),
        steps in steps(),
    ) {
        let mut world = World::new(&limits);
        let mut without = world.clone();
        let untouched = world.held.clone();
        let mut now = START;
        for (pause_ms, step) in steps {
            now = now.saturating_add_signed(pause_ms);
            match step {
                Step::Ask(ask) => {
                    let costs = world.costs(&ask);
                    let mut enforced = costs.clone();
                    enforced.retain(|(limit, _)| !limits[*limit].is_watched);
                    let decisions = (world.ask(&costs, now).0, without.ask(&enforced, now).0);
                    match decisions {
                        (Decision::Admitted, Decision::Admitted) => {}
                        (Decision::Refused(one), Decision::Refused(other)) => {
                            prop_assert_eq!(told(one, &costs), told(other, &enforced));
                        }
                        _ => return Err(TestCaseError::fail(format!("{decisions:?}"))),
                    }
                }
                Step::End { percent } => {
                    world.end(percent, now);
                    without.end(percent, now);
                }
                Step::Change { limit, to } => {
                    let limit = limit % limits.len();
                    if !limits[limit].is_watched {
                        world.change(limit, to, now);
                        without.change(limit, to, now);
                    }
                }
                Step::Restart => {
                    world.restart();
                    without.restart();
                }
            }
            for (limit, held) in world.held.iter().enumerate() {
                if limits[limit].is_watched {
                    prop_assert_eq!(without.held[limit], untouched[limit]);
                } else {
                    prop_assert_eq!(*held, without.held[limit]);
                }
            }
        }
    }

    /// Of each request that passes it says what it would say alone.
    #[test]
    fn a_watched_limit_decides_over_what_is_admitted_as_if_it_were_in_force(
        limits in limits(),
        steps in steps(),
    ) {
        let mut world = World::new(&limits);
        let mut now = START;
        for (pause_ms, step) in steps {
            now = now.saturating_add_signed(pause_ms);
            match step {
                Step::Ask(ask) => {
                    let costs = world.costs(&ask);
                    let before = world.clone();
                    let (decision, told) = world.ask(&costs, now);
                    for told in told.iter().filter(|told| limits[told.limit].is_watched) {
                        if decision != Decision::Admitted {
                            prop_assert_eq!(world.held[told.limit], before.held[told.limit]);
                            prop_assert!(!told.is_covered);
                            continue;
                        }
                        let mut alone = before.clone();
                        alone.limits[told.limit].is_watched = false;
                        let (decision, in_force) = alone.decide(&[(told.limit, told.cost)], now);
                        prop_assert_eq!(told.is_covered, decision == Decision::Admitted);
                        prop_assert_eq!(vec![*told], in_force);
                        prop_assert_eq!(world.held[told.limit], alone.held[told.limit]);
                    }
                }
                Step::End { percent } => {
                    world.end(percent, now);
                }
                Step::Change { limit, to } => world.change(limit % limits.len(), to, now),
                Step::Restart => world.restart(),
            }
        }
    }
}

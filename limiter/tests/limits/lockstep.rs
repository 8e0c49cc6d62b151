//! Every answer is the reference's, which is slow and obvious: exact fractions of a token, and a list
//! of who is under way.

use limiter::{Decision, UnixMillis, Wait};
use proptest::prelude::*;

use crate::{
    START, cases,
    model::{self, Paid, Says, exact},
    steps::{Limit, Measure, Step, limits, steps},
    world::{Held, Told, World},
};

/// One limit of the reference.
enum Reference {
    Bucket(model::Bucket),
    Places { max: u64, holders: Vec<u64> },
}

/// What one limit did for a request that was admitted.
enum Did {
    Nothing,
    Charged(Paid),
    GaveAPlace,
}

impl Reference {
    fn of(limit: &Limit) -> Self {
        match limit.measure {
            Measure::InAWindow(quota) => Self::Bucket(model::Bucket::full(quota, START)),
            Measure::AtATime(max) => Self::Places { max: max.get(), holders: Vec::new() },
        }
    }

    fn asked_for(&mut self, cost: u64, now: u64) -> Says {
        match self {
            Self::Bucket(bucket) => bucket.asked_for(cost, now),
            Self::Places { max, holders } if holders.len() as u64 >= *max => Says::Short,
            Self::Places { .. } => Says::Covered,
        }
    }

    fn give(&mut self, cost: u64, request: u64) -> Did {
        match self {
            Self::Bucket(bucket) => Did::Charged(bucket.pay(cost)),
            Self::Places { holders, .. } => {
                holders.push(request);
                Did::GaveAPlace
            }
        }
    }

    fn end(&mut self, did: &Did, request: u64, used: u64, now: u64) {
        match (self, did) {
            (Self::Bucket(bucket), Did::Charged(paid)) => bucket.settle(paid, used, now),
            (Self::Places { holders, .. }, Did::GaveAPlace) => {
                holders.retain(|holder| *holder != request);
            }
            _ => {}
        }
    }

    fn change(&mut self, to: Measure, now: u64) {
        match (self, to) {
            (Self::Bucket(bucket), Measure::InAWindow(quota)) => bucket.change(quota, now),
            (Self::Places { max, .. }, Measure::AtATime(to)) => *max = to.get(),
            _ => {}
        }
    }

    fn check(&self, held: &Held, now: u64) -> Result<(), TestCaseError> {
        match (self, held) {
            (Self::Bucket(model), Held::Bucket(bucket)) => {
                prop_assert_eq!(bucket.quota(), model.quota());
                prop_assert_eq!(exact(bucket.balance(UnixMillis(now))), model.tokens(now));
            }
            (Self::Places { max, holders }, Held::Places(places)) => {
                let taken = holders.len() as u64;
                prop_assert_eq!((places.max().get(), places.taken()), (*max, taken));
                prop_assert_eq!(places.free(), if taken > *max { 0 } else { max - taken });
            }
            _ => return Err(TestCaseError::fail("a limit became another kind of limit")),
        }
        Ok(())
    }
}

/// What was told of a request, by what each limit of it says.
fn check_answer(
    (decision, told): (Decision, &[Told]),
    says: &[Says],
    is_watched: &[bool],
) -> Result<(), TestCaseError> {
    let refuses: Vec<_> = says
        .iter()
        .zip(is_watched)
        .map(|(says, is_watched)| !is_watched && *says != Says::Covered)
        .collect();
    let Decision::Refused(refusal) = decision else {
        prop_assert!(!refuses.contains(&true), "admitted");
        for (told, says) in told.iter().zip(says) {
            prop_assert_eq!(told.is_covered, *says == Says::Covered);
        }
        return Ok(());
    };
    let first = |what| (0..says.len()).find(|&index| refuses[index] && says[index] == what);
    let never = first(Says::NeverFits);
    prop_assert_eq!(Some(refusal.named()), never.or(first(Says::Short)));
    prop_assert_eq!(refusal.wait() == Wait::Never, never.is_some());
    for (index, told) in told.iter().enumerate() {
        prop_assert_eq!(refusal.refuses(index), refuses[index]);
        prop_assert_eq!(told.is_covered, !is_watched[index] && !refuses[index]);
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn every_answer_and_all_that_is_held_are_the_references_to_the_unit(
        limits in limits(),
        steps in steps(),
    ) {
        let mut world = World::new(&limits);
        let mut references: Vec<_> = limits.iter().map(Reference::of).collect();
        let mut under_way = std::collections::VecDeque::new();
        let mut now = START;
        for (request, (pause_ms, step)) in (0..).zip(steps) {
            now = now.saturating_add_signed(pause_ms);
            match step {
                Step::Ask(ask) => {
                    let costs = world.costs(&ask);
                    let (decision, told) = world.ask(&costs, now);
                    // A watched one sees only requests that are admitted.
                    let says: Vec<_> = costs
                        .iter()
                        .map(|&(limit, cost)| {
                            let is_asked =
                                !limits[limit].is_watched || decision == Decision::Admitted;
                            if is_asked { references[limit].asked_for(cost, now) } else { Says::Short }
                        })
                        .collect();
                    let is_watched: Vec<_> =
                        costs.iter().map(|(limit, _)| limits[*limit].is_watched).collect();
                    check_answer((decision, &told), &says, &is_watched)?;
                    if decision == Decision::Admitted {
                        let did = costs.iter().zip(&says).map(|(&(limit, cost), says)| {
                            if *says == Says::Covered {
                                references[limit].give(cost, request)
                            } else {
                                Did::Nothing
                            }
                        });
                        under_way.push_back((request, did.collect::<Vec<_>>()));
                    }
                }
                Step::End { percent } => {
                    let ended = world.end(percent, now);
                    if let Some((request, did)) = under_way.pop_front() {
                        for (told, did) in ended.iter().zip(&did) {
                            references[told.limit].end(did, request, told.used(percent), now);
                        }
                    }
                }
                Step::Change { limit, to } => {
                    let limit = limit % limits.len();
                    world.change(limit, to, now);
                    references[limit].change(to, now);
                }
                Step::Restart => world.restart(),
            }
            for (reference, held) in references.iter().zip(&world.held) {
                reference.check(held, now)?;
            }
        }
    }
}

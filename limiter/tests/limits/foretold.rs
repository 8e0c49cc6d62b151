//! What is foretold of a request is what is then decided, and to foretell it changes nothing.

use limiter::{Decision, PLACES_WAIT_MS, Wait};
use proptest::prelude::*;

use crate::{
    START, cases,
    steps::{Measure, Step, limits, steps},
    world::World,
};

/// A limit alone covers the request when its wait is over, and not a millisecond earlier.
fn check_wait(
    world: &mut World,
    costs: &[(usize, u64)],
    (index, wait): (usize, Option<Wait>),
    now: u64,
) -> Result<(), TestCaseError> {
    let measure = world.limits[costs[index].0].measure;
    let mut at = |now| world.foretell(costs, now).1[index];
    match (wait, measure) {
        (Some(Wait::Millis(ms)), Measure::InAWindow(_)) => {
            prop_assert!(ms > 0);
            // An old debt under a small quota takes longer than a clock can tell.
            if let Some(then) = now.checked_add(ms) {
                prop_assert_eq!(at(then), None);
                prop_assert!(at(then - 1).is_some());
            }
        }
        (Some(Wait::Millis(ms)), Measure::AtATime(_)) => prop_assert_eq!(ms, PLACES_WAIT_MS),
        (Some(Wait::Never), Measure::AtATime(_)) => {
            return Err(TestCaseError::fail("a place comes back some time"));
        }
        (Some(Wait::Never), Measure::InAWindow(_)) => prop_assert_eq!(at(now + 1), wait),
        (None, _) => {}
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn what_is_foretold_is_what_is_decided_and_to_foretell_it_changes_nothing(
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
                    let before = world.held.clone();
                    let (refusal, waits) = world.foretell(&costs, now);
                    for (index, wait) in waits.iter().enumerate() {
                        check_wait(&mut world, &costs, (index, *wait), now)?;
                    }
                    prop_assert_eq!(&world.held, &before);

                    let (decision, told) = world.ask(&costs, now);
                    let foretold = refusal.map_or(Decision::Admitted, Decision::Refused);
                    prop_assert_eq!(decision, foretold);
                    for (told, wait) in told.iter().zip(&waits) {
                        // Watched ones are not asked where another one refuses.
                        let is_asked =
                            !world.limits[told.limit].is_watched || decision == Decision::Admitted;
                        prop_assert_eq!(told.is_covered, is_asked && wait.is_none());
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

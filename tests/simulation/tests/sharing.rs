//! Control planes that share a store, from a fixed set of seeds: what is promised in each fault.

use simulation::{
    Report, Told,
    sharing::{Plan, Trouble, Without},
};

/// Of each kind; `cargo xtask test --long` runs thousands.
const SEEDS: u64 = 1;

fn run(plan: Plan) -> Report {
    simulation::run_sharing(plan, u64::MAX, Told::Nothing)
        .unwrap_or_else(|violation| panic!("{violation}"))
}

fn runs(trouble: Trouble, seeds: u64) -> Report {
    let mut report = Report::default();
    for planes in 1..=4 {
        for seed in 0..seeds {
            let without = if planes % 2 == 0 { Without::Local } else { Without::Closed };
            report.add(&run(Plan { seed, planes, trouble, without }));
        }
    }
    report
}

/// Nothing that was answered is forgotten, so that nothing is admitted that is not there.
#[track_caller]
fn check_exact(trouble: Trouble) -> Report {
    let report = runs(trouble, SEEDS);
    assert!(report.admitted > 100 && report.refused > 50, "{report:?}");
    assert_eq!(report.over_admission, 0, "{report:?}");
    assert_eq!(report.leaked, 0, "{report:?}");
    report
}

#[test]
fn control_planes_that_share_a_store_decide_as_one() {
    check_exact(Trouble::None);
}

#[test]
fn a_control_plane_that_ends_takes_nothing_along() {
    let report = check_exact(Trouble::Planes);
    assert!(report.restarts > 5, "{report:?}");
}

#[test]
fn a_call_that_breaks_is_charged_once_or_not_at_all() {
    check_exact(Trouble::Calls);
}

/// What others had configured was never read again, since its question was never answered.
#[test]
fn a_connection_that_is_silent_is_given_up() {
    run(Plan { seed: 10, planes: 4, trouble: Trouble::Calls, without: Without::Closed });
}

#[test]
fn a_store_that_stands_still_goes_on_where_it_was() {
    check_exact(Trouble::Pause);
}

#[test]
fn a_store_that_forgets_its_scripts_is_told_them_again() {
    check_exact(Trouble::Flush);
}

#[test]
fn a_store_that_lost_its_last_writes_admits_no_more_than_those() {
    let report = runs(Trouble::Restart, SEEDS);
    assert!(report.store_losses > 10, "{report:?}");
    assert_eq!(report.leaked, 0, "{report:?}");
}

#[test]
fn a_replica_that_was_behind_admits_no_more_than_what_it_was_behind() {
    let report = runs(Trouble::Promotion, SEEDS);
    assert!(report.store_losses > 10, "{report:?}");
    assert_eq!(report.leaked, 0, "{report:?}");
}

#[test]
fn a_replica_that_is_waited_for_takes_over_without_loss() {
    let report = runs(Trouble::WaitedFor, SEEDS);
    assert!(report.store_losses > 10, "{report:?}");
    assert_eq!(report.leaked, 0, "{report:?}");
}

#[test]
fn a_clock_that_is_set_back_admits_nothing_more() {
    check_exact(Trouble::Clock);
}

#[test]
fn all_of_it_at_once_breaks_no_promise() {
    assert_eq!(runs(Trouble::All, SEEDS).leaked, 0);
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 0..10 {
        check_repeats(Plan::of(seed));
    }
}

/// Parts of limits, and what is said of places, went out as a hash table had them.
#[test]
fn what_a_store_is_told_at_once_is_told_in_the_same_order() {
    for (seed, planes) in [(217, 1), (303, 4)] {
        check_repeats(Plan { seed, planes, trouble: Trouble::WaitedFor, without: Without::Local });
    }
}

#[track_caller]
fn check_repeats(plan: Plan) {
    assert_eq!(run(plan), run(plan), "{plan}");
}

/// It was taken for a request of which somebody knew, and gave back too little.
#[test]
fn what_is_only_watched_stands_where_nobody_heard_that_it_was_charged() {
    run(Plan { seed: 1, planes: 1, trouble: Trouble::Calls, without: Without::Local });
}

/// That is as long as it takes until the connection is given up.
#[test]
fn behind_a_silent_connection_what_is_configured_is_in_force_within_six_seconds() {
    run(Plan { seed: 2, planes: 4, trouble: Trouble::Calls, without: Without::Closed });
}

/// Of such a request the store does not know that it has to be charged further.
#[test]
fn what_a_forgotten_request_used_beyond_its_estimate_is_forgotten_with_it() {
    let plan = Plan { seed: 1, planes: 2, trouble: Trouble::Restart, without: Without::Closed };
    assert!(run(plan).over_admission > 0, "it was admitted once more");
}

/// A lease of a minute is then a minute and as much longer.
#[test]
fn places_of_the_dead_are_free_once_a_clock_that_was_set_back_is_past_their_lease() {
    run(Plan { seed: 16, planes: 1, trouble: Trouble::All, without: Without::Local });
}

/// What had come until the store wrote what it was told was missing once its clock was set back.
#[test]
fn what_came_before_a_clock_was_set_back_stays() {
    run(Plan { seed: 12, planes: 1, trouble: Trouble::All, without: Without::Closed });
}

//! A fixed set of seeds, and what is promised of all of them.

use simulation::{
    Plan, Report,
    plan::{Faults, Limits, Load, Waits},
};

/// Of each kind of limits and load.
const SEEDS: u64 = 12;

fn run(plan: Plan) -> Report {
    simulation::run(plan).unwrap_or_else(|violation| panic!("{violation}"))
}

/// Runs of every kind of limits and load under these faults.
fn runs(waits: Waits, faults: Faults, seeds: u64) -> Report {
    let mut report = Report::default();
    for limits in Limits::ALL {
        for load in Load::ALL {
            for seed in 0..seeds {
                report.add(&run(Plan { seed, limits, load, faults, waits }));
            }
        }
    }
    report
}

#[track_caller]
fn check_exact(waits: Waits, faults: Faults) -> Report {
    let report = runs(waits, faults, SEEDS);
    assert!(report.admitted > 0 && report.refused > report.refused_beside, "{report:?}");
    assert!(report.refused_beside > 1_000 && report.rules_changed > 100, "{report:?}");
    assert_eq!(report.over_admission, 0);
    assert_eq!(report.wrongly_refused, 0);
    assert_eq!(report.wait_error_ms, 0);
    assert_eq!(report.leaked, 0);
    report
}

#[test]
fn without_faults_every_verdict_and_balance_is_the_oracles() {
    check_exact(Waits::Exact, Faults::None);
}

#[test]
fn whatever_the_network_does_every_verdict_and_balance_is_the_oracles() {
    check_exact(Waits::Exact, Faults::Network);
}

#[test]
fn whatever_envoys_do_every_verdict_and_balance_is_the_oracles() {
    check_exact(Waits::Exact, Faults::Envoys);
}

#[test]
fn a_control_plane_that_is_killed_goes_on_where_it_was() {
    check_exact(Waits::Exact, Faults::Kills);
}

#[test]
fn a_power_failure_takes_the_last_second_at_most() {
    let report = runs(Waits::Exact, Faults::Power, SEEDS);
    assert!(report.power_failures > 50 && report.forgotten_ms > 0, "{report:?}");
    assert!(report.forgotten_ms <= 1_000, "{report:?}");
    assert_eq!(report.leaked, 0);
}

#[test]
fn a_disk_that_fails_holds_up_nothing_and_is_written_again_when_it_works() {
    let report = runs(Waits::Exact, Faults::Disk, SEEDS);
    assert!(report.restarts > 20, "{report:?}");
    assert_eq!(report.leaked, 0);
}

#[test]
fn all_faults_at_once_break_no_promise() {
    assert_eq!(runs(Waits::Exact, Faults::All, 2 * SEEDS).leaked, 0);
}

#[test]
fn whoever_waits_for_a_moment_of_his_own_is_told_the_oracles() {
    for faults in [Faults::None, Faults::Kills] {
        let report = check_exact(Waits::Spread, faults);
        assert!(report.lined_up > 0, "{report:?}");
    }
}

#[test]
fn no_fault_tells_whoever_waits_less_than_the_exact_wait_or_more_than_a_minute() {
    let report = runs(Waits::Spread, Faults::All, SEEDS / 2);
    assert!(report.lined_up > 0, "{report:?}");
    assert_eq!(report.leaked, 0);
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 0..20 {
        assert_eq!(run(Plan::of(seed)), run(Plan::of(seed)), "seed {seed}");
    }
}

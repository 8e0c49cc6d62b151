//! The score card: what was measured under each kind of fault, over all limits and loads.

use std::fmt::Write as _;

use crate::{
    Plan, Report, Told, Violation,
    plan::{Faults, Limits, Load, Waits},
    sharing::{self, Trouble, Without},
};

/// Runs of each kind of limits, load and faults.
const RUNS: u64 = 40;

/// Runs of each number of control planes and of each way to go on without the store.
const SHARED_RUNS: u64 = 5;

/// Runs all, and writes the table in Markdown.
pub fn card() -> Result<String, Box<Violation>> {
    let mut table = String::from(
        "| what goes wrong | requests | restarts | admitted too much | refused wrongly | told wait \
         is off by | held at rest | forgotten | decided again within |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for faults in Faults::ALL {
        let row = row(faults, &runs(faults)?);
        // A text takes every line.
        let _ = writeln!(table, "{row}");
    }
    table.push_str(
        "\n| what goes wrong with several | runs | requests | store calls | losses | \
         admitted too much at most | that may be | decided alone | held at rest |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for trouble in Trouble::ALL {
        let row = shared_row(trouble, &shared_runs(trouble)?);
        let _ = writeln!(table, "{row}");
    }
    Ok(table)
}

fn shared_runs(trouble: Trouble) -> Result<Report, Box<Violation>> {
    let mut report = Report::default();
    for without in [Without::Local, Without::Closed] {
        for planes in 1..=4 {
            for seed in 0..SHARED_RUNS {
                let plan = sharing::Plan { seed, planes, trouble, without };
                report.add(&crate::run_sharing(plan, u64::MAX, Told::Nothing)?);
            }
        }
    }
    Ok(report)
}

fn shared_row(trouble: Trouble, report: &Report) -> String {
    let Report { runs, requests, store_calls, store_losses, decided_alone, leaked, .. } = report;
    let name = match trouble {
        Trouble::None => "nothing",
        Trouble::Planes => "control planes are killed, drained and stand still",
        Trouble::Calls => {
            "connections to the store break in a call, or are silent, and answers are late"
        }
        Trouble::Pause => "the store stands still and wakes",
        Trouble::Flush => "the store forgets its scripts",
        Trouble::Restart => "the store is killed and loses its last writes",
        Trouble::Promotion => "a replica takes over that is behind",
        Trouble::WaitedFor => "the same, and calls wait for it",
        Trouble::Clock => "the store's clock is set back",
        Trouble::All => "all of it, and what goes wrong with Envoys",
    };
    let too_much = match report.over_admission.div_ceil(10_000) {
        0 => "0".to_owned(),
        percent => format!("{percent} % of a limit"),
    };
    let may_lose = trouble.loses() || trouble == Trouble::WaitedFor;
    let bound = if may_lose { "what was lost" } else { "0" };
    format!(
        "| {name} | {runs} | {requests} | {store_calls} | {store_losses} | {too_much} | {bound} | {decided_alone} | {leaked} |"
    )
}

fn runs(faults: Faults) -> Result<Report, Box<Violation>> {
    let mut report = Report::default();
    for limits in Limits::ALL {
        for load in Load::ALL {
            for seed in 0..RUNS {
                let waits = Waits::Exact;
                report.add(&crate::run(Plan { seed, limits, load, faults, waits })?);
            }
        }
    }
    Ok(report)
}

fn row(faults: Faults, report: &Report) -> String {
    let Report {
        requests, restarts, wrongly_refused, wait_error_ms, leaked, convergence_ms, ..
    } = report;
    let name = match faults {
        Faults::None => "nothing",
        Faults::Network => "streams are cut, the network stands still",
        Faults::Envoys => "that, and Envoys die and replace their filters",
        Faults::Kills => "the network, and the control plane is killed and stopped",
        Faults::Power => "the network, and the machine loses its power",
        Faults::Disk => "the control plane is killed while its disk is full, fails or is slow",
        Faults::All => "all of it",
    };
    let forgotten = match report.forgotten_ms {
        0 => "0".to_owned(),
        ms => format!("{ms} ms"),
    };
    let too_much = match report.over_admission {
        0 => "0",
        _ => "what was forgotten",
    };
    format!(
        "| {name} | {requests} | {restarts} | {too_much} | {wrongly_refused} | {wait_error_ms} ms | {leaked} | {forgotten} | {convergence_ms} ms |"
    )
}

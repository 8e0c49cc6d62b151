//! The program behind `cargo xtask sim`.

use std::{
    process::ExitCode,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use clap::Parser;
use simulation::{
    Plan, Report, Told, Violation,
    plan::{Faults, Limits, Load, Waits},
    sharing::{self, Trouble, Without},
};

/// Runs all of FlowGuard in one thread, from seeds, beside an exact oracle
#[derive(Debug, Parser)]
#[command(name = "cargo xtask sim", bin_name = "cargo xtask sim")]
struct Arguments {
    /// Replay the run of this seed
    #[arg(long)]
    seed: Option<u64>,
    /// With these limits, and not those that the seed chooses
    #[arg(long, value_enum)]
    limits: Option<Limits>,
    /// With this load
    #[arg(long, value_enum)]
    load: Option<Load>,
    /// With these faults
    #[arg(long, value_enum)]
    faults: Option<Faults>,
    /// With this told to those who wait
    #[arg(long, value_enum)]
    waits: Option<Waits>,
    /// End it after so many events
    #[arg(long, default_value_t = u64::MAX)]
    steps: u64,
    /// Tell every event on standard error
    #[arg(long)]
    tell: bool,
    /// Run several control planes that share a store
    #[arg(long)]
    shared: bool,
    /// So many of them
    #[arg(long, requires = "shared")]
    planes: Option<u64>,
    /// With this going wrong
    #[arg(long, value_enum, requires = "shared")]
    trouble: Option<Trouble>,
    /// With this becoming of requests that the store does not decide
    #[arg(long, value_enum, requires = "shared")]
    without: Option<Without>,
    /// Run so many seeds, from the first one on
    #[arg(long, default_value_t = 100)]
    runs: u64,
    /// The first seed of several
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// Run seeds for so many minutes, from one on that the clock tells
    #[arg(long)]
    minutes: Option<u64>,
    /// Print the score card
    #[arg(long)]
    score: bool,
}

impl Arguments {
    fn plan(&self, seed: u64) -> Plan {
        let plan = Plan::of(seed);
        Plan {
            seed,
            limits: self.limits.unwrap_or(plan.limits),
            load: self.load.unwrap_or(plan.load),
            faults: self.faults.unwrap_or(plan.faults),
            waits: self.waits.unwrap_or(plan.waits),
        }
    }
}

impl Arguments {
    fn sharing(&self, seed: u64) -> sharing::Plan {
        let plan = sharing::Plan::of(seed);
        sharing::Plan {
            seed,
            planes: self.planes.unwrap_or(plan.planes),
            trouble: self.trouble.unwrap_or(plan.trouble),
            without: self.without.unwrap_or(plan.without),
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let told = if arguments.score {
        simulation::score::card()
    } else {
        run(&arguments).map(|report| format!("{report:#?}"))
    };
    match told {
        Ok(told) => {
            println!("{told}");
            ExitCode::SUCCESS
        }
        Err(violation) => {
            eprintln!("{violation}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<Report, Box<Violation>> {
    let seeds = match (arguments.seed, arguments.minutes) {
        (Some(seed), _) => seed..=seed,
        (None, None) => arguments.first..=arguments.first + arguments.runs.saturating_sub(1),
        (None, Some(_)) => {
            let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            since_epoch.as_secs() * 1_000..=u64::MAX
        }
    };
    let time = arguments.minutes.map(|minutes| Duration::from_secs(60 * minutes));
    let told = if arguments.tell { Told::Events } else { Told::Nothing };
    let started = Instant::now();
    let mut report = Report::default();
    for seed in seeds {
        if time.is_some_and(|time| started.elapsed() >= time) {
            break;
        }
        let run = if arguments.shared {
            simulation::run_sharing(arguments.sharing(seed), arguments.steps, told)
        } else {
            simulation::run_until(arguments.plan(seed), arguments.steps, told)
        };
        report.add(&run?);
    }
    Ok(report)
}

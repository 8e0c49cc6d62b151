//! What the filter costs a request on a real Envoy, from no filter at all to a decision for each request.
//!
//! Every scenario has an Envoy of its own with one worker, all share one control plane, and only the one that is
//! measured gets load. Envoy answers by itself (a direct response), so that nothing but the filter differs. A machine is
//! seldom quiet, so all scenarios take turns in several rounds, and a cell of the table is the median of its rounds.

mod cpu;
mod envoy_config;
mod error;
mod proof;
mod report;
mod sample;
mod scenario;
mod stage;
mod targets;
mod wrk;

use tokio::signal::unix::{Signal, SignalKind, signal};

use report::Cell;
use scenario::{CONNECTIONS, SCENARIOS};
use stage::Stage;

pub use error::BenchError;
pub use report::Report;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How often every cell is measured.
    pub rounds: u32,
    /// How long a cell is measured in each round.
    pub seconds: u32,
}

/// Measures every scenario with every number of connections. Progress goes to standard error.
pub async fn run(plan: Plan) -> Result<Report, BenchError> {
    let mut interrupt = receive(SignalKind::interrupt())?;
    let mut terminate = receive(SignalKind::terminate())?;
    // Leaving early drops the stage, and with it every process.
    tokio::select! {
        report = measure(plan) => report,
        _ = interrupt.recv() => Err(BenchError::Interrupted),
        _ = terminate.recv() => Err(BenchError::Interrupted),
    }
}

async fn measure(plan: Plan) -> Result<Report, BenchError> {
    // The harness would take a development build, whose figures nobody wants.
    if std::env::var_os("FLOWGUARD_BIN").is_none() {
        return Err(BenchError::NoParts);
    }
    eprintln!("bench: starting {} Envoys and the control plane", SCENARIOS.len());
    let mut stage = Stage::start().await?;
    let mut cells = Vec::new();
    for connections in CONNECTIONS {
        cells.extend(SCENARIOS.iter().map(|scenario| Cell::new(scenario, connections)));
    }
    for round in 1..=plan.rounds {
        for cell in &mut cells {
            let sample = stage.measure(cell.scenario, cell.connections, plan.seconds).await?;
            eprintln!(
                "bench: round {round} of {}: {} (connections: {}) {:.0} requests/s",
                plan.rounds, cell.scenario.name, cell.connections, sample.rps
            );
            cell.samples.push(sample);
        }
    }
    Ok(Report::new(plan, &cells))
}

fn receive(kind: SignalKind) -> Result<Signal, BenchError> {
    signal(kind).map_err(BenchError::Signal)
}

//! The measurement: all scenarios take turns, in several rounds.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::cells::{Cell, StreamCell};
use super::error::BenchError;
use super::plan::Plan;
use super::report::Report;
use super::scenario::{CONNECTIONS, SCENARIOS, STREAMS, of_the_store};
use super::stage::Stage;

/// Measures every scenario with every number of connections. Progress goes to standard error.
pub(crate) async fn run(plan: Plan) -> Result<Report, BenchError> {
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
    eprintln!("bench: starting {} Envoys and two control planes", SCENARIOS.len() + STREAMS.len());
    let mut stage = Stage::start().await?;
    let mut cells = Vec::new();
    for connections in CONNECTIONS {
        cells.extend(SCENARIOS.iter().map(|scenario| Cell::new(scenario, connections)));
    }
    let (of_the_store, connections) = of_the_store();
    let mut scripts = Vec::new();
    let mut stream_cells: Vec<StreamCell> = STREAMS.iter().map(StreamCell::new).collect();
    for round in 1..=plan.rounds {
        for cell in &mut cells {
            let sample = stage.measure(cell.scenario, cell.connections, plan.seconds).await?;
            eprintln!(
                "bench: round {round} of {}: {} (connections: {}) {:.0} requests/s",
                plan.rounds, cell.scenario.name, cell.connections, sample.rps
            );
            cell.samples.push(sample);
        }
        let sample = stage.measure_script(of_the_store, connections, plan.seconds).await?;
        eprintln!(
            "bench: round {round} of {}: the store's script alone, {:.1} requests a call",
            plan.rounds, sample.asks
        );
        scripts.push(sample);
        // A noisy second adds more than the few µs that are looked for: so these turns are short, one second each, and
        // there are more of them.
        for _ in 0..plan.seconds {
            for cell in &mut stream_cells {
                let sample = stage.measure_streams(cell.scenario, 1).await?;
                eprintln!(
                    "bench: round {round} of {}: {} {:.1} µs of CPU a chunk",
                    plan.rounds, cell.scenario.name, sample.chunk_cpu_us
                );
                cell.samples.push(sample);
            }
        }
    }
    Ok(Report::new(plan, &cells, &stream_cells, &scripts))
}

fn receive(kind: SignalKind) -> Result<Signal, BenchError> {
    signal(kind).map_err(BenchError::Signal)
}

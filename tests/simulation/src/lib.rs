//! All of FlowGuard in one thread, from one seed.
//!
//! Workers are the real filter's state machines, and the control plane has the real ledger, sessions,
//! operator and files. Around them everything is simulated: Envoy, the upstream, clients, the network,
//! the disk and the clocks. Beside them an oracle decides every request once more, by hand. The same
//! seed is the same run, event by event.

#![allow(
    clippy::missing_panics_doc,
    reason = "it is for tests alone, and panics where it can't go on"
)]

mod disk;
mod edge;
mod envoy;
mod history;
mod network;
mod oracle;
pub mod plan;
mod process;
mod queue;
mod random;
pub mod redis;
mod report;
mod rules;
pub mod score;
pub mod sharing;
mod store;
mod upstream;
mod world;

pub use plan::Plan;
pub use report::{Report, Told, Violation};
use world::World;

/// Runs a plan to its end.
pub fn run(plan: Plan) -> Result<Report, Violation> {
    run_until(plan, u64::MAX, Told::Nothing)
}

/// Runs a plan to its end, or through so many events.
pub fn run_until(plan: Plan, steps_max: u64, told: Told) -> Result<Report, Violation> {
    World::new(plan, told).run(steps_max)
}

/// Runs control planes that share a store to the end of a plan, or through so many events.
pub fn run_sharing(plan: sharing::Plan, steps_max: u64, told: Told) -> Result<Report, Violation> {
    sharing::run(plan, steps_max, told, None)
}

/// The same with another text where the store's scripts have this one.
pub fn run_mutant(
    plan: sharing::Plan,
    mutant: (&'static str, &'static str),
) -> Result<Report, Violation> {
    sharing::run(plan, u64::MAX, Told::Nothing, Some(mutant))
}

/// What the script that decides was asked and answered in a run.
pub fn record_sharing(plan: sharing::Plan) -> Result<Vec<redis::Call>, Violation> {
    sharing::record(plan)
}

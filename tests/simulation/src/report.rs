//! What a run did and measured, and how it failed.

/// What is told of a run on standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Nothing.
    Nothing,
    /// Every event.
    Events,
}

/// What was measured in one run or in many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Runs.
    pub runs: u64,
    /// Events.
    pub steps: u64,
    /// Requests that arrived.
    pub requests: u64,
    /// Requests that were admitted.
    pub admitted: u64,
    /// Requests that were refused for a limit.
    pub refused: u64,
    /// Which of them a limit beside the client's own two refused.
    pub refused_beside: u64,
    /// Changes of limits and models that were put in force.
    pub rules_changed: u64,
    /// Requests that met the failure mode.
    pub undecided: u64,
    /// Processes of the control plane that ended and began again.
    pub restarts: u64,
    /// Power failures.
    pub power_failures: u64,
    /// The longest time whose charges a power failure took, in milliseconds.
    pub forgotten_ms: u64,
    /// The deepest deficit of an admitted request, in parts of a million of its limit.
    pub over_admission: u64,
    /// Requests that were refused although they were covered.
    pub wrongly_refused: u64,
    /// How far a told wait was at most from one that may be told, in milliseconds.
    pub wait_error_ms: u64,
    /// Requests that were told a moment of their own, after the exact one.
    pub lined_up: u64,
    /// Requests that hold something at rest.
    pub leaked: u64,
    /// The longest time from the end of a standstill to the next decision for that worker, in milliseconds.
    pub convergence_ms: u64,
    /// Calls that a shared store carried out.
    pub store_calls: u64,
    /// How often it forgot something.
    pub store_losses: u64,
    /// Requests that were admitted without it.
    pub decided_alone: u64,
    /// Requests that had no decision without it.
    pub unavailable: u64,
    /// A checksum of all that happened.
    pub trace: u64,
}

impl Report {
    /// Adds another run.
    pub fn add(&mut self, run: &Self) {
        self.runs += run.runs;
        self.steps += run.steps;
        self.requests += run.requests;
        self.admitted += run.admitted;
        self.refused += run.refused;
        self.refused_beside += run.refused_beside;
        self.rules_changed += run.rules_changed;
        self.undecided += run.undecided;
        self.restarts += run.restarts;
        self.power_failures += run.power_failures;
        self.forgotten_ms = self.forgotten_ms.max(run.forgotten_ms);
        self.over_admission = self.over_admission.max(run.over_admission);
        self.wrongly_refused += run.wrongly_refused;
        self.wait_error_ms = self.wait_error_ms.max(run.wait_error_ms);
        self.lined_up += run.lined_up;
        self.leaked += run.leaked;
        self.convergence_ms = self.convergence_ms.max(run.convergence_ms);
        self.store_calls += run.store_calls;
        self.store_losses += run.store_losses;
        self.decided_alone += run.decided_alone;
        self.unavailable += run.unavailable;
        self.trace = self.trace.rotate_left(1) ^ run.trace;
    }

    /// Something happened.
    pub fn trace(&mut self, what: u64) {
        self.trace = (self.trace ^ what).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
    }
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{run}, event {step}, {at_ms} ms: {what}\nreplay it by `cargo xtask sim {run}`")]
pub struct Violation {
    /// In which run, as the program's arguments say it.
    pub run: String,
    /// After how many events.
    pub step: u64,
    /// When, since the run began.
    pub at_ms: u64,
    /// Which one, and how both sides see it.
    pub what: String,
}

//! Why there is no report.

use std::io;
use std::path::{Path, PathBuf};

use super::scenario::Scenario;
use harness::yaml_block::NotOneBlock;

/// Why the benchmark ended without a report.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    /// The parts to measure were not named.
    #[error("FLOWGUARD_BIN is not set: run `cargo xtask bench`, which builds what is measured")]
    NoParts,
    /// A block of the generated configuration is not where it was.
    #[error(transparent)]
    ConfigBlock(#[from] NotOneBlock),
    /// The kernel's accounting could not be read.
    #[error("the CPU time of process {process} can't be read: {error}")]
    CpuTime {
        /// Its id.
        process: u32,
        /// The kernel's answer.
        error: nix::Error,
    },
    /// A process could not be moved to another CPU.
    #[error("the CPU of a process can't be chosen: {0}")]
    Cpus(io::Error),
    /// A file could not be written.
    #[error("can't write {}: {error}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        error: io::Error,
    },
    /// The load generator failed.
    #[error("wrk {0}")]
    Wrk(String),
    /// The script of the shared store could not be called by itself.
    #[error("the store's script can't be called: {0}")]
    Store(String),
    /// A stream was not what was asked for, so its figures are not either.
    #[error("a stream of `{scenario}` {reason}")]
    Stream {
        /// The scenario.
        scenario: &'static str,
        /// What was wrong with it.
        reason: String,
    },
    /// The clients could not be configured.
    #[error("the clients of `{scenario}` can't be configured: {answer}")]
    Clients {
        /// The scenario.
        scenario: &'static str,
        /// What the REST API said.
        answer: String,
    },
    /// The answers were not the scenario's, so the figures are not either.
    #[error(
        "`{scenario}` (connections: {connections}) was to be answered {expected} every time, but of {requests} requests the client saw \
         {errors} errors, Envoy counted {status_2xx} times 2xx and {status_4xx} times 4xx, and the filter {admitted} \
         admitted and {rpm_exceeded} refused for RPM"
    )]
    #[allow(missing_docs, reason = "the text tells each one")]
    WrongAnswers {
        scenario: &'static str,
        connections: u32,
        expected: &'static str,
        requests: u64,
        errors: u64,
        status_2xx: u64,
        status_4xx: u64,
        admitted: u64,
        rpm_exceeded: u64,
    },
    /// Fewer clients asked than the scenario says.
    #[error(
        "`{scenario}` was to ask as {expected} clients, but the control plane knows {asked} that did"
    )]
    MissingClients {
        /// The scenario.
        scenario: &'static str,
        /// How many should have asked.
        expected: usize,
        /// How many did.
        asked: usize,
    },
    /// The process can't be told of Ctrl-C.
    #[error("signals can't be received: {0}")]
    Signal(io::Error),
    /// It was stopped.
    #[error("interrupted")]
    Interrupted,
}

impl BenchError {
    /// A file that could not be written.
    pub(crate) fn write(path: &Path, error: impl Into<io::Error>) -> Self {
        Self::Write { path: path.to_owned(), error: error.into() }
    }

    /// A stream that went wrong.
    pub(crate) fn stream(scenario: &Scenario, reason: &(impl ToString + ?Sized)) -> Self {
        Self::Stream { scenario: scenario.name, reason: reason.to_string() }
    }
}

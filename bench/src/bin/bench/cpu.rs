//! The CPU time of a process, as the kernel's scheduler accounts for it, in nanoseconds.

use std::time::Duration;

use nix::time::ClockId;
use nix::unistd::Pid;

use super::error::BenchError;

/// Measures what one process uses.
#[derive(Debug)]
pub(crate) struct CpuMeter {
    process: u32,
    clock: ClockId,
    at_start: Duration,
}

impl CpuMeter {
    /// Starts to measure the process with this id.
    pub(crate) fn start(process: u32) -> Result<Self, BenchError> {
        let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(process.cast_signed()))
            .map_err(|error| BenchError::CpuTime { process, error })?;
        Ok(Self { process, clock, at_start: now(process, clock)? })
    }

    /// User and system time of all its threads since the start.
    pub(crate) fn used(&self) -> Result<Duration, BenchError> {
        Ok(now(self.process, self.clock)?.saturating_sub(self.at_start))
    }
}

fn now(process: u32, clock: ClockId) -> Result<Duration, BenchError> {
    clock.now().map(Duration::from).map_err(|error| BenchError::CpuTime { process, error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_costs_cpu_time() {
        let meter = CpuMeter::start(std::process::id()).expect("this process is there");
        while meter.used().expect("this process is still there").is_zero() {}
    }

    #[test]
    fn a_process_that_is_not_there_is_named() {
        let error = CpuMeter::start(1 << 24).expect_err("no id is that large");
        assert_eq!(
            error.to_string(),
            "the CPU time of process 16777216 can't be read: ESRCH: No such process"
        );
    }
}

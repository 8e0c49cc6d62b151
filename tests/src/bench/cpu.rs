//! The CPU time of a process, as the kernel accounts for it in `/proc`.

use std::time::Duration;

use super::BenchError;

/// Measures what one process uses.
#[derive(Debug)]
pub(crate) struct CpuMeter {
    process: u32,
    at_start: Duration,
}

impl CpuMeter {
    /// Starts to measure the process with this id.
    pub(crate) fn start(process: u32) -> Result<Self, BenchError> {
        Ok(Self { process, at_start: cpu_time(process)? })
    }

    /// User and system time of all its threads since the start, in the kernel's ticks of mostly 10 ms.
    pub(crate) fn used(&self) -> Result<Duration, BenchError> {
        Ok(cpu_time(self.process)?.saturating_sub(self.at_start))
    }
}

fn cpu_time(process: u32) -> Result<Duration, BenchError> {
    let path = format!("/proc/{process}/stat");
    let stat = std::fs::read_to_string(&path)
        .map_err(|error| BenchError::CpuTime { path: path.clone(), reason: error.to_string() })?;
    let ticks = ticks(&stat)
        .ok_or_else(|| BenchError::CpuTime { path, reason: format!("unexpected {stat:?}") })?;
    Ok(Duration::from_micros(ticks * 1_000_000 / rustix::param::clock_ticks_per_second()))
}

/// `utime` plus `stime`, the 14th and the 15th field of proc(5).
fn ticks(stat: &str) -> Option<u64> {
    // The second field, the program's name in brackets, may itself hold blanks and brackets.
    let (_, from_third) = stat.rsplit_once(')')?;
    let mut times = from_third.split_ascii_whitespace().skip(11).map(str::parse::<u64>);
    Some(times.next()?.ok()? + times.next()?.ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_system_time_are_found_behind_any_program_name() {
        for name in ["envoy", "a b", ") (", "1 2)"] {
            let stat =
                format!("42 ({name}) S 1 42 42 0 -1 4194560 100 0 0 0 700 55 3 4 20 0 9 0 1000");
            assert_eq!(ticks(&stat), Some(755), "{name}");
        }
        assert_eq!(ticks("42 (envoy) S 1 42"), None);
        assert_eq!(ticks(""), None);
    }

    #[test]
    fn work_costs_cpu_time() {
        let meter = CpuMeter::start(std::process::id()).expect("this process is there");
        // Each pass takes far less than a tick; the loop ends when the kernel has counted one.
        while meter.used().expect("this process is still there").is_zero() {}
    }
}

//! Processes that share one CPU for a while.

use std::fs;
use std::io;

use rustix::thread::{CpuSet, Pid, sched_getaffinity, sched_setaffinity};

use super::error::BenchError;

/// Keeps some processes, with all their threads, on one CPU while it lives.
///
/// Where one waits for the other all the time, nothing is lost by it, and a figure of CPU time is gained that can be
/// compared: the kernel else wakes the next process on this CPU or on another one as it likes, and in a virtual
/// machine waking another CPU costs several times what is measured.
#[derive(Debug)]
pub(crate) struct OneCpu {
    processes: Vec<u32>,
    before: CpuSet,
}

impl OneCpu {
    /// Moves these processes to the first CPU that this thread may use.
    pub(crate) fn share(processes: Vec<u32>) -> Result<Self, BenchError> {
        let before = sched_getaffinity(None).map_err(|error| BenchError::Cpus(error.into()))?;
        let mut first = CpuSet::new();
        first.set((0..CpuSet::MAX_CPU).find(|cpu| before.is_set(*cpu)).unwrap_or_default());
        let shared = Self { processes, before };
        shared.allow(&first).map_err(BenchError::Cpus)?;
        Ok(shared)
    }

    /// Twice, because a thread that ends while the list of them is read can hide another one.
    fn allow(&self, cpus: &CpuSet) -> io::Result<()> {
        for process in self.processes.iter().chain(&self.processes) {
            for thread in fs::read_dir(format!("/proc/{process}/task"))? {
                let id = thread?.file_name();
                let id = id.to_str().and_then(|id| id.parse().ok()).and_then(Pid::from_raw);
                match sched_setaffinity(id, cpus) {
                    // The thread has ended meanwhile.
                    Ok(()) | Err(rustix::io::Errno::SRCH) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }
}

impl Drop for OneCpu {
    fn drop(&mut self) {
        // A process that has ended needs no CPU any more.
        let _ = self.allow(&self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_one_cpu_and_then_all_of_them_again() {
        let cpus = || sched_getaffinity(None).expect("this thread is there").count();
        let before = cpus();
        let shared = OneCpu::share(vec![std::process::id()]).expect("this process may be moved");
        assert_eq!(cpus(), 1);
        drop(shared);
        assert_eq!(cpus(), before);
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        let error = OneCpu::share(vec![1 << 24]).expect_err("no id is that large");
        assert!(error.to_string().starts_with("the CPU of a process can't be chosen: "), "{error}");
    }
}

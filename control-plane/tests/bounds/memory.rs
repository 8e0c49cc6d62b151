//! The memory of this process.

use std::{alloc::System, fs, time::Duration};

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tokio::time::sleep;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes that are allocated and not freed.
pub(crate) fn allocated_bytes() -> isize {
    let stats = ALLOCATOR.stats();
    // What a reallocation adds or takes is in both of these.
    stats.bytes_allocated.wrapping_sub(stats.bytes_deallocated).cast_signed()
}

/// What the kernel counts for this process, freed memory included that the allocator keeps.
pub(crate) fn resident_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("this process's status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    let kib = line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number");
    kib * 1024
}

/// The most memory that this process has while `work` goes on.
#[expect(clippy::disallowed_methods, reason = "samples at intervals")]
pub(crate) async fn resident_peak<T>(work: impl Future<Output = T>) -> (usize, T) {
    tokio::pin!(work);
    let mut peak = resident_bytes();
    loop {
        tokio::select! {
            done = &mut work => return (peak.max(resident_bytes()), done),
            () = sleep(Duration::from_millis(5)) => peak = peak.max(resident_bytes()),
        }
    }
}

//! What a damaged file claims is not allocated.

use std::{alloc::System, sync::Arc};

use flowguard::store::state::{self, Disk as _, StateFiles, simulated::MemoryDisk};
use limiter::UnixMillis;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn a_length_that_a_file_claims_takes_no_memory() {
    let disk = MemoryDisk::new();
    let (files, _) = StateFiles::open(Arc::new(disk.clone()), |_| ()).expect("opened");
    files.snapshot(|| UnixMillis(1), |_| ()).expect("a snapshot");
    drop(files);
    disk.kill();
    for name in disk.names().expect("names") {
        let whole = disk.content(&name).expect("listed");
        // One file has what it claims, and yet it is no frame.
        for (length, bytes) in
            [(u32::MAX, 100), (16 << 20, 100), (4_000, 100), (32 << 20, 40 << 20)]
        {
            let mut claiming = whole.clone();
            claiming.truncate(40);
            claiming.extend(u32::to_le_bytes(length));
            claiming.resize(40 + bytes, 0);
            disk.put(&name, &claiming);
            let region = Region::new(ALLOCATOR);
            let _ = state::read(&disk, |_| ());
            let allocated = region.change().bytes_allocated;
            assert!(allocated < 1 << 20, "{name}: {allocated} bytes for a claim of {length}");
        }
        disk.put(&name, &whole);
    }
}

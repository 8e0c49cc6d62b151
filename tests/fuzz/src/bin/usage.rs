//! The fuzzer of [`targets::usage`], which allocates nothing.
#![no_main]

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let region = Region::new(ALLOCATOR);
    targets::usage::check(bytes);
    let change = region.change();
    assert_eq!(change.allocations + change.reallocations, 0, "{change:?}");
});

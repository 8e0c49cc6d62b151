//! Any bytes as a response's body: nothing panics, nothing is allocated, and where the body is cut
//! makes no difference.
#![no_main]

use std::alloc::System;

use filter::{Body, Usage, UsageReader};
use libfuzzer_sys::fuzz_target;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fuzz_target!(|body: &[u8]| {
    let region = Region::new(ALLOCATOR);
    let whole = read(body, || usize::MAX);
    let bytes = read(body, || 1);
    let mut random = body.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let pieces = read(body, || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 59) as usize
    });
    let change = region.change();

    assert_eq!(change.allocations + change.reallocations, 0, "{change:?}");
    assert_eq!(whole, bytes, "byte by byte");
    assert_eq!(whole, pieces, "in pieces that the body's hash says");
});

/// Reads a body in pieces of the lengths given, which may be 0.
fn read(body: &[u8], mut next_len: impl FnMut() -> usize) -> Option<Usage> {
    let mut reader = UsageReader::new(Body::Text);
    let mut rest = body;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(next_len().min(rest.len()));
        reader.read(piece);
        rest = after;
    }
    reader.usage()
}

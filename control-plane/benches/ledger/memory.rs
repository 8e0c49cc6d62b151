//! The memory that a client takes.

use std::alloc::System;

use criterion::Criterion;
use flowguard::{clients::Limits, ledger::EstimateSource, limits::Models};
use limiter::AMOUNT_MAX;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use crate::world::{Fate, ID_LEN, Order, Whose, decide, limits, own_two, world};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Not a time: printed beside the others.
pub(crate) fn bytes_per_client(_: &mut Criterion) {
    const CLIENTS: u64 = 1_000_000;
    let per_client = |region: &Region<'_, System>| {
        let change = region.change();
        let bytes = change.bytes_allocated - change.bytes_deallocated;
        bytes as u64 / CLIENTS - ID_LEN as u64
    };
    let two = || limits(2, Whose::EachClients, AMOUNT_MAX);
    for (estimates, how, own, beside) in [
        (EstimateSource::Header, "estimates given", own_two(), Vec::new()),
        (EstimateSource::Learned, "estimates learned", own_two(), Vec::new()),
        (EstimateSource::Header, "two limits of each client", Limits::default(), two()),
    ] {
        let region = Region::new(ALLOCATOR);
        let Some(world) = world(CLIENTS, estimates, own) else { return };
        world.ledger.put_rules(beside, Models::default());
        let configured = per_client(&region);
        decide(&world, CLIENTS, Order::InTurn, Fate::Open, 0, CLIENTS);
        let asked = per_client(&region);
        decide(&world, CLIENTS, Order::InTurn, Fate::Ended, 0, CLIENTS);
        let ended = per_client(&region);
        println!(
            "bytes per client beside its id, {how}: {configured} configured, {asked} after it has \
             asked, {ended} after a response has ended ({CLIENTS} clients)",
        );
    }
}

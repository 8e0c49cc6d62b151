//! The ledger alone: decisions a second, and in a file each what else is measured of it.

mod held_up;
mod kept;
mod memory;
mod world;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flowguard::{clients::Limits, ledger::EstimateSource, limits::Models};
use limiter::AMOUNT_MAX;

use crate::world::{Fate, Order, Whose, limits, on_threads, own_two, world};

fn decisions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decisions");
    group.throughput(Throughput::Elements(1));
    for (clients, order) in
        [(1, Order::InTurn), (1_000_000, Order::InTurn), (1_000_000, Order::AtRandom)]
    {
        let Some(world) = world(clients, EstimateSource::Header, own_two()) else { return };
        for (fate, what) in [(Fate::Open, ""), (Fate::Ended, " and ended")] {
            for threads in [1, 2] {
                let name = format!("{clients} clients {}{what}", order.name());
                let name = BenchmarkId::new(name, format!("{threads} threads"));
                group.bench_function(name, |bencher| {
                    bencher.iter_custom(|decisions| {
                        // At least one decision for each thread.
                        let decisions = decisions.max(threads);
                        on_threads(&world, clients, order, fate, threads, decisions)
                    });
                });
            }
        }
    }
    group.finish();
}

/// A request and its end, by how many buckets it needs and whose they are.
fn buckets(criterion: &mut Criterion) {
    const CLIENTS: u64 = 1_000;
    let mut group = criterion.benchmark_group("buckets");
    group.throughput(Throughput::Elements(1));
    let beside = [Whose::EachClients, Whose::Shared];
    let beside = beside.into_iter().flat_map(|whose| [1, 4, 16].map(|count| (whose, count)));
    let rpm = Limits { tpm: None, ..own_two() };
    let setups = [("1 a client's RPM".to_owned(), rpm, Vec::new())];
    let setups = setups.into_iter().chain(beside.map(|(whose, count)| {
        let name = format!("{count} {}", whose.name());
        (name, Limits::default(), limits(count, whose, AMOUNT_MAX))
    }));
    for (name, own, limits) in setups {
        let Some(world) = world(CLIENTS, EstimateSource::Header, own) else { return };
        world.ledger.put_rules(limits, Models::default());
        for threads in [1, 2] {
            let name = BenchmarkId::new(&name, format!("{threads} threads"));
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|decisions| {
                    let decisions = decisions.max(threads);
                    on_threads(&world, CLIENTS, Order::InTurn, Fate::Ended, threads, decisions)
                });
            });
        }
    }
    group.finish();
}

criterion_group!(
    benches,
    decisions,
    buckets,
    kept::kept,
    kept::preview_of_millions,
    kept::reads_of_kept,
    memory::bytes_per_client,
    held_up::limits_of_all_clients
);
criterion_main!(benches);

//! Decisions a second of the ledger alone, and the memory that a client takes.

use std::{
    alloc::System,
    hint::black_box,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flowguard::{
    ledger::{ClientConfig, Ledger},
    settings::UnknownClients,
};
use limiter::{ClientId, Limit, Limits, PER_MINUTE_MAX, Tokens, UnixMillis};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

fn ids(clients: usize) -> Vec<String> {
    (0..clients).map(|n| format!("client-{n:07}")).collect()
}

fn ledger(ids: &[String]) -> Ledger {
    let ledger = Ledger::new(&UnknownClients::Deny, NOW);
    let limit = Limit::new(PER_MINUTE_MAX).ok();
    for id in ids {
        let Ok(id) = ClientId::try_from(id.as_str()) else { continue };
        let limits = Limits { rpm: limit, tpm: limit };
        ledger.configure(&ClientConfig { id, limits, enabled: true }, NOW);
    }
    ledger
}

/// Asks for clients in an order that no cache foresees; the time moves with every ask.
fn decide(ledger: &Ledger, ids: &[String], decisions: u64, seed: u64) {
    let mut random = seed;
    for n in 0..decisions {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let at = usize::try_from(random >> 33).unwrap_or(0) % ids.len();
        let now = UnixMillis(NOW.0 + n / 1_000);
        if let (Some(id), Ok(tokens)) = (ids.get(at), Tokens::new(100)) {
            black_box(ledger.decide(id, tokens, now));
        }
    }
}

/// From the moment that all threads have been started to the end of the last.
fn on_threads(ledger: &Ledger, ids: &[String], threads: u64, decisions: u64) -> Duration {
    let start = Barrier::new(usize::try_from(threads).unwrap_or(1) + 1);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|seed| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    decide(ledger, ids, decisions / threads, seed);
                })
            })
            .collect();
        start.wait();
        let started = Instant::now();
        for worker in workers {
            let _ = worker.join();
        }
        started.elapsed()
    })
}

fn decisions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decisions");
    group.throughput(Throughput::Elements(1));
    for clients in [1, 1_000_000] {
        let ids = ids(clients);
        let ledger = ledger(&ids);
        for threads in [1, 2] {
            let name = format!("{clients} clients");
            group.bench_function(BenchmarkId::new(name, format!("{threads} threads")), |bencher| {
                bencher.iter_custom(|decisions| {
                    // At least one decision for each thread.
                    on_threads(&ledger, &ids, threads, decisions.max(threads))
                });
            });
        }
    }
    group.finish();
}

/// Not a time: printed beside the others.
fn bytes_per_client(_: &mut Criterion) {
    const CLIENTS: usize = 1_000_000;
    let ids = ids(CLIENTS);
    let id_bytes: usize = ids.iter().map(String::len).sum();

    let region = Region::new(ALLOCATOR);
    let ledger = ledger(&ids);
    let configured = region.change();
    decide(&ledger, &ids, 10_000_000, 1);
    let asked = region.change();
    let per_client = |change: stats_alloc::Stats| {
        (change.bytes_allocated - change.bytes_deallocated).saturating_sub(id_bytes) / CLIENTS
    };
    println!(
        "bytes per client beside its id: {} configured, {} after it has asked ({CLIENTS} clients)",
        per_client(configured),
        per_client(asked)
    );
}

criterion_group!(benches, decisions, bytes_per_client);
criterion_main!(benches);

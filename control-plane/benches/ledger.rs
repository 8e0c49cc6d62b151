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

const ID_LEN: usize = "client-0000000".len();

/// The n-th client's id, written over the one before: as on a stream, the id that is asked for is
/// in the cache already.
fn id(buffer: &mut [u8; ID_LEN], mut n: u64) -> &str {
    buffer.copy_from_slice(b"client-0000000");
    for digit in buffer.iter_mut().rev().take(7) {
        *digit = b'0' + u8::try_from(n % 10).unwrap_or(0);
        n /= 10;
    }
    str::from_utf8(buffer).unwrap_or_default()
}

fn ledger(clients: u64) -> Ledger {
    let ledger = Ledger::new(&UnknownClients::Deny, NOW);
    let limit = Limit::new(PER_MINUTE_MAX).ok();
    let mut buffer = [0; ID_LEN];
    for n in 0..clients {
        let Ok(id) = ClientId::try_from(id(&mut buffer, n)) else { continue };
        let limits = Limits { rpm: limit, tpm: limit };
        ledger.configure(&ClientConfig { id, limits, enabled: true }, NOW);
    }
    ledger
}

/// Asks for clients in an order that no cache foresees; the time moves on.
fn decide(ledger: &Ledger, clients: u64, decisions: u64, seed: u64) {
    let Ok(tokens) = Tokens::new(100) else { return };
    let mut buffer = [0; ID_LEN];
    let mut random = seed;
    for n in 0..decisions {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let now = UnixMillis(NOW.0 + n / 1_000);
        let id = id(&mut buffer, (random >> 33) % clients);
        black_box(ledger.decide(id, tokens, now));
    }
}

/// From the moment that all threads have been started to the end of the last.
fn on_threads(ledger: &Ledger, clients: u64, threads: u64, decisions: u64) -> Duration {
    let start = Barrier::new(usize::try_from(threads).unwrap_or(1) + 1);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|seed| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    decide(ledger, clients, decisions / threads, seed);
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
        let ledger = ledger(clients);
        for threads in [1, 2] {
            let name = format!("{clients} clients");
            group.bench_function(BenchmarkId::new(name, format!("{threads} threads")), |bencher| {
                bencher.iter_custom(|decisions| {
                    // At least one decision for each thread.
                    on_threads(&ledger, clients, threads, decisions.max(threads))
                });
            });
        }
    }
    group.finish();
}

/// Not a time: printed beside the others.
fn bytes_per_client(_: &mut Criterion) {
    const CLIENTS: u64 = 1_000_000;
    let region = Region::new(ALLOCATOR);
    let ledger = ledger(CLIENTS);
    let configured = region.change();
    decide(&ledger, CLIENTS, 10 * CLIENTS, 1);
    let asked = region.change();
    let per_client = |change: stats_alloc::Stats| {
        let bytes = change.bytes_allocated - change.bytes_deallocated;
        bytes as u64 / CLIENTS - ID_LEN as u64
    };
    println!(
        "bytes per client beside its id: {} configured, {} after it has asked ({CLIENTS} clients)",
        per_client(configured),
        per_client(asked)
    );
}

criterion_group!(benches, decisions, bytes_per_client);
criterion_main!(benches);

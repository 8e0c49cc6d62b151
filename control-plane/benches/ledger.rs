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
    ledger::{Answer, ClientConfig, End, Ledger, Outcome},
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
    let ledger = Ledger::new(UnknownClients::Deny, NOW);
    let limit = Limit::new(PER_MINUTE_MAX).ok();
    let mut buffer = [0; ID_LEN];
    for n in 0..clients {
        let Ok(id) = ClientId::try_from(id(&mut buffer, n)) else { continue };
        let limits = Limits { rpm: limit, tpm: limit };
        ledger.configure(&ClientConfig { id, limits, enabled: true, min_estimate: None }, NOW);
    }
    ledger
}

/// Which client asks next.
#[derive(Clone, Copy)]
enum Order {
    InTurn,
    /// Such that no cache foresees it: what a decision costs when its client is in none.
    AtRandom,
}

impl Order {
    fn name(self) -> &'static str {
        match self {
            Self::InTurn => "in turn",
            Self::AtRandom => "at random",
        }
    }

    fn client(self, n: u64, clients: u64) -> u64 {
        match self {
            Self::InTurn => n % clients,
            Self::AtRandom => {
                let random = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                (random ^ random >> 32) % clients
            }
        }
    }
}

/// So many decisions, the first of which is number `first`; the time moves on.
fn decide(ledger: &Ledger, clients: u64, order: Order, first: u64, decisions: u64) {
    let Ok(tokens) = Tokens::new(100) else { return };
    let mut buffer = [0; ID_LEN];
    for n in first..first + decisions {
        let now = UnixMillis(NOW.0 + n / 1_000);
        let id = id(&mut buffer, order.client(n, clients));
        black_box(ledger.decide(id, Some(tokens), now));
    }
}

/// From the moment that all threads have been started to the end of the last.
fn on_threads(
    ledger: &Ledger,
    clients: u64,
    order: Order,
    threads: u64,
    decisions: u64,
) -> Duration {
    let start = Barrier::new(usize::try_from(threads).unwrap_or(1) + 1);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|thread| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    // Each thread is elsewhere among the clients.
                    let first = thread * clients / threads;
                    decide(ledger, clients, order, first, decisions / threads);
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
    for (clients, order) in
        [(1, Order::InTurn), (1_000_000, Order::InTurn), (1_000_000, Order::AtRandom)]
    {
        let ledger = ledger(clients);
        for threads in [1, 2] {
            let name = format!("{clients} clients {}", order.name());
            group.bench_function(BenchmarkId::new(name, format!("{threads} threads")), |bencher| {
                bencher.iter_custom(|decisions| {
                    // At least one decision for each thread.
                    on_threads(&ledger, clients, order, threads, decisions.max(threads))
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
    decide(&ledger, CLIENTS, Order::InTurn, 0, CLIENTS);
    let asked = region.change();
    finish_one_request_each(&ledger, CLIENTS);
    let finished = region.change();
    let per_client = |change: stats_alloc::Stats| {
        let bytes = change.bytes_allocated - change.bytes_deallocated;
        bytes as u64 / CLIENTS - ID_LEN as u64
    };
    println!(
        "bytes per client beside its id: {} configured, {} after it has asked, {} after a response \
         has ended ({CLIENTS} clients)",
        per_client(configured),
        per_client(asked),
        per_client(finished),
    );
}

fn finish_one_request_each(ledger: &Ledger, clients: u64) {
    let mut buffer = [0; ID_LEN];
    for n in 0..clients {
        if let Answer::Admitted { held, .. } =
            ledger.decide(id(&mut buffer, n), Some(Tokens::ZERO), NOW)
        {
            let end = End {
                outcome: Outcome::Completed,
                told: None,
                observed: Tokens::ZERO,
                duration_us: Some(1_000),
            };
            ledger.settle(held, &end, NOW);
        }
    }
}

criterion_group!(benches, decisions, bytes_per_client);
criterion_main!(benches);

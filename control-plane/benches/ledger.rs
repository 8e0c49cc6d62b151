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
    clients::{ClientConfig, Limits},
    ledger::{
        Answer, Ask, End, EstimatePolicy, EstimateSource, Ledger, ManualClock, Outcome, Policy,
        RequestKind, Response, UnknownClients, WorkerId,
    },
};
use futures_util::FutureExt as _;
use limiter::{ClientId, PER_MINUTE_MAX, PerMinute, Tokens, UnixMillis};
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

/// A ledger whose clock the benchmark moves, so that reading the time is not measured.
struct World {
    ledger: Ledger,
    clock: ManualClock,
}

fn world(clients: u64, estimates: EstimateSource) -> Option<World> {
    let defaults = Policy::default();
    let estimate = EstimatePolicy { source: estimates, ..defaults.estimate };
    let policy = Policy { unknown_clients: UnknownClients::Deny, estimate, ..defaults };
    let clock = ManualClock::at(NOW);
    let ledger = Ledger::new(policy, clock.clone());
    let limit = PerMinute::new(PER_MINUTE_MAX).ok();
    let mut buffer = [0; ID_LEN];
    for n in 0..clients {
        let id = ClientId::try_from(id(&mut buffer, n)).ok()?;
        let limits = Limits { rpm: limit, tpm: limit };
        ledger.configure(&ClientConfig::new(id, limits));
    }
    Some(World { ledger, clock })
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

/// A response that used less than its request had reserved.
const RESPONSE: Response = Response {
    outcome: Outcome::Completed,
    told: Some(Tokens::ONE),
    observed: Tokens::ZERO,
    duration_us: Some(1_000),
};

/// What becomes of a request that was admitted.
#[derive(Clone, Copy)]
enum Fate {
    /// It is still under way.
    Open,
    /// It ended.
    Ended,
}

/// As many asks as come together where there is some traffic.
const FRAME: usize = 16;

/// At least so many decisions in frames, the first of which is number `first`; the time moves on.
/// What stays open is followed as far as one worker's requests are.
fn decide(world: &World, clients: u64, order: Order, fate: Fate, first: u64, decisions: u64) {
    let worker = world.ledger.join(WorkerId(first.into()));
    let mut buffers = [[0; ID_LEN]; FRAME];
    for frame in (first..first + decisions).step_by(FRAME) {
        world.clock.set(UnixMillis(NOW.0 + frame / 1_000));
        let asks: Vec<_> = (frame..)
            .zip(&mut buffers)
            .map(|(n, buffer)| Ask {
                id: u32::try_from(n % u64::from(u32::MAX)).unwrap_or(0),
                client: id(buffer, order.client(n, clients)),
                estimate: Tokens::new(100).ok(),
                kind: RequestKind::Generates,
                model: None,
            })
            .collect();
        let answers = black_box(world.ledger.decide(&worker, &asks).now_or_never());
        let Fate::Ended = fate else { continue };
        let mut ends = Vec::with_capacity(FRAME);
        for (ask, answer) in asks.iter().zip(answers.unwrap_or_default()) {
            if let Answer::Admitted { .. } = answer {
                ends.push((ask.id, End::Settled(RESPONSE)));
            }
        }
        black_box(world.ledger.end(&worker, ends).now_or_never());
    }
}

/// From the moment that all threads have been started to the end of the last.
fn on_threads(
    world: &World,
    clients: u64,
    order: Order,
    fate: Fate,
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
                    decide(world, clients, order, fate, first, decisions / threads);
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
        let Some(world) = world(clients, EstimateSource::Header) else { return };
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

/// Not a time: printed beside the others.
fn bytes_per_client(_: &mut Criterion) {
    const CLIENTS: u64 = 1_000_000;
    let per_client = |region: &Region<'_, System>| {
        let change = region.change();
        let bytes = change.bytes_allocated - change.bytes_deallocated;
        bytes as u64 / CLIENTS - ID_LEN as u64
    };
    for (estimates, how) in
        [(EstimateSource::Header, "given"), (EstimateSource::Learned, "learned")]
    {
        let region = Region::new(ALLOCATOR);
        let Some(world) = world(CLIENTS, estimates) else { return };
        let configured = per_client(&region);
        decide(&world, CLIENTS, Order::InTurn, Fate::Open, 0, CLIENTS);
        let asked = per_client(&region);
        decide(&world, CLIENTS, Order::InTurn, Fate::Ended, 0, CLIENTS);
        let ended = per_client(&region);
        println!(
            "bytes per client beside its id, estimates {how}: {configured} configured, {asked} after it \
             has asked, {ended} after a response has ended ({CLIENTS} clients)",
        );
    }
}

criterion_group!(benches, decisions, bytes_per_client);
criterion_main!(benches);

//! Decisions a second of the ledger alone, with and without keeping them, the memory that a client takes,
//! whom it holds up when other limits are put in force, how long a preview of millions takes, and how long
//! it takes to tell what is kept of one client.

use std::{
    alloc::System,
    hint::black_box,
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flowguard::{
    clients::{ClientConfig, Limits},
    ledger::{
        Answer, Ask, DecisionsKept, End, EstimatePolicy, EstimateSource, Ledger, ManualClock,
        Outcome, Policy, RequestKind, Response, Supposed, UnknownClients, WorkerId,
    },
    limits::{Each, Limit, LimitMode, LimitName, Match, Measure, Models},
};
use futures_util::FutureExt as _;
use limiter::{AMOUNT_MAX, ClientId, PER_MINUTE_MAX, PerMinute, Quota, Tokens, UnixMillis, Window};
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

/// What clients have by themselves.
fn own_two() -> Limits {
    let limit = PerMinute::new(PER_MINUTE_MAX).ok();
    Limits { rpm: limit, tpm: limit }
}

fn world(clients: u64, estimates: EstimateSource, limits: Limits) -> Option<World> {
    world_keeping(0, clients, estimates, limits)
}

/// One whose ledger keeps so many decisions.
fn world_keeping(
    kept: u64,
    clients: u64,
    estimates: EstimateSource,
    limits: Limits,
) -> Option<World> {
    let defaults = Policy::default();
    let estimate = EstimatePolicy { source: estimates, ..defaults.estimate };
    let policy = Policy { unknown_clients: UnknownClients::Deny, estimate, ..defaults };
    let clock = ManualClock::at(NOW);
    let ledger = Ledger::new(policy, clock.clone()).keeping(DecisionsKept { max: kept });
    let mut buffer = [0; ID_LEN];
    for n in 0..clients {
        let id = ClientId::try_from(id(&mut buffer, n)).ok()?;
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

/// Whose buckets a limit has.
#[derive(Clone, Copy)]
enum Whose {
    EachClients,
    Shared,
}

impl Whose {
    fn name(self) -> &'static str {
        match self {
            Self::EachClients => "each client's",
            Self::Shared => "shared",
        }
    }
}

/// So many limits that match every request, of `amount` tokens a minute.
fn limits(count: usize, whose: Whose, amount: u64) -> Vec<Limit> {
    let limits = (0..count).filter_map(|n| {
        let each = Each { client: matches!(whose, Whose::EachClients), ..Each::default() };
        Some(Limit {
            name: LimitName::try_from(&*format!("limit-{n:02}")).ok()?,
            matches: Match::default(),
            each,
            measure: Measure::Tokens(Quota::new(amount, Window::MINUTE, None).ok()?),
            mode: LimitMode::Enforce,
            trial: None,
        })
    });
    limits.collect()
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

/// How long single decisions took while `work` was done.
fn meanwhile(world: &World, clients: u64, work: impl FnOnce()) -> Option<Percentiles> {
    let stop = AtomicBool::new(false);
    let mut took = thread::scope(|scope| {
        let decider = scope.spawn(|| {
            let worker = world.ledger.join(WorkerId(u128::MAX));
            let mut took = Vec::with_capacity(1 << 24);
            let mut buffer = [0; ID_LEN];
            for n in 0.. {
                if stop.load(Ordering::Relaxed) || took.len() == took.capacity() {
                    break;
                }
                let ask = Ask {
                    id: n,
                    client: id(&mut buffer, Order::AtRandom.client(n.into(), clients)),
                    estimate: Tokens::new(100).ok(),
                    kind: RequestKind::Generates,
                    model: None,
                };
                let started = Instant::now();
                black_box(world.ledger.decide(&worker, &[ask]).now_or_never());
                took.push(started.elapsed());
                let ends = vec![(n, End::Settled(RESPONSE))];
                black_box(world.ledger.end(&worker, ends).now_or_never());
            }
            took
        });
        work();
        stop.store(true, Ordering::Relaxed);
        decider.join().unwrap_or_default()
    });
    took.sort_unstable();
    let at = |per_mille: usize| took.get((took.len() * per_mille / 1_000).min(took.len() - 1));
    Some(Percentiles {
        decisions: took.len(),
        p50: *at(500)?,
        p999: *at(999)?,
        most: *took.last()?,
    })
}

#[derive(Debug)]
#[expect(dead_code, reason = "printed")]
struct Percentiles {
    decisions: usize,
    p50: Duration,
    p999: Duration,
    most: Duration,
}

/// A request and its end, where the latest million of them are kept and where none is, in turns: what
/// keeping them takes is less than what a machine's load makes of two runs one after another.
fn kept(_: &mut Criterion) {
    const ROUNDS: usize = 15;
    const DECISIONS: u64 = 500_000;
    let kept_max = DecisionsKept::default().max;
    for clients in [1_000, 1_000_000] {
        let world = |kept| world_keeping(kept, clients, EstimateSource::Header, own_two());
        let (Some(without), Some(with)) = (world(0), world(kept_max)) else { return };
        let worlds = [without, with];
        // The ring is full, so that its memory is used again, and all clients have asked in both.
        for world in &worlds {
            decide(world, clients, Order::AtRandom, Fate::Ended, 0, 2 * kept_max);
        }
        let mut took = [const { Vec::new() }; 2];
        for round in 0..ROUNDS {
            for index in [round % 2, 1 - round % 2] {
                let Some((world, took)) = worlds.get(index).zip(took.get_mut(index)) else {
                    return;
                };
                let order = Order::AtRandom;
                took.push(on_threads(world, clients, order, Fate::Ended, 1, DECISIONS));
            }
        }
        let [without, with] = took.map(|mut took| {
            took.sort_unstable();
            took.get(ROUNDS / 2).copied().unwrap_or_default().as_nanos() / u128::from(DECISIONS)
        });
        println!(
            "a request and its end of {clients} clients: {without} ns where none is kept, {with} ns \
             where the latest {kept_max} are (medians of {ROUNDS})",
        );
    }
}

/// What is supposed: nothing, a client, a limit, and a document that leaves half of the clients out.
fn suppositions(clients: u64) -> Option<[(&'static str, Supposed); 4]> {
    let mut buffer = [0; ID_LEN];
    let few = Limits { rpm: PerMinute::new(60).ok(), tpm: None };
    let first = ClientConfig::new(ClientId::try_from(id(&mut buffer, 0)).ok()?, few);
    let configs = (0..clients / 2).filter_map(|n| {
        let id = ClientId::try_from(id(&mut buffer, n)).ok()?;
        Some(ClientConfig::new(id, few))
    });
    let everything = Supposed::Everything {
        limits: limits(2, Whose::Shared, AMOUNT_MAX),
        models: Models::default(),
        clients: configs.collect::<Vec<_>>().into(),
    };
    Some([
        ("nothing", Supposed::Nothing),
        ("a client", Supposed::Client(first)),
        ("a limit", Supposed::Limit(limits(1, Whose::EachClients, 10_000).pop()?, None)),
        ("a document", everything),
    ])
}

/// Not a time of a decision either.
fn preview_of_millions(_: &mut Criterion) {
    const DECISIONS: u64 = 3_600_000;
    // Of many clients each decision takes more beside it: more have to be asked for, so that these are kept.
    for (clients, kept) in [(1_000, DECISIONS), (100_000, DecisionsKept::MAX)] {
        let source = EstimateSource::Header;
        let Some(world) = world_keeping(kept, clients, source, own_two()) else { return };
        decide(&world, clients, Order::AtRandom, Fate::Ended, 0, DECISIONS);
        for (what, supposed) in suppositions(clients).into_iter().flatten() {
            let started = Instant::now();
            let preview = black_box(world.ledger.preview(&supposed));
            let took = started.elapsed();
            let (decisions, refused) = preview.map_or((0, 0), |of| (of.decisions, of.now.requests));
            println!(
                "a preview of {decisions} decisions of {clients} clients, {what} supposed: {took:?} \
                 ({refused} refused)",
            );
        }
    }
}

/// The same: how long it takes to tell what is kept of one client, and whom it holds up.
fn reads_of_kept(_: &mut Criterion) {
    const DECISIONS: u64 = 1_000_000;
    for clients in [1, 1_000, 100_000] {
        let source = EstimateSource::Header;
        let Some(world) = world_keeping(DECISIONS, clients, source, own_two()) else { return };
        decide(&world, clients, Order::AtRandom, Fate::Ended, 0, 2 * DECISIONS);
        let mut buffer = [0; ID_LEN];
        let client = id(&mut buffer, 0);
        let (ledger, mut took) = (&world.ledger, [Duration::ZERO; 3]);
        let decisions = meanwhile(&world, clients, || {
            let timed = |read: &dyn Fn()| {
                let started = Instant::now();
                read();
                started.elapsed()
            };
            for _ in 0..20 {
                let page = timed(&|| drop(black_box(ledger.decisions_of(client, None, 100))));
                let thousand = timed(&|| drop(black_box(ledger.decisions_of(client, None, 1_000))));
                let hour = timed(&|| drop(black_box(ledger.history_of(client))));
                for (longest, took) in took.iter_mut().zip([page, thousand, hour]) {
                    *longest = took.max(*longest);
                }
            }
        });
        let [page, thousand, hour] = took;
        println!(
            "of {DECISIONS} decisions over {clients} clients a page of one takes {page:?}, its last thousand \
             {thousand:?}, its hour {hour:?}; meanwhile {decisions:?}"
        );
    }
}

/// Not a time of a decision: printed beside the others.
fn limits_of_all_clients(_: &mut Criterion) {
    const CLIENTS: u64 = 1_000_000;
    let Some(world) = world(CLIENTS, EstimateSource::Header, own_two()) else { return };
    let put = |count, whose, amount| {
        let limits = limits(count, whose, amount);
        move |world: &World| world.ledger.put_rules(limits, Models::default())
    };
    put(2, Whose::EachClients, AMOUNT_MAX)(&world);
    decide(&world, CLIENTS, Order::InTurn, Fate::Ended, 0, CLIENTS);
    let nothing = meanwhile(&world, CLIENTS, || {
        // Somebody is as busy as a writer is, so that both have one core.
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(1) {
            black_box(world.ledger.limits());
        }
    });
    println!("decisions over {CLIENTS} clients while nothing is written: {nothing:?}");
    for (what, put) in [
        ("a third limit of each client", put(3, Whose::EachClients, AMOUNT_MAX)),
        ("other numbers of all three", put(3, Whose::EachClients, AMOUNT_MAX / 2)),
        ("one of them goes", put(2, Whose::EachClients, AMOUNT_MAX / 2)),
        ("shared ones in place of all", put(2, Whose::Shared, AMOUNT_MAX)),
    ] {
        let mut took = Duration::ZERO;
        let decisions = meanwhile(&world, CLIENTS, || {
            let started = Instant::now();
            put(&world);
            took = started.elapsed();
        });
        println!("{what}: in force after {took:?}, meanwhile {decisions:?}");
    }
}

/// Not a time: printed beside the others.
fn bytes_per_client(_: &mut Criterion) {
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

criterion_group!(
    benches,
    decisions,
    buckets,
    kept,
    preview_of_millions,
    reads_of_kept,
    bytes_per_client,
    limits_of_all_clients
);
criterion_main!(benches);

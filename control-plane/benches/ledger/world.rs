//! A ledger with its clients, what is asked of it, and the limits that it can have.

use std::{
    hint::black_box,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use flowguard::{
    clients::{ClientConfig, Limits},
    ledger::{
        Answer, Ask, DecisionsKept, End, EstimatePolicy, EstimateSource, Ledger, ManualClock,
        Outcome, Policy, RequestKind, Response, UnknownClients, WorkerId,
    },
    limits::{Each, Limit, LimitMode, LimitName, Match, Measure},
};
use futures_util::FutureExt as _;
use limiter::{ClientId, PER_MINUTE_MAX, PerMinute, Quota, Tokens, UnixMillis, Window};

pub(crate) const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

pub(crate) const ID_LEN: usize = "client-0000000".len();

/// The n-th client's id, written over the one before: as on a stream, the id that is asked for is
/// in the cache already.
pub(crate) fn id(buffer: &mut [u8; ID_LEN], mut n: u64) -> &str {
    buffer.copy_from_slice(b"client-0000000");
    for digit in buffer.iter_mut().rev().take(7) {
        *digit = b'0' + u8::try_from(n % 10).unwrap_or(0);
        n /= 10;
    }
    str::from_utf8(buffer).unwrap_or_default()
}

/// A ledger whose clock the benchmark moves, so that reading the time is not measured.
pub(crate) struct World {
    pub(crate) ledger: Ledger,
    pub(crate) clock: ManualClock,
}

/// What clients have by themselves.
pub(crate) fn own_two() -> Limits {
    let limit = PerMinute::new(PER_MINUTE_MAX).ok();
    Limits { rpm: limit, tpm: limit }
}

pub(crate) fn world(clients: u64, estimates: EstimateSource, limits: Limits) -> Option<World> {
    world_keeping(0, clients, estimates, limits)
}

/// One whose ledger keeps so many decisions.
pub(crate) fn world_keeping(
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
pub(crate) enum Order {
    InTurn,
    /// Such that no cache foresees it: what a decision costs when its client is in none.
    AtRandom,
}

impl Order {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::InTurn => "in turn",
            Self::AtRandom => "at random",
        }
    }

    pub(crate) fn client(self, n: u64, clients: u64) -> u64 {
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
pub(crate) const RESPONSE: Response = Response {
    outcome: Outcome::Completed,
    told: Some(Tokens::ONE),
    observed: Tokens::ZERO,
    duration_us: Some(1_000),
};

/// What becomes of a request that was admitted.
#[derive(Clone, Copy)]
pub(crate) enum Fate {
    /// It is still under way.
    Open,
    /// It ended.
    Ended,
}

/// As many asks as come together where there is some traffic.
pub(crate) const FRAME: usize = 16;

/// At least so many decisions in frames, the first of which is number `first`; the time moves on.
/// What stays open is followed as far as one worker's requests are.
pub(crate) fn decide(
    world: &World,
    clients: u64,
    order: Order,
    fate: Fate,
    first: u64,
    decisions: u64,
) {
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
pub(crate) fn on_threads(
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

/// Whose buckets a limit has.
#[derive(Clone, Copy)]
pub(crate) enum Whose {
    EachClients,
    Shared,
}

impl Whose {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::EachClients => "each client's",
            Self::Shared => "shared",
        }
    }
}

/// So many limits that match every request, of `amount` tokens a minute.
pub(crate) fn limits(count: usize, whose: Whose, amount: u64) -> Vec<Limit> {
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

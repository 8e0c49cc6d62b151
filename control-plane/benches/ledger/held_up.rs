//! Whom it holds up when something else is done.

use std::{
    hint::black_box,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use criterion::Criterion;
use flowguard::{
    ledger::{Ask, End, EstimateSource, RequestKind, WorkerId},
    limits::Models,
};
use futures_util::FutureExt as _;
use limiter::{AMOUNT_MAX, Tokens};

use crate::world::{
    Fate, ID_LEN, Order, RESPONSE, Whose, World, decide, id, limits, own_two, world,
};

/// How long single decisions took while `work` was done.
pub(crate) fn meanwhile(world: &World, clients: u64, work: impl FnOnce()) -> Option<Percentiles> {
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
pub(crate) struct Percentiles {
    decisions: usize,
    p50: Duration,
    p999: Duration,
    most: Duration,
}

/// Not a time of a decision: printed beside the others.
pub(crate) fn limits_of_all_clients(_: &mut Criterion) {
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

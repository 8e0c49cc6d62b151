//! What keeping decisions costs, how long a preview of millions takes, and how long it takes to tell what is
//! kept of one client.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use criterion::Criterion;
use flowguard::{
    clients::{ClientConfig, Limits},
    ledger::{DecisionsKept, EstimateSource, Supposed},
    limits::Models,
};
use limiter::{AMOUNT_MAX, ClientId, PerMinute};

use crate::{
    held_up::meanwhile,
    world::{Fate, ID_LEN, Order, Whose, decide, id, limits, on_threads, own_two, world_keeping},
};

/// A request and its end, where the latest million of them are kept and where none is, in turns: what
/// keeping them takes is less than what a machine's load makes of two runs one after another.
pub(crate) fn kept(_: &mut Criterion) {
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
pub(crate) fn preview_of_millions(_: &mut Criterion) {
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
pub(crate) fn reads_of_kept(_: &mut Criterion) {
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

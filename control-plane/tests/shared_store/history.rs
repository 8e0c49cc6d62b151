//! One random history: calls, each of which is carried out by the script and once more beside it.

use std::{collections::HashMap, num::NonZeroU64, sync::Arc};

use fastrand::Rng;
use flowguard::store::shared::{
    Batch, BucketIndex, Charged, Correction, Decide, Demand, End, Opening, Operation, Replay,
    Reply, Step, Told, Value, Wanted, WordIndex, WorkerIndex,
};
use limiter::Decision;

use crate::{
    chance::{once_in, tokens},
    server::Server,
    takeover::{are_open, take_over_a_worker},
    world::{Holding, Open, World, exact, worker_name},
};

const CALLS: usize = 40;

/// How many places there are: few, so that they run out.
const PLACES: NonZeroU64 = NonZeroU64::new(3).unwrap();

/// What a call's operations were made of.
#[derive(Default)]
struct Plan {
    batch: Batch,
    /// What was told of each, in the order of the batch.
    told: Vec<(usize, Told)>,
    buckets: Vec<BucketIndex>,
    words: Vec<(usize, usize, u64, u32)>,
    asked: Vec<Asked>,
    /// On which stream each worker asks.
    streams: HashMap<usize, u64>,
}

/// One operation, as the history knows it.
enum Asked {
    Decide { opening: Option<(usize, u32, Vec<u8>)>, wanted: Vec<Wants> },
    End { worker: usize, request: u32 },
    Charge,
}

#[derive(Clone, Copy)]
enum Wants {
    Tokens(usize),
    Place { places: usize, worker: usize },
}

/// Runs the history of a seed; how many operations it had, or what differed.
pub(crate) async fn run(server: &Server, number: usize, seed: u64) -> Result<usize, String> {
    let chance = &mut Rng::with_seed(seed);
    let mut world = World::new(number, chance);
    let mut operations = 0;
    for call in 0..CALLS {
        world.go_on(chance);
        lose_something(server, &mut world, chance).await;
        take_over_a_worker(server, &mut world, chance).await?;
        let mut plan = plan(&mut world, chance);
        let batch = Arc::new(std::mem::take(&mut plan.batch));
        // Now and then all of it is sent twice, since nobody knows whether it had arrived.
        let times = if once_in(chance, 12) { 2 } else { 1 };
        for _ in 0..times {
            let reply = server.call(&batch, world.now).await?;
            operations += plan.asked.len();
            check(&mut world, &plan, &batch, &reply)
                .map_err(|difference| format!("call {call}: {difference}"))?;
        }
    }
    check_what_is_stored(server, &world).await?;
    Ok(operations)
}

/// Another server answers, that lost the last writes of a bucket.
async fn lose_something(server: &Server, world: &mut World, chance: &mut Rng) {
    if !once_in(chance, 10) {
        return;
    }
    let index = chance.usize(..world.limits.len());
    let key = world.bucket_key(index);
    let limit = &mut world.limits[index];
    let old = match limit.seen.len() {
        0 => None,
        _ if once_in(chance, 4) => None,
        seen => Some(limit.seen[chance.usize(..seen)]),
    };
    let bytes = old.map(|old| old.to_bytes());
    server.put(&key, bytes.as_ref().map(<[u8; _]>::as_slice)).await;
    limit.stored = vec![old];
}

fn plan(world: &mut World, chance: &mut Rng) -> Plan {
    let mut plan = Plan::default();
    for index in 0..world.limits.len() {
        // Few calls say what was seen: it is for the first one that a server answers.
        let limit = &world.limits[index];
        let seen: Option<Value> = (once_in(chance, 6) && !limit.seen.is_empty()).then(|| {
            let last = limit.seen.len() - 1;
            limit.seen[if once_in(chance, 3) { chance.usize(..=last) } else { last }]
        });
        let told = limit.known(chance);
        let at = plan.batch.bucket(&world.bucket_key(index), told, seen).expect("room");
        plan.told.push((index, told));
        plan.buckets.push(at);
    }
    for _ in 0..chance.usize(1..24) {
        match chance.u8(..10) {
            0..6 => decide(&mut plan, world, chance),
            6..9 => end(&mut plan, world, chance),
            _ => charge(&mut plan, world, chance),
        }
    }
    plan
}

fn decide(plan: &mut Plan, world: &mut World, chance: &mut Rng) {
    let worker = chance.usize(..world.workers.len());
    let mut demands = Vec::new();
    let mut wanted = Vec::new();
    for (limit, at) in plan.buckets.clone().into_iter().enumerate() {
        if chance.bool() {
            let tokens = tokens(chance, world.limits[limit].last().quota);
            demands.push(Wanted::Tokens(at, tokens));
            wanted.push(Wants::Tokens(limit));
        }
    }
    for places in 0..world.places.len() {
        if once_in(chance, 5) {
            demands.push(Wanted::Place(word(plan, world, (worker, places), chance)));
            wanted.push(Wants::Place { places, worker });
        }
    }
    let demands = demands
        .into_iter()
        .map(|wanted| Demand { wanted, is_watched: once_in(chance, 4) })
        .collect();
    let opening = (!once_in(chance, 10)).then(|| {
        let worker = &mut world.workers[worker];
        // One that is open is asked again now and then.
        let again = if once_in(chance, 10) { worker.open.keys().min() } else { None };
        again.copied().unwrap_or_else(|| {
            worker.next_request += 1;
            worker.next_request
        })
    });
    let opening = opening.map(|request| {
        let note: Vec<u8> = (0..chance.usize(..20)).map(|_| chance.u8(..)).collect();
        (worker, request, note)
    });
    let decide = Decide {
        demands,
        opening: opening.clone().map(|(worker, request, note)| Opening {
            worker: asks(plan, world, worker, chance),
            request,
            note,
        }),
    };
    plan.batch.push(Operation::Decide(decide)).expect("room");
    plan.asked.push(Asked::Decide { opening, wanted });
}

/// A worker asks, now and then on a stream that is not its newest. All of a call is of the latest stream
/// that the call names.
fn asks(plan: &mut Plan, world: &World, worker: usize, chance: &mut Rng) -> WorkerIndex {
    let newest = world.workers[worker].stream;
    let stream = if once_in(chance, 10) { newest / 2 } else { newest };
    let asked = plan.streams.entry(worker).or_default();
    *asked = stream.max(*asked);
    plan.batch.worker(&world.worker_key(worker), exact(stream)).expect("room")
}

/// What a worker says of its places, which is now and then older than what it said before.
fn word(
    plan: &mut Plan,
    world: &mut World,
    (worker, places): (usize, usize),
    chance: &mut Rng,
) -> WordIndex {
    let held = world.held(worker, places);
    let calls = &mut world.workers[worker].calls;
    let said = plan.words.iter().find(|word| (word.0, word.1) == (places, worker)).copied();
    let (_, _, number, held) = said.unwrap_or_else(|| {
        *calls += 1;
        let number = if once_in(chance, 10) { *calls / 2 } else { *calls };
        plan.words.push((places, worker, number, held));
        (places, worker, number, held)
    });
    let (key, name) = (world.places_key(places), worker_name(worker));
    plan.batch.word(&key, PLACES, &name, (exact(number), held)).expect("room")
}

fn end(plan: &mut Plan, world: &mut World, chance: &mut Rng) {
    let again = once_in(chance, 6) && !world.told_ends.is_empty();
    let (worker, request, holdings) = if again {
        world.told_ends[chance.usize(..world.told_ends.len())].clone()
    } else {
        let worker = chance.usize(..world.workers.len());
        let Some(request) = world.workers[worker].open.keys().min().copied() else { return };
        (worker, request, world.workers[worker].open[&request].holdings.clone())
    };
    world.told_ends.push((worker, request, holdings.clone()));
    let corrections = holdings.into_iter().flatten().filter_map(|holding| match holding {
        Holding::Tokens { limit, charged: Charged::Tokens(charge, epoch) } => Some(Correction {
            bucket: plan.buckets[limit],
            charge,
            epoch,
            used: match chance.u8(..4) {
                0 => limiter::Tokens::ZERO,
                1 => charge.tokens(),
                _ => tokens(chance, world.limits[limit].last().quota),
            },
        }),
        Holding::Tokens { .. } | Holding::Place { .. } => None,
    });
    let corrections = corrections.collect();
    let worker_index = asks(plan, world, worker, chance);
    let operation = Operation::End(End { worker: worker_index, request, corrections });
    plan.batch.push(operation).expect("room");
    plan.asked.push(Asked::End { worker, request });
}

fn charge(plan: &mut Plan, world: &World, chance: &mut Rng) {
    let limit = chance.usize(..plan.buckets.len());
    let bucket = plan.buckets[limit];
    let tokens = tokens(chance, world.limits[limit].last().quota);
    let operation = Operation::Charge { bucket, tokens };
    plan.batch.push(operation).expect("room");
    plan.asked.push(Asked::Charge);
}

/// Whether a reply is what follows from what the world knows; then the world goes on.
fn check(world: &mut World, plan: &Plan, batch: &Batch, reply: &Reply) -> Result<(), String> {
    let Plan { told: limits, words, asked, streams, .. } = plan;
    for (before, (limit, _)) in reply.before.iter().zip(limits) {
        let stored = &world.limits[*limit].stored;
        if !stored.contains(before) {
            return Err(format!("found {before:?}, and stored was {stored:?}"));
        }
    }
    check_words(world, words, reply)?;

    let mut again = Replay::of(batch, reply).map_err(|error| error.to_string())?;
    for (number, asked) in asked.iter().enumerate() {
        let step = again.step().expect("a step for each");
        let step = step.map_err(|mismatch| mismatch.to_string())?;
        check_step(world, streams, asked, &step)
            .map_err(|error| format!("operation {number}: {error}"))?;
    }
    again.finish().map_err(|mismatch| format!("{mismatch}: {:?}", reply.after))?;

    for (index, (limit, told)) in limits.iter().enumerate() {
        let limit = &mut world.limits[*limit];
        let (before, after) = (reply.before[index], reply.after[index]);
        let numbers = |value: &Value| (value.epoch, value.bucket.level().revision);
        let by_time_alone = match before {
            Some(before) if numbers(&before) == numbers(&after) => before.follow(told, reply.now),
            Some(_) => after,
            None => Value::full(told, reply.now),
        };
        let is_written = after != by_time_alone
            || before.is_some_and(|before| numbers(&before) != numbers(&after));
        limit.stored = if is_written { vec![Some(after)] } else { vec![before, Some(after)] };
        limit.seen.push(after);
    }
    Ok(())
}

fn check_words(
    world: &mut World,
    words: &[(usize, usize, u64, u32)],
    reply: &Reply,
) -> Result<(), String> {
    let now = world.now;
    for (places, ..) in words {
        world.places[*places].look(now);
    }
    let mut news = Vec::new();
    for (places, worker, number, held) in words {
        let places = &mut world.places[*places];
        news.push(places.hear(&worker_name(*worker), exact(*number), u64::from(*held), now));
    }
    if news != reply.news {
        return Err(format!("words were news: {:?}, and should be: {news:?}", reply.news));
    }
    // In the order in which they were listed first.
    let mut listed = Vec::new();
    for (places, ..) in words {
        if !listed.contains(places) {
            listed.push(*places);
        }
    }
    let taken: Vec<_> = listed.iter().map(|places| world.places[*places].taken()).collect();
    if taken != reply.taken {
        return Err(format!("places taken: {:?}, and should be: {taken:?}", reply.taken));
    }
    Ok(())
}

fn check_step(
    world: &mut World,
    streams: &HashMap<usize, u64>,
    asked: &Asked,
    step: &Step,
) -> Result<(), String> {
    match (asked, step) {
        (Asked::Charge, Step::Charged) => Ok(()),
        (Asked::End { worker, request }, step) => {
            let was_open = world.workers[*worker].open.remove(request).is_some();
            let expected = if was_open { Step::Ended } else { Step::EndedBefore };
            if *step == expected { Ok(()) } else { Err(format!("{step:?}, not {expected:?}")) }
        }
        (Asked::Decide { opening, wanted }, step) => {
            let has_gone = opening.as_ref().is_some_and(|(worker, ..)| {
                streams.get(worker).copied().unwrap_or_default() < world.workers[*worker].fence
            });
            let is_open = opening.as_ref().is_some_and(|(worker, request, _)| {
                world.workers[*worker].open.contains_key(request)
            });
            match step {
                Step::Gone if has_gone => Ok(()),
                _ if has_gone => Err(format!("{step:?} of one whose worker has gone")),
                Step::OpenAlready if is_open => Ok(()),
                Step::Decided { decision: Decision::Refused(_), .. } if !is_open => Ok(()),
                Step::Decided { decision: Decision::Admitted, charged } if !is_open => {
                    admit(world, opening.as_ref(), wanted, charged);
                    Ok(())
                }
                _ => Err(format!("{step:?} of one that is open: {is_open}")),
            }
        }
        (Asked::Charge, step) => Err(format!("{step:?}")),
    }
}

fn admit(
    world: &mut World,
    opening: Option<&(usize, u32, Vec<u8>)>,
    wanted: &[Wants],
    charged: &[Option<Charged>],
) {
    let mut bits = 0;
    let mut holdings = Vec::new();
    for (index, (wants, charged)) in wanted.iter().zip(charged).enumerate() {
        bits |= u16::from(charged.is_some()) << index;
        holdings.push(charged.map(|charged| match wants {
            Wants::Tokens(limit) => Holding::Tokens { limit: *limit, charged },
            Wants::Place { places, worker } => {
                world.places[*places].take(&worker_name(*worker));
                Holding::Place { places: *places }
            }
        }));
    }
    if let Some((worker, request, note)) = opening {
        let open = Open { charged: bits, note: note.clone(), holdings };
        world.workers[*worker].open.insert(*request, open);
    }
}

/// Whether open requests are those that the world knows.
async fn check_what_is_stored(server: &Server, world: &World) -> Result<(), String> {
    for worker in 0..world.workers.len() {
        let open = server.client.open_requests(&world.worker_key(worker)).await;
        are_open(open.map_err(|failure| failure.to_string())?, world, worker)?;
    }
    Ok(())
}

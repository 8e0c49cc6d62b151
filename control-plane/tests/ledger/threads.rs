//! Many threads over limits that clients share: exact, without a standstill, whatever operators write
//! meanwhile, and read back to the unit.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use flowguard::{
    ledger::{Answer, Ask, End, Ledger, ManualClock, RequestKind, WorkerId},
    limits::{Limit, LimitKey},
    store::state::simulated::MemoryDisk,
};
use futures_util::FutureExt as _;
use limiter::Dimension;

use super::{
    restart::{begin_under, policy},
    together::spec::{Kind, Mode, RAW_MODELS, Spec, Who, always, models},
    world::{NOW, World, tokens},
};

const THREADS: u32 = 8;

/// Nobody stands still for so long who does not wait for somebody that waits for him.
const STANDSTILL: Duration = Duration::from_mins(1);

fn spec(name: &str, kind: Kind, amount: u64, each: &[&'static str]) -> Spec {
    Spec {
        name: name.to_owned(),
        client: None,
        group: None,
        plan: None,
        model: None,
        each: each.to_vec(),
        kind,
        amount,
        per_s: 86_400,
        burst: amount,
        mode: Mode::Enforce,
        trial: None,
    }
}

fn limits(specs: &[Spec]) -> Vec<Limit> {
    specs.iter().map(Spec::to_limit).collect()
}

/// Does something on a thread of its own, and fails if it does not come to an end.
fn in_time(run: impl FnOnce() + Send + 'static) {
    let (done, is_done) = mpsc::channel();
    let runner = thread::spawn(move || {
        run();
        let _ = done.send(());
    });
    match is_done.recv_timeout(STANDSTILL) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("they wait for each other"),
        Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => runner.join().unwrap(),
    }
}

/// What `write` does again and again while `run` runs.
fn meanwhile<T>(write: impl Fn(u64) + Sync, run: impl FnOnce() -> T) -> T {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut round = 0;
            while !stop.load(Ordering::Relaxed) {
                write(round);
                round += 1;
            }
        });
        let result = run();
        stop.store(true, Ordering::Relaxed);
        result
    })
}

fn member(n: u32) -> String {
    format!("member-{n}")
}

/// An organization of two teams of four clients each.
fn configure(ledger: &Ledger, n: u32, plan: Option<&'static str>) {
    let group = Some(["acme/red", "acme/blue"][n as usize % 2]);
    ledger.configure(&Who { group, plan, ..Who::default() }.to_config(&member(n)));
}

/// Each asks in the name of each client; how many are admitted.
fn all_ask(ledger: &Ledger, rounds: u32) -> u64 {
    let admitted = AtomicU64::new(0);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let admitted = &admitted;
            scope.spawn(move || {
                let worker = ledger.join(WorkerId(thread.into()));
                for id in 0..rounds {
                    let client = member((id + thread) % 8);
                    let (estimate, kind) = (tokens(10), RequestKind::Generates);
                    let model = RAW_MODELS[id as usize % RAW_MODELS.len()];
                    let ask = Ask { id, client: &client, estimate, kind, model };
                    let answers = ledger.decide(&worker, &[ask]).now_or_never().unwrap();
                    if let Answer::Admitted { .. } = answers[0] {
                        admitted.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    admitted.into_inner()
}

#[test]
fn eight_threads_under_three_levels_are_admitted_exactly_and_a_refusal_costs_no_level_anything() {
    in_time(|| {
        for names in [["a", "b", "c"], ["c", "b", "a"]] {
            for round in 0..5 {
                three_levels(names, round);
            }
        }
    });
}

fn three_levels([org, team, own]: [&str; 3], round: u32) {
    let world = World::of(&[]);
    let levels = [
        Spec { group: Some("acme"), ..spec(org, Kind::Tokens, 10_000, &[]) },
        spec(team, Kind::Requests, 600, &["group"]),
        spec(own, Kind::Tokens, 2_000, &["client"]),
    ];
    let other = |n: u64| spec("x", Kind::Tokens, 1_000_000_000 + n, &["model"]);
    let write = |n: u64| {
        let mut specs = levels.to_vec();
        // Another limit comes, changes and goes, and so do models.
        if !n.is_multiple_of(3) {
            specs.push(other(n));
        }
        let are_on = [n.is_multiple_of(2), true, n.is_multiple_of(5)];
        world.ledger.put_rules(limits(&specs), models(are_on));
        let n = u32::try_from(n % 8).unwrap();
        configure(&world.ledger, n, [None, Some("p"), Some("q")][n as usize % 3]);
        world.ledger.snapshot(&member(n)).unwrap();
        world.ledger.limit_snapshots();
    };
    for n in 0..8 {
        configure(&world.ledger, n, None);
    }
    world.ledger.put_rules(limits(&levels), models([true; 3]));
    let admitted = meanwhile(write, || all_ask(&world.ledger, 400));
    world.ledger.put_rules(limits(&levels), models([true; 3]));

    assert_eq!(admitted, 1_000, "round {round}");
    let left = |client: u32| {
        let limits = world.snapshot(&member(client)).limits.into_iter();
        let left = limits.map(|limit| (limit.name.as_str().to_owned(), limit.left.remaining));
        left.collect::<std::collections::BTreeMap<_, _>>()
    };
    let charged = |n| world.snapshot(&member(n)).record.admitted;
    for parity in 0..2 {
        let of_team: u64 = (0..8).filter(|n| n % 2 == parity).map(charged).sum();
        assert_eq!(left(parity)[team], 600 - of_team, "round {round}");
    }
    for n in 0..8 {
        assert_eq!((left(n)[org], left(n)[own]), (0, 2_000 - 10 * charged(n)), "round {round}");
    }
}

#[test]
fn places_under_eight_threads_are_never_more_than_there_are_and_all_come_back() {
    in_time(|| {
        let world = World::of(&[]);
        for n in 0..8 {
            configure(&world.ledger, n, None);
        }
        let few = [
            Spec { group: Some("acme"), ..spec("a", Kind::Concurrent, 5, &[]) },
            spec("b", Kind::Concurrent, 3, &["group"]),
        ];
        let write = |n: u64| {
            let more = spec("z", Kind::Concurrent, 1 + n % 3, &["model"]);
            let with_more = [few[0].clone(), few[1].clone(), more];
            let specs = if n.is_multiple_of(2) { &few[..] } else { &with_more };
            world.ledger.put_rules(limits(specs), models([true; 3]));
        };
        write(0);
        let (under_way, most) = (AtomicU64::new(0), AtomicU64::new(0));
        meanwhile(write, || {
            thread::scope(|scope| {
                for thread in 0..THREADS {
                    let (world, under_way, most) = (&world, &under_way, &most);
                    scope.spawn(move || {
                        let worker = world.ledger.join(WorkerId(thread.into()));
                        for id in 0..3_000 {
                            let client = member((id + thread) % 8);
                            let (estimate, kind) = (tokens(1), RequestKind::Generates);
                            let model = RAW_MODELS[id as usize % RAW_MODELS.len()];
                            let ask = Ask { id, client: &client, estimate, kind, model };
                            if let Answer::Admitted { .. } = world.ask_by(&worker, ask) {
                                let now = under_way.fetch_add(1, Ordering::SeqCst) + 1;
                                most.fetch_max(now, Ordering::SeqCst);
                                thread::yield_now();
                                under_way.fetch_sub(1, Ordering::SeqCst);
                                let end = [End::Lost, End::Canceled][id as usize % 2];
                                let ended = world.ledger.end(&worker, vec![(id, end)]);
                                assert_eq!(ended.now_or_never().unwrap().len(), 1);
                            }
                        }
                    });
                }
            });
        });
        assert!(most.load(Ordering::SeqCst) <= 5, "{most:?} of 5");
        let left = world.snapshot(&member(0)).limits;
        assert_eq!((left[0].left.remaining, left[1].left.remaining), (5, 3));
    });
}

/// How often limits are written while clients ask.
const WRITES: u64 = 100;

/// Limits that come and go, each under every name, and count now this and now that.
fn changing(n: u64) -> Vec<Spec> {
    let picks = n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
    let of = |(name, pick): (&str, u8)| {
        let pick = usize::from(pick & 7);
        let kind = [Kind::Requests, Kind::Tokens, Kind::Concurrent][pick % 3];
        let each: &[_] = [&[][..], &["group"], &["model"], &["client", "model"]][pick / 2];
        let trial = pick.is_multiple_of(2).then_some(2_000);
        (pick != 7).then(|| Spec { trial, ..spec(name, kind, 5_000 + pick as u64, each) })
    };
    ["a", "b", "c", "d"].into_iter().zip(picks).filter_map(of).collect()
}

#[test]
fn limits_that_come_and_go_under_eight_threads_stop_nobody_and_are_read_back_as_they_were() {
    in_time(|| {
        for round in 0..20 {
            let (disk, clock) = (MemoryDisk::new(), ManualClock::at(NOW));
            let mut configs: Vec<_> = always().iter().map(|(id, who)| who.to_config(id)).collect();
            for n in 0..8 {
                let group = Some(["a", "a/b"][n as usize % 2]);
                configs.push(Who { group, ..Who::default() }.to_config(&member(n)));
            }
            let rules = |n: u64| {
                (limits(&changing(n)), models([true, n.is_multiple_of(2), n.is_multiple_of(3)]))
            };
            let (ledger, _files) = begin_under(policy(), &disk, &configs, rules(0), &clock);
            let ledger = Arc::new(ledger);
            let last = AtomicU64::new(0);
            let write = |n: u64| {
                // Each that goes is looked for in all that is read back.
                if n > WRITES {
                    return thread::yield_now();
                }
                last.store(n, Ordering::Relaxed);
                let (limits, models) = rules(n);
                ledger.put_rules(limits, models);
            };
            meanwhile(write, || all_ask(&ledger, 200));
            // Half of them end, and the others are under way.
            for thread in 0..THREADS {
                let worker = ledger.join(WorkerId(thread.into()));
                let ends = (0..200).filter(|id| id % 2 == 0).map(|id| (id, End::Canceled));
                let _ = ledger.end(&worker, ends.collect()).now_or_never().unwrap();
            }
            ledger.commit();
            disk.kill();
            let rules = rules(last.into_inner());
            let (again, _files) = begin_under(policy(), &disk, &configs, rules, &clock);
            let all_left = |ledger: &Ledger| {
                let of = |n| ledger.snapshot(&member(n)).unwrap().limits;
                (ledger.held(), (0..8).map(of).collect::<Vec<_>>())
            };
            assert_eq!(all_left(&again), all_left(&ledger), "round {round}");
            // What is still under way gives back as much to both.
            for ledger in [&again, &*ledger] {
                for thread in 0..THREADS {
                    let worker = ledger.join(WorkerId(thread.into()));
                    let ends = (0..200).map(|id| (id, End::Canceled));
                    let _ = ledger.end(&worker, ends.collect()).now_or_never().unwrap();
                }
            }
            assert_eq!(all_left(&again), all_left(&ledger), "round {round}");
        }
    });
}

#[test]
fn what_is_dropped_again_and_again_is_written_down_beside_everybody_who_decides() {
    in_time(|| {
        let (disk, clock) = (MemoryDisk::new(), ManualClock::at(NOW));
        let configs: Vec<_> = (0..8).map(|n| Who::default().to_config(&member(n))).collect();
        let (ledger, _files) =
            begin_under(policy(), &disk, &configs, (Vec::new(), models([true; 3])), &clock);
        let drop_one = |n| {
            let client = member(u32::try_from(n % 8).unwrap());
            ledger.count_dropped(&client, &LimitKey::Own(Dimension::Rpm), 1);
        };
        // More than are kept before they are written, by one thread alone and beside others.
        (0..5_000).for_each(drop_one);
        meanwhile(drop_one, || all_ask(&ledger, 200));
        let dropped = |n| ledger.snapshot(&member(n)).unwrap().record.rpm_dropped;
        assert!((0..8).map(dropped).sum::<u64>() >= 5_000);
    });
}

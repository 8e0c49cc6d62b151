//! Places of limits on requests at a time: they come back in every ending, and no more of them than
//! there are.

use std::collections::HashSet;

use flowguard::{
    clients::ClientConfig,
    ledger::{
        Answer, Ask, End, Ledger, Outcome, RequestKind, Response, Shortage, UnknownClients,
        UnknownSnapshot, WorkerId,
    },
    limits::{LimitKey, Models},
};
use futures_util::FutureExt as _;
use limiter::{Tokens, Wait};

use super::{
    together::spec::{Kind, Mode, RAW_MODELS, Spec, Who, models},
    world::{Admitted, World, config, denying_unknown_clients, later, response, tokens},
};

/// As many requests at a time as `places`.
pub(crate) fn places(name: &str, places: u64, each: &[&'static str]) -> Spec {
    Spec {
        name: name.to_owned(),
        client: None,
        group: None,
        plan: None,
        model: None,
        each: each.to_vec(),
        kind: Kind::Concurrent,
        amount: places,
        per_s: 1,
        burst: 1,
        mode: Mode::Enforce,
        trial: None,
    }
}

fn put(ledger: &Ledger, specs: &[Spec]) {
    ledger.put_rules(specs.iter().map(Spec::to_limit).collect(), models([true; 3]));
}

/// Eight places that all share, and eight of each client and model.
fn eight() -> [Spec; 2] {
    [places("all", 8, &[]), places("own", 8, &["client", "model"])]
}

fn world() -> World {
    let world = World::of(&[config("client", None, None), config("other", None, None)]);
    put(&world.ledger, &eight());
    world
}

/// What is free of each limit for "client".
fn free(world: &World) -> Vec<u64> {
    world.snapshot("client").limits.iter().map(|limit| limit.left.remaining).collect()
}

/// Eight requests, beside which there is room for no more.
fn take_all(world: &World) -> Vec<Admitted> {
    let taken = (0..8).map(|_| world.admit(tokens(10))).collect();
    assert_eq!(free(world), [0, 0]);
    let Answer::Refused { refusal, .. } = world.decide("client", tokens(10)) else {
        panic!("nine of eight")
    };
    assert_eq!(refusal.limit.as_str(), "all", "the first of those that refuse");
    assert_eq!((refusal.shortage, refusal.wait), (Shortage::Places(8), Wait::Millis(1_000)));
    taken
}

#[test]
fn places_come_back_however_a_request_ends() {
    let settled = |outcome| End::Settled(Response { outcome, ..response(tokens(5)) });
    let world = world();
    for end in [
        settled(Outcome::Completed),
        settled(Outcome::Aborted),
        settled(Outcome::UpstreamRefused),
        settled(Outcome::UpstreamFailed),
        settled(Outcome::TimedOut),
        End::Canceled,
        End::Lost,
    ] {
        let mut taken = take_all(&world);
        let last = taken.pop().unwrap();
        for request in taken {
            world.end(request, end);
        }
        assert_eq!(free(&world), [7, 7], "{end:?}");
        world.end(last, end);
        // One that has ended has no place to give back.
        world.end(last, end);
        assert_eq!(free(&world), [8, 8], "{end:?}");
    }
}

#[test]
fn places_come_back_from_a_worker_that_does_not_and_from_requests_that_it_does_not_know() {
    let world = world();
    let taken = take_all(&world);
    world.worker.told();
    let named: HashSet<u32> = taken.iter().take(3).map(|request| request.id).collect();
    let ended = world.ledger.resume(&world.worker, &named).now_or_never().unwrap();
    assert_eq!(ended.iter().filter(|ended| ended.end == End::Lost).count(), 5);
    assert_eq!(free(&world), [5, 5]);

    // One that was decided and never told is as if it had never been.
    let untold = world.admit(tokens(10));
    let ended = world.ledger.resume(&world.worker, &named).now_or_never().unwrap();
    assert_eq!(
        ended.iter().map(|end| (end.id, end.end)).collect::<Vec<_>>(),
        [(untold.id, End::Canceled)]
    );
    assert_eq!(free(&world), [5, 5]);

    world.ledger.leave(&world.worker);
    world.at(later(60_000));
    let given_up = world.ledger.give_up_on_absent_workers().now_or_never().unwrap();
    assert_eq!((given_up.len(), free(&world)), (3, vec![8, 8]));
}

#[test]
fn places_of_a_deleted_client_stay_with_its_requests_and_come_back_with_their_ends() {
    let world = world();
    let taken = take_all(&world);
    world.ledger.remove("client");
    assert!(matches!(world.decide("other", None), Answer::Refused { .. }), "they are under way");
    world.end(taken[0], End::Lost);
    // Of its successor they are taken too: it is the same upstream.
    world.ledger.configure(&config("client", None, None));
    assert_eq!(free(&world), [1, 1]);
    let one_more = world.admit(tokens(1));
    assert!(matches!(world.decide("client", None), Answer::Refused { .. }));
    for request in taken.into_iter().skip(1).chain([one_more]) {
        world.end(request, End::Canceled);
    }
    assert_eq!(free(&world), [8, 8]);
}

#[test]
fn a_client_that_is_not_enabled_has_places_like_any() {
    let world = world();
    world.ledger.configure(&ClientConfig { enabled: false, ..config("client", None, None) });
    for request in take_all(&world) {
        world.settle(request, response(None));
    }
    assert_eq!(free(&world), [8, 8]);
    let taken = take_all(&world);
    world.ledger.configure(&config("client", None, None));
    world.ledger.reset("client");
    assert_eq!(free(&world), [0, 0], "a reset ends no request");
    for request in taken {
        world.settle(request, response(None));
    }
    assert_eq!(free(&world), [8, 8]);
}

#[test]
fn a_limit_that_is_created_again_is_another_one_and_gets_no_place_back() {
    let world = world();
    let taken = take_all(&world);
    put(&world.ledger, &[]);
    put(&world.ledger, &eight());
    assert_eq!(free(&world), [8, 8]);
    let newer = take_all(&world);
    for request in taken {
        world.end(request, End::Lost);
    }
    assert_eq!(free(&world), [0, 0]);
    for request in newer {
        world.end(request, End::Lost);
    }
    assert_eq!(free(&world), [8, 8]);
}

#[test]
fn a_limit_that_is_changed_keeps_what_is_under_way_and_takes_nobodys_place() {
    let world = world();
    let taken = take_all(&world);
    let of = |number| [places("all", number, &[]), places("own", number, &["client", "model"])];
    put(&world.ledger, &of(2));
    assert_eq!(free(&world), [0, 0]);
    for (n, request) in taken.iter().enumerate() {
        world.end(*request, End::Lost);
        let left = u64::try_from(n).unwrap().saturating_sub(5).min(2);
        assert_eq!(free(&world), [left, left]);
    }
    world.admit(None);
    put(&world.ledger, &of(16));
    assert_eq!(free(&world), [15, 15]);
    // While it is off it counts nobody, and who was counted ends.
    let off = of(16).map(|spec| Spec { mode: Mode::Off, ..spec });
    let held = world.admit(None);
    put(&world.ledger, &off);
    world.admit(None);
    world.end(held, End::Lost);
    put(&world.ledger, &of(16));
    assert_eq!(free(&world), [15, 15]);
}

#[test]
fn a_number_on_trial_that_goes_and_comes_back_still_counts_who_is_under_way() {
    let world = world();
    let on_trial = |trial| [Spec { trial, ..places("all", 8, &[]) }];
    put(&world.ledger, &on_trial(Some(1)));
    let first = world.admit(None);
    put(&world.ledger, &on_trial(None));
    put(&world.ledger, &on_trial(Some(1)));
    let would_refuse = || world.ledger.limit_snapshots()[0].refused_on_trial;
    let second = world.admit(None);
    assert_eq!(would_refuse(), 1);
    for request in [second, first] {
        world.end(request, End::Lost);
    }
    world.admit(None);
    assert_eq!(would_refuse(), 1);
    world.admit(None);
    assert_eq!(would_refuse(), 2);
}

#[test]
fn places_of_a_model_that_is_deleted_are_nobodys() {
    let world = world();
    let alpha = RAW_MODELS[1];
    let ask = |id| {
        let kind = RequestKind::Generates;
        let ask = Ask { id, client: "client", estimate: None, kind, model: alpha };
        world.ask_by(&world.worker, ask)
    };
    let by_model = [places("shared", 2, &["model"]), places("own", 2, &["client", "model"])];
    put(&world.ledger, &by_model);
    assert!(matches!(ask(1), Answer::Admitted { .. }));
    assert!(matches!(ask(2), Answer::Admitted { .. }));
    assert!(matches!(ask(3), Answer::Refused { .. }));
    let limits = || by_model.iter().map(Spec::to_limit).collect();
    world.ledger.put_rules(limits(), Models::default());
    assert!(matches!(ask(4), Answer::Admitted { .. }), "it is for no model that has a name");
    world.ledger.put_rules(limits(), models([true; 3]));
    let end = |id| {
        let ended = world.ledger.end(&world.worker, vec![(id, End::Lost)]).now_or_never();
        assert_eq!(ended.unwrap().len(), 1);
    };
    // It is another model of that name, and what ends is of the one before it.
    assert!(matches!(ask(5), Answer::Admitted { .. }));
    end(1);
    end(2);
    assert!(matches!(ask(6), Answer::Admitted { .. }));
    assert!(matches!(ask(7), Answer::Refused { .. }));
    [4, 5, 6].into_iter().for_each(end);
    assert_eq!(free(&world), [2, 2]);
}

#[test]
fn a_group_that_everybody_leaves_keeps_the_places_of_who_is_under_way() {
    let world = world();
    let of = |group| Who { group, ..Who::default() }.to_config("client");
    put(&world.ledger, &[places("group", 2, &["group"])]);
    world.ledger.configure(&of(Some("a")));
    let taken = [world.admit(None), world.admit(None)];
    for _ in 0..3 {
        world.ledger.configure(&of(Some("b")));
        put(&world.ledger, &[places("group", 2, &["group"])]);
        world.ledger.configure(&of(Some("a")));
        assert!(matches!(world.decide("client", None), Answer::Refused { .. }));
    }
    for request in taken {
        world.end(request, End::Lost);
    }
    assert_eq!(free(&world), [2]);
}

#[test]
fn all_who_are_not_configured_have_the_places_of_one_client() {
    for unknown_clients in [UnknownClients::Allow, UnknownClients::DEFAULT] {
        let mut policy = denying_unknown_clients();
        policy.unknown_clients = unknown_clients;
        let world = World::new(policy);
        put(&world.ledger, &[Spec { client: Some("unknown"), ..places("few", 2, &["client"]) }]);
        let admit = |client| world.admitted(&world.decide(client, tokens(1)));
        let taken = [admit("a"), admit("b")];
        assert!(matches!(world.decide("c", tokens(1)), Answer::Refused { .. }));
        for request in taken {
            world.end(request, End::Canceled);
        }
        let UnknownSnapshot::Shared(unknown) = world.ledger.unknown_snapshot() else {
            panic!("they are denied")
        };
        assert_eq!(unknown.limits[0].left.remaining, 2);
    }
}

/// As many of a worker's requests are followed.
const HELD_MAX: u32 = 100_000;

#[test]
fn a_request_whose_end_nobody_will_tell_gets_no_place() {
    let world = World::of(&[config("client", None, None)]);
    let ask = |id| Ask {
        id,
        client: "client",
        estimate: tokens(1),
        kind: RequestKind::Generates,
        model: None,
    };
    for id in 0..HELD_MAX {
        let answer = world.ask_by(&world.worker, ask(id));
        assert!(matches!(answer, Answer::Admitted { is_followed: true, .. }), "{id}");
    }
    let many = || Spec { trial: Some(1), ..places("many", 1_000_000, &[]) };
    let window = Spec { kind: Kind::Tokens, amount: 1_000, burst: 1_000, ..places("rate", 1, &[]) };
    put(&world.ledger, &[many(), window.clone()]);
    let left = || {
        let limits = world.ledger.limit_snapshots();
        limits.iter().map(|limit| limit.remaining.unwrap()).collect::<Vec<_>>()
    };

    let Answer::Refused { refusal, tightest, .. } = world.ask_by(&world.worker, ask(HELD_MAX))
    else {
        panic!("it would keep its place")
    };
    let Some(LimitKey::Named(named)) = Some(refusal.limit) else { panic!("it has no own limit") };
    assert_eq!((named.as_str(), refusal.wait), ("many", Wait::Millis(1_000)));
    assert_eq!(tightest.tokens.map(|left| left.balance.remaining()), Some(1_000));
    assert_eq!(left(), [1_000_000, 1_000], "it costs nothing anywhere");
    let snapshot = world.snapshot("client");
    assert_eq!((snapshot.record.limit_dropped, snapshot.limits[0].refused), (1, 1));
    assert_eq!(world.ledger.limit_snapshots()[0].refused, 1);

    world.worker.set_in_shadow(true);
    let answer = world.ask_by(&world.worker, ask(HELD_MAX + 1));
    assert!(matches!(answer, Answer::Refused { .. }));
    let snapshot = world.snapshot("client");
    assert_eq!((snapshot.record.limit_dropped, snapshot.record.refused_in_shadow.limit), (1, 1));
    assert_eq!(world.ledger.limit_snapshots()[0].refused_in_shadow, 1);
    world.worker.set_in_shadow(false);

    // Where nothing refuses for places it passes, and has none.
    put(&world.ledger, &[Spec { mode: Mode::Shadow, ..many() }, window]);
    let answer = world.ask_by(&world.worker, ask(HELD_MAX + 2));
    assert!(matches!(answer, Answer::Admitted { is_followed: false, .. }));
    assert_eq!(left(), [1_000_000, 999], "its tokens stand");

    let one = world.ledger.end(&world.worker, vec![(0, End::Lost)]).now_or_never();
    assert_eq!(one.unwrap().len(), 1);
    put(&world.ledger, &[many()]);
    let answer = world.ask_by(&world.worker, ask(HELD_MAX + 3));
    assert!(matches!(answer, Answer::Admitted { is_followed: true, .. }));
    assert_eq!(left(), [999_999]);
    assert_eq!(world.ledger.join(WorkerId(0)).held(), HELD_MAX as usize);
}

#[test]
fn tokens_of_a_refused_request_are_where_they_were_in_every_other_limit() {
    let rates = |name: &str, amount, each: &[&'static str]| Spec {
        kind: Kind::Tokens,
        amount,
        burst: amount,
        per_s: 3_600,
        ..places(name, 1, each)
    };
    let world = world();
    let none_left = Spec { kind: Kind::Tokens, ..rates("z", 5, &[]) };
    put(&world.ledger, &[rates("a", 100, &[]), rates("b", 100, &["client"]), none_left]);
    world.admit(tokens(5));
    for _ in 0..100 {
        assert!(matches!(world.decide("client", tokens(5)), Answer::Refused { .. }));
    }
    assert_eq!(free(&world), [95, 95, 0]);
    let Answer::Refused { refusal, .. } = world.decide("client", Tokens::new(6).ok()) else {
        panic!("six of five")
    };
    assert_eq!((refusal.limit.as_str(), refusal.wait), ("z", Wait::Never));
}

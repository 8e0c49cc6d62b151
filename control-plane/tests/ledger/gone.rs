//! What a ledger that begins from its files makes of clients, limits and models that are no more, also
//! where no process could write down that they are not.

use flowguard::{
    clients::ClientConfig,
    ledger::{Ask, End, Ledger, ManualClock, RequestKind, WorkerId},
    limits::{Group, Limit, Models},
    store::state::simulated::MemoryDisk,
};
use futures_util::FutureExt as _;

use super::{
    places::places,
    restart::{begin_under, policy},
    together::spec::{Kind, Spec, models},
    world::{NOW, config, tokens},
};

/// Client "a", of a group, with a hundred requests and tokens of its own.
fn a() -> ClientConfig {
    let hundred = super::world::limit(100);
    let group = Some(Group::try_from("acme").unwrap());
    ClientConfig { group, ..config("a", hundred, hundred) }
}

/// A hundred an hour, and no more than them at once.
fn hundred(kind: Kind, each: &[&'static str]) -> Spec {
    Spec { kind, per_s: 3_600, burst: 100, ..places("limit", 100, each) }
}

/// What is configured while a process lives.
#[derive(Clone)]
struct Configured {
    clients: Vec<ClientConfig>,
    limits: Vec<Limit>,
    models: Models,
}

/// A process that does something, and is killed.
fn lives<T>(disk: &MemoryDisk, with: &Configured, does: impl FnOnce(&Ledger) -> T) -> T {
    let clock = ManualClock::at(NOW);
    let rules = (with.limits.clone(), with.models.clone());
    let (ledger, files) = begin_under(policy(), disk, &with.clients, rules, &clock);
    let done = does(&ledger);
    drop((ledger, files));
    done
}

/// A request of "a" for the model "alpha", which is under way.
fn ask(ledger: &Ledger, id: u32) {
    let (kind, model) = (RequestKind::Generates, Some("alpha"));
    let ask = Ask { id, client: "a", estimate: tokens(40), kind, model };
    let _ = ledger.decide(&ledger.join(WorkerId(1)), &[ask]).now_or_never();
}

/// What "a" has left: of its own two limits, and of the one beside them.
fn left(ledger: &Ledger) -> (Option<i64>, Option<i64>, u64) {
    let snapshot = ledger.snapshot("a").unwrap();
    let (requests, tokens) = super::world::left(&snapshot);
    (requests, tokens, snapshot.limits[0].left.remaining)
}

/// Processes without a word, one under each of these, of which the last one has so much left.
fn check(spent: &Configured, killed: &[&Configured], expected: (Option<i64>, Option<i64>, u64)) {
    let disk = MemoryDisk::new();
    lives(&disk, spent, |ledger| ask(ledger, 1));
    let ends = |ledger: &Ledger| {
        let found = left(ledger);
        // What the request holds is of what is no more, too.
        let end = vec![(1, End::Canceled)];
        let _ = ledger.end(&ledger.join(WorkerId(1)), end).now_or_never();
        (found, left(ledger))
    };
    let (last, before) = killed.split_last().unwrap();
    for configured in before {
        lives(&disk, configured, |_| ());
    }
    let (found, at_the_end) = lives(&disk, last, ends);
    assert_eq!(found, expected);
    assert_eq!(at_the_end.2, 100);
}

#[test]
fn a_client_that_was_deleted_and_created_again_by_writes_that_killed_the_process_begins_anew() {
    let each = hundred(Kind::Tokens, &["client"]).to_limit();
    let with = Configured { clients: vec![a()], limits: vec![each], models: models([true; 3]) };
    let without = Configured { clients: Vec::new(), ..with.clone() };
    check(&with, &[&with], (Some(99), Some(60), 60));
    check(&with, &[&without, &with], (Some(100), Some(100), 100));
}

#[test]
fn a_limit_or_model_that_was_so_begins_anew_too() {
    for each in [&["client"][..], &["client", "model"], &["group"], &["model"], &[]] {
        let limit = hundred(Kind::Tokens, each).to_limit();
        let with =
            Configured { clients: vec![a()], limits: vec![limit], models: models([true; 3]) };
        let without = Configured { limits: Vec::new(), ..with.clone() };
        check(&with, &[&without, &with], (Some(99), Some(60), 100));
        let without = Configured { models: models([false; 3]), ..with.clone() };
        let expected = if each.contains(&"model") { 100 } else { 60 };
        check(&with, &[&without, &with], (Some(99), Some(60), expected));
    }
}

#[test]
fn a_limit_that_counts_something_else_begins_anew_where_the_write_killed_the_process() {
    for each in [&["client"][..], &["group"], &[]] {
        let of = |kind, each| Configured {
            clients: vec![a()],
            limits: vec![hundred(kind, each).to_limit()],
            models: models([true; 3]),
        };
        let (by_tokens, by_requests) = (of(Kind::Tokens, each), of(Kind::Requests, each));
        let places = of(Kind::Concurrent, each);
        let untouched = (Some(99), Some(60), 100);
        check(&by_tokens, &[&by_requests], untouched);
        check(&by_requests, &[&by_tokens], untouched);
        check(&by_requests, &[&places], untouched);
        check(&places, &[&by_tokens], untouched);
        // And so it does when it counts the same again.
        check(&by_tokens, &[&by_requests, &by_tokens], untouched);
        check(&places, &[&by_tokens, &places], untouched);
    }
    let of = |each| Configured {
        clients: vec![a()],
        limits: vec![hundred(Kind::Tokens, each).to_limit()],
        models: models([true; 3]),
    };
    let (of_client, of_both) = (of(&["client"]), of(&["client", "group"]));
    check(&of_client, &[&of_both], (Some(99), Some(60), 100));
}

#[test]
fn requests_of_a_deleted_client_have_their_places_after_a_restart_too() {
    let shared = || places("limit", 100, &[]).to_limit();
    let with = |id: &str| Configured {
        clients: vec![config(id, None, None)],
        limits: vec![shared()],
        models: models([true; 3]),
    };
    let free = |ledger: &Ledger, id: &str| ledger.snapshot(id).unwrap().limits[0].left.remaining;
    for has_snapshot in [false, true] {
        let disk = MemoryDisk::new();
        lives(&disk, &with("a"), |ledger| {
            ask(ledger, 1);
            ask(ledger, 2);
            ledger.remove("a");
            ledger.commit();
        });
        let clock = ManualClock::at(NOW);
        let begin = || {
            let Configured { clients, limits, models } = with("b");
            begin_under(policy(), &disk, &clients, (limits, models), &clock)
        };
        let (ledger, files) = begin();
        assert_eq!(free(&ledger, "b"), 98);
        if has_snapshot {
            files.snapshot(|| ledger.now(), |snapshot| ledger.write_all(snapshot)).unwrap();
        }
        drop((ledger, files));
        let (ledger, _files) = begin();
        assert_eq!((free(&ledger, "b"), ledger.held()), (98, 2), "snapshot: {has_snapshot}");
        // Its successor has nothing of it.
        ledger.configure(&a());
        let end = vec![(1, End::Canceled), (2, End::Lost)];
        let _ = ledger.end(&ledger.join(WorkerId(1)), end).now_or_never();
        assert_eq!((free(&ledger, "b"), ledger.held()), (100, 0));
        assert_eq!(left(&ledger), (Some(100), Some(100), 100));
    }
}

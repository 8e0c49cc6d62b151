//! What a ledger that begins from its files has, and what time and changes in between make of it.

use std::sync::Arc;

use flowguard::{
    clients::ClientConfig,
    ledger::{Ask, End, Ledger, ManualClock, Policy, RequestKind, UnknownClients, WorkerId},
    limits::{Group, Limit, Models},
    store::state::{StateFiles, simulated::MemoryDisk},
};
use futures_util::FutureExt as _;
use limiter::{ClientId, Tokens, UnixMillis};

use super::{
    places::places,
    together::spec::{Kind, Mode, Spec, models},
    world::{NOW, config, later, limit, tokens},
};

pub(crate) fn policy() -> Policy {
    let unknown_clients = UnknownClients::Shared { rpm: limit(20), tpm: limit(300) };
    Policy { unknown_clients, ..Policy::default() }
}

/// The process that comes next: its ledger, and its files.
pub(crate) fn begin(
    policy: Policy,
    disk: &MemoryDisk,
    configs: &[ClientConfig],
    clock: &ManualClock,
) -> (Ledger, Arc<StateFiles>) {
    begin_under(policy, disk, configs, (Vec::new(), Models::default()), clock)
}

/// The same, where limits and models are configured too.
pub(crate) fn begin_under(
    policy: Policy,
    disk: &MemoryDisk,
    configs: &[ClientConfig],
    (limits, models): (Vec<Limit>, Models),
    clock: &ManualClock,
) -> (Ledger, Arc<StateFiles>) {
    let ledger = Ledger::new(policy, clock.clone());
    ledger.put_rules(limits, models);
    for config in configs {
        ledger.configure(config);
    }
    let disk = Arc::new(disk.clone());
    let (files, found) = StateFiles::open(disk, |record| ledger.restore(&record)).unwrap();
    assert_eq!(found.cut_off, None, "a kill loses nothing");
    let files = Arc::new(files);
    ledger.go_on(found.last, Arc::clone(&files));
    (ledger, files)
}

/// A ledger whose one client, "a", has spent all it had.
fn spent(disk: &MemoryDisk, clock: &ManualClock) -> (Ledger, Arc<StateFiles>) {
    let (ledger, files) = begin(policy(), disk, &[config("a", limit(60), None)], clock);
    let worker = ledger.join(WorkerId(1));
    for id in 0..60 {
        let kind = RequestKind::Generates;
        let ask = Ask { id, client: "a", estimate: None, kind, model: None };
        let _ = ledger.decide(&worker, &[ask]).now_or_never();
        let _ = ledger.end(&worker, vec![(id, End::Lost)]).now_or_never();
    }
    ledger.commit();
    (ledger, files)
}

#[test]
fn the_time_between_two_processes_refills_one_window_at_most_and_a_clock_that_went_back_nothing() {
    for (ms, expected) in [(0, 0), (10_000, 10), (59_999, 59), (3_600_000, 60)] {
        let (disk, clock) = (MemoryDisk::new(), ManualClock::at(NOW));
        drop(spent(&disk, &clock));
        clock.set(later(ms));
        let (ledger, _files) = begin(policy(), &disk, &[config("a", limit(60), None)], &clock);
        assert_eq!(requests(&ledger), expected, "{ms} ms later");
    }
    let (disk, clock) = (MemoryDisk::new(), ManualClock::at(NOW));
    drop(spent(&disk, &clock));
    clock.set(UnixMillis(NOW.0 - 86_400_000));
    let (ledger, _files) = begin(policy(), &disk, &[config("a", limit(60), None)], &clock);
    assert_eq!(requests(&ledger), 0);
    clock.set(UnixMillis(NOW.0 - 86_400_000 + 5_000));
    assert_eq!(requests(&ledger), 5, "it goes on by the clock that there is");
}

#[test]
fn limits_that_changed_while_nobody_served_are_in_force_and_what_was_spent_stays_spent() {
    let (disk, clock) = (MemoryDisk::new(), ManualClock::at(NOW));
    drop(spent(&disk, &clock));
    clock.set(later(30_000));
    let (ledger, _files) = begin(policy(), &disk, &[config("a", limit(600), limit(7))], &clock);
    assert_eq!(requests(&ledger), 300, "half of it is there, as before");
}

#[test]
fn what_was_learned_is_there_after_a_stop() {
    let (disk, clock) = (MemoryDisk::new(), ManualClock::at(NOW));
    let mut learning = policy();
    learning.estimate.source = flowguard::ledger::EstimateSource::Learned;
    let begin = || begin(learning, &disk, &[config("a", None, limit(1_000))], &clock);
    let (ledger, files) = begin();
    let worker = ledger.join(WorkerId(1));
    for id in 1..=10 {
        let ask =
            Ask { id, client: "a", estimate: None, kind: RequestKind::Generates, model: None };
        let _ = ledger.decide(&worker, &[ask]).now_or_never();
        let response = super::world::response(tokens(id.into()));
        let _ = ledger.end(&worker, vec![(id, End::Settled(response))]).now_or_never();
    }
    files.snapshot(|| ledger.now(), |snapshot| ledger.write_all(snapshot)).unwrap();
    drop((ledger, files));
    let (ledger, _files) = begin();
    let learned = ledger.snapshot("a").unwrap().record.learned_estimate;
    assert_eq!(learned.map(Tokens::get), Some(9));
}

#[test]
fn what_open_requests_hold_waits_for_their_worker_from_the_new_start_on() {
    let (disk, clock) = (MemoryDisk::new(), ManualClock::at(NOW));
    let configs = [config("a", limit(60), limit(100))];
    let (ledger, files) = begin(policy(), &disk, &configs, &clock);
    let ask = Ask {
        id: 1,
        client: "a",
        estimate: tokens(100),
        kind: RequestKind::Generates,
        model: None,
    };
    let _ = ledger.decide(&ledger.join(WorkerId(1)), &[ask]).now_or_never();
    drop((ledger, files));
    clock.set(later(600_000));
    let (ledger, _files) = begin(policy(), &disk, &configs, &clock);
    let give_up = || ledger.give_up_on_absent_workers().now_or_never().unwrap().len();
    clock.set(later(659_999));
    assert_eq!((ledger.held(), give_up()), (1, 0));
    clock.set(later(660_000));
    assert_eq!((give_up(), ledger.held()), (1, 0));
}

#[test]
fn what_a_deleted_client_left_is_not_its_successors_whenever_the_process_died() {
    for killed_before_the_successor in [false, true] {
        let (disk, clock) = (MemoryDisk::new(), ManualClock::at(NOW));
        let (mut ledger, mut files) = spent(&disk, &clock);
        ledger.remove("a");
        ledger.commit();
        if killed_before_the_successor {
            drop((ledger, files));
            (ledger, files) = begin(policy(), &disk, &[], &clock);
        }
        let successor = config("a", limit(60), None);
        ledger.configure(&successor);
        ledger.commit();
        drop((ledger, files));
        let (ledger, _files) = begin(policy(), &disk, &[successor], &clock);
        assert_eq!(requests(&ledger), 60, "killed before: {killed_before_the_successor}");
        assert_eq!(ledger.held(), 0);
    }
}

#[test]
fn a_client_that_was_deleted_while_nothing_could_be_written_down_leaves_its_successor_nothing() {
    let (disk, clock) = (MemoryDisk::new(), ManualClock::at(NOW));
    drop(spent(&disk, &clock));
    // It is in the files, and configured no more.
    let (ledger, files) = begin(policy(), &disk, &[], &clock);
    let successor = config("a", limit(60), None);
    ledger.configure(&successor);
    ledger.commit();
    drop((ledger, files));
    let (ledger, _files) = begin(policy(), &disk, &[successor], &clock);
    assert_eq!(requests(&ledger), 60);
}

fn requests(ledger: &Ledger) -> i64 {
    let id = ClientId::try_from("a").unwrap();
    ledger.snapshot(id.as_str()).unwrap().standing.requests.unwrap().whole()
}

#[test]
fn the_time_between_two_processes_is_paid_once_however_often_the_process_starts() {
    let (disk, clock) = (MemoryDisk::new(), ManualClock::at(NOW));
    let configs = [config("a", None, limit(60)), config("b", limit(60), None)];
    let (ledger, files) = begin(policy(), &disk, &configs, &clock);
    let worker = ledger.join(WorkerId(1));
    let decide = |ledger: &Ledger, client| {
        let ask =
            Ask { id: 1, client, estimate: tokens(0), kind: RequestKind::Generates, model: None };
        let _ = ledger.decide(&worker, &[ask]).now_or_never();
        let response = super::world::response(tokens(360));
        let _ = ledger.end(&worker, vec![(1, End::Settled(response))]).now_or_never();
        ledger.commit();
    };
    // Five minutes of debt, and an hour in which nobody serves.
    decide(&ledger, "a");
    drop((ledger, files));
    clock.set(later(3_600_000));
    let (ledger, files) = begin(policy(), &disk, &configs, &clock);
    assert_eq!(owed(&ledger), -240);
    // Others are served, and the process is killed again.
    decide(&ledger, "b");
    drop((ledger, files));
    let (ledger, _files) = begin(policy(), &disk, &configs, &clock);
    assert_eq!(owed(&ledger), -240);
}

fn owed(ledger: &Ledger) -> i64 {
    ledger.snapshot("a").unwrap().standing.tokens.unwrap().whole()
}

#[test]
fn a_model_that_was_deleted_and_created_again_begins_anew_after_a_kill_too() {
    let spec = |name: &str, each| Spec { each, ..tokens_of_each_model(name) };
    let limits = [spec("own", vec!["client", "model"]), spec("shared", vec!["model"])];
    let limits = || limits.iter().map(Spec::to_limit).collect::<Vec<_>>();
    let (disk, clock) = (MemoryDisk::new(), ManualClock::at(NOW));
    let configs = [config("a", None, None)];
    let rules = || (limits(), models([true; 3]));
    let (ledger, files) = begin_under(policy(), &disk, &configs, rules(), &clock);
    let (kind, model) = (RequestKind::Generates, Some("alpha"));
    let ask = Ask { id: 1, client: "a", estimate: tokens(60), kind, model };
    let _ = ledger.decide(&ledger.join(WorkerId(1)), &[ask]).now_or_never();
    let left = |ledger: &Ledger| {
        let limits = ledger.snapshot("a").unwrap().limits.into_iter();
        limits.map(|limit| limit.left.remaining).collect::<Vec<_>>()
    };
    assert_eq!(left(&ledger), [40, 40]);
    ledger.put_rules(limits(), models([false, true, true]));
    ledger.put_rules(limits(), models([true; 3]));
    ledger.commit();
    drop((ledger, files));
    let (ledger, _files) = begin_under(policy(), &disk, &configs, rules(), &clock);
    assert_eq!((left(&ledger), ledger.held()), (vec![100, 100], 1));
    let end = vec![(1, End::Canceled)];
    let _ = ledger.end(&ledger.join(WorkerId(1)), end).now_or_never();
    assert_eq!(left(&ledger), [100, 100]);
}

/// A hundred tokens a day.
fn tokens_of_each_model(name: &str) -> Spec {
    Spec {
        name: name.to_owned(),
        client: None,
        group: None,
        plan: None,
        model: None,
        each: Vec::new(),
        kind: Kind::Tokens,
        amount: 100,
        per_s: 86_400,
        burst: 100,
        mode: Mode::Enforce,
        trial: None,
    }
}

#[test]
fn what_a_group_shared_that_everybody_left_is_not_read_back_for_who_comes_after() {
    let (disk, clock) = (MemoryDisk::new(), ManualClock::at(NOW));
    let mut shared = places("team", 5, &["group"]);
    (shared.kind, shared.per_s, shared.burst) = (Kind::Requests, 3_600, 5);
    let rules = || (vec![shared.to_limit()], Models::default());
    let of_group = |id| ClientConfig {
        group: Some(Group::try_from("acme").unwrap()),
        ..config(id, None, None)
    };
    let left = |ledger: &Ledger, id| ledger.snapshot(id).unwrap().limits[0].left.remaining;
    let ask = |ledger: &Ledger, id, client| {
        let worker = ledger.join(WorkerId(1));
        let kind = RequestKind::Generates;
        let ask = Ask { id, client, estimate: tokens(0), kind, model: None };
        let _ = ledger.decide(&worker, &[ask]).now_or_never();
    };
    let (ledger, files) = begin_under(policy(), &disk, &[of_group("a")], rules(), &clock);
    ask(&ledger, 1, "a");
    ask(&ledger, 2, "a");
    assert_eq!(left(&ledger, "a"), 3);
    ledger.remove("a");
    let (limits, models) = rules();
    ledger.put_rules(limits, models);
    ledger.configure(&of_group("b"));
    assert_eq!(left(&ledger, "b"), 5);
    ask(&ledger, 3, "b");
    ledger.commit();
    drop((ledger, files));

    let configs = [of_group("a"), of_group("b")];
    let (ledger, _files) = begin_under(policy(), &disk, &configs, rules(), &clock);
    assert_eq!(left(&ledger, "b"), 4);
    // What the first ones' requests hold is of the bucket that is no more.
    let worker = ledger.join(WorkerId(1));
    let _ = ledger.end(&worker, vec![(1, End::Canceled), (2, End::Canceled)]).now_or_never();
    assert_eq!(left(&ledger, "b"), 4);
    let _ = ledger.end(&worker, vec![(3, End::Canceled)]).now_or_never();
    assert_eq!(left(&ledger, "b"), 5);
}

//! When those who are refused are told to come back, under `RETRY_AFTER=exact` and `spread`.

use flowguard::{
    clients::{ClientConfig, Limits},
    ledger::{
        Answer, Ask, End, Ledger, ManualClock, Policy, RequestKind, RetryAfter, UnknownClients,
        WorkerId,
    },
    store::state::simulated::MemoryDisk,
};
use futures_util::FutureExt as _;
use limiter::{LINE_MS_MAX, Wait};
use proptest::{collection::vec, option, prelude::*};

use super::{
    restart::begin,
    world::{NOW, World, config, denying_unknown_clients, later, limit, response, tokens},
};

fn telling(retry_after: RetryAfter) -> World {
    World::new(Policy { retry_after, ..denying_unknown_clients() })
}

fn spreading(config: &ClientConfig) -> World {
    let world = telling(RetryAfter::Spread);
    world.ledger.configure(config);
    world
}

/// What a client that is refused is told.
fn told(world: &World, client: &str, estimate: u64) -> Wait {
    match world.decide(client, tokens(estimate)) {
        Answer::Refused { refusal, .. } => refusal.wait,
        other => panic!("not refused: {other:?}"),
    }
}

fn spend(world: &World, requests: u64) {
    for _ in 0..requests {
        world.end(world.admit(tokens(0)), End::Lost);
    }
}

#[test]
fn twenty_who_wait_are_told_a_moment_each_and_each_of_them_passes_at_it() {
    let world = spreading(&config("client", limit(60), None));
    spend(&world, 60);
    for place in 1..=20 {
        assert_eq!(told(&world, "client", 0), Wait::Millis(place * 1_000));
    }
    for place in 1..=20 {
        let moment = later(place * 1_000);
        assert!(matches!(world.at(moment).decide("client", None), Answer::Admitted { .. }));
        assert!(matches!(world.decide("client", None), Answer::Refused { .. }), "{place}");
    }
}

#[test]
fn without_the_setting_all_who_wait_are_told_the_same_moment() {
    let world = World::of(&[config("client", limit(60), None)]);
    spend(&world, 60);
    for _ in 0..20 {
        assert_eq!(told(&world, "client", 0), Wait::Millis(1_000));
    }
}

#[test]
fn who_does_not_keep_to_what_he_is_told_passes_when_the_bucket_covers_him() {
    let world = spreading(&config("client", limit(60), None));
    spend(&world, 60);
    for _ in 0..20 {
        told(&world, "client", 0);
    }
    assert!(matches!(world.at(later(1_000)).decide("client", None), Answer::Admitted { .. }));
}

#[test]
fn a_request_that_never_fits_is_told_so_and_takes_no_place() {
    let world = spreading(&config("client", limit(60), limit(500)));
    spend(&world, 60);
    assert_eq!(told(&world, "client", 501), Wait::Never);
    assert_eq!(told(&world, "client", 0), Wait::Millis(1_000));
}

#[test]
fn clients_that_are_not_configured_share_a_bucket_and_are_told_the_exact_time() {
    let shared = UnknownClients::Shared { rpm: limit(60), tpm: limit(1_000) };
    let retry_after = RetryAfter::Spread;
    let world = World::new(Policy { unknown_clients: shared, retry_after, ..Policy::default() });
    for _ in 0..60 {
        assert!(matches!(world.decide("nobody", tokens(0)), Answer::Admitted { .. }));
    }
    for client in ["nobody", "somebody", "nobody"] {
        assert_eq!(told(&world, client, 0), Wait::Millis(1_000));
    }
}

#[test]
fn what_a_request_gives_back_is_there_for_those_who_are_told_next() {
    let world = spreading(&config("client", None, limit(6_000)));
    let request = world.admit(tokens(6_000));
    assert_eq!(told(&world, "client", 1_000), Wait::Millis(10_000));
    world.settle(request, response(tokens(5_500)));
    assert_eq!(told(&world, "client", 1_000), Wait::Millis(15_000), "instead of 20 s");
}

#[test]
fn a_reset_and_another_limit_leave_no_line() {
    let world = spreading(&config("client", limit(60), None));
    let wait_long = || {
        spend(&world, 60);
        for _ in 0..30 {
            told(&world, "client", 0);
        }
    };
    wait_long();
    world.ledger.configure(&config("client", limit(60), None));
    assert_eq!(told(&world, "client", 0), Wait::Millis(31_000), "the same limit changes nothing");
    world.ledger.configure(&config("client", limit(120), None));
    assert_eq!(told(&world, "client", 0), Wait::Millis(500));
    world.ledger.configure(&config("client", limit(60), None));
    world.ledger.reset("client");
    wait_long();
    world.ledger.reset("client");
    spend(&world, 60);
    assert_eq!(told(&world, "client", 0), Wait::Millis(1_000));
}

#[test]
fn the_process_that_comes_next_begins_without_a_line() {
    let (disk, clock) = (MemoryDisk::new(), ManualClock::at(NOW));
    let policy = Policy { retry_after: RetryAfter::Spread, ..denying_unknown_clients() };
    let begin = || begin(policy, &disk, &[config("client", limit(2), None)], &clock);
    let ask = |ledger: &Ledger, id| {
        let worker = ledger.join(WorkerId(1));
        let ask =
            Ask { id, client: "client", estimate: None, kind: RequestKind::Generates, model: None };
        let answers = ledger.decide(&worker, &[ask]).now_or_never();
        match answers.expect("local balances are ready at once").remove(0) {
            Answer::Refused { refusal, .. } => Some(refusal.wait),
            _ => None,
        }
    };
    let (ledger, files) = begin();
    let told = [1, 2, 3, 4].map(|id| ask(&ledger, id));
    assert_eq!(told[2..], [Some(Wait::Millis(30_000)), Some(Wait::Millis(60_000))]);
    drop((ledger, files));
    let (ledger, _files) = begin();
    assert_eq!(ask(&ledger, 5), Some(Wait::Millis(30_000)));
}

/// What happens to two ledgers that differ in what they tell alone.
#[derive(Clone, Debug)]
enum Step {
    Ask(u64),
    End(End),
    Configure(Limits),
    Reset,
}

fn step() -> impl Strategy<Value = Step> {
    let limits = (option::of(1..40_u64), option::of(1..2_000_u64));
    let end = prop_oneof![
        4 => (0..400_u64).prop_map(|used| End::Settled(response(tokens(used)))),
        1 => Just(End::Canceled),
    ];
    prop_oneof![
        20 => (0..300_u64).prop_map(Step::Ask),
        6 => end.prop_map(Step::End),
        1 => limits.prop_map(|(rpm, tpm)| {
            Step::Configure(Limits { rpm: rpm.map(limit), tpm: tpm.map(limit) })
        }),
        1 => Just(Step::Reset),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn what_is_told_changes_no_decision_and_no_balance(
        steps in vec((prop_oneof![3 => 0..400_u64, 1 => 0..20_000_u64], step()), 1..120),
    ) {
        let worlds = [RetryAfter::Exact, RetryAfter::Spread].map(telling);
        for world in &worlds {
            world.ledger.configure(&config("client", limit(20), limit(1_000)));
        }
        let (mut open, mut now) = (Vec::new(), 0);
        for (pause_ms, step) in steps {
            now += pause_ms;
            let [exact, spread] = [0, 1].map(|index| worlds[index].at(later(now)));
            match step {
                Step::Ask(estimate) => {
                    let [exactly, told] =
                        [exact, spread].map(|world| world.decide("client", tokens(estimate)));
                    check_same_but_for_the_wait(&exactly, &told)?;
                    if let Answer::Admitted { .. } = told {
                        open.push(exact.admitted(&exactly));
                    }
                }
                Step::End(end) if !open.is_empty() => {
                    let request = open.remove(0);
                    for world in [exact, spread] {
                        world.end(request, end);
                    }
                }
                Step::End(_) => {}
                Step::Configure(limits) => {
                    let config = ClientConfig { limits, ..config("client", None, None) };
                    for world in [exact, spread] {
                        world.ledger.configure(&config);
                    }
                }
                Step::Reset => {
                    for world in [exact, spread] {
                        world.ledger.reset("client");
                    }
                }
            }
            let [exactly, told] = [exact, spread].map(|world| world.snapshot("client").standing);
            prop_assert_eq!(exactly, told);
        }
    }
}

fn check_same_but_for_the_wait(exactly: &Answer, told: &Answer) -> Result<(), TestCaseError> {
    let (Answer::Refused { refusal, .. }, Answer::Refused { refusal: other, .. }) = (exactly, told)
    else {
        prop_assert_eq!(exactly, told);
        return Ok(());
    };
    prop_assert_eq!(&refusal.limit, &other.limit);
    prop_assert!(other.wait >= refusal.wait, "{:?} before {:?}", other.wait, refusal.wait);
    let is_within_a_minute = other.wait <= Wait::Millis(LINE_MS_MAX);
    prop_assert!(is_within_a_minute || other.wait == refusal.wait, "{:?}", other.wait);
    Ok(())
}

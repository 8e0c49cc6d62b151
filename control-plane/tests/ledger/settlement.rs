//! What a request is charged in the end, by how its response ended and what it told.

use flowguard::{
    ledger::{Answer, Ask, End, Held, Ledger, Outcome, Policy, RequestKind},
    settings::{
        AbortCharge, ChargePolicy, FallbackCharge, ReadCharge, UnknownClients, WithoutUsageCharge,
    },
};
use limiter::{Tokens, Units};

use super::{NOW, admitted, config, ended, ledger, limit, snapshot, tokens};

const RESERVED: u64 = 100;

const ALL_OUTCOMES: [Outcome; 5] = [
    Outcome::Completed,
    Outcome::Aborted,
    Outcome::UpstreamRefused,
    Outcome::UpstreamFailed,
    Outcome::TimedOut,
];

/// Of a client with 10 requests and 1,000 tokens a minute.
struct World {
    ledger: Ledger,
}

impl World {
    fn new(charge: ChargePolicy) -> Self {
        let policy = Policy { charge, ..UnknownClients::Deny.into() };
        let ledger = Ledger::new(policy, NOW);
        ledger.configure(&config("client", limit(10), limit(1_000)), NOW);
        Self { ledger }
    }

    fn admit(&self, kind: RequestKind) -> Held {
        let ask = Ask { estimate: tokens(RESERVED), kind };
        match self.ledger.decide("client", ask, NOW) {
            Answer::Admitted { held, .. } => held,
            other => panic!("not admitted: {other:?}"),
        }
    }

    fn check(self, what: &str, requests_left: u64, used: i64) {
        let left = snapshot(&self.ledger, "client");
        assert_eq!(left.requests_left.unwrap().whole(), requests_left, "{what}");
        assert_eq!(left.tokens_left, Some(Units((1_000 - used) * Units::ONE.0)), "{what}");
        assert_eq!(left.tokens_used.cast_signed(), used, "{what}");
        assert_eq!(RESERVED + left.tokens_owed - left.tokens_refunded, left.tokens_used, "{what}");
    }
}

/// What a request that reserved 100 tokens costs, and how many of 10 requests are left.
fn check(kind: RequestKind, end: End, charge: ChargePolicy, requests_left: u64, used: u64) {
    let world = World::new(charge);
    let held = world.admit(kind);
    world.ledger.settle(held, &end, NOW);
    world.check(&format!("{kind:?} {end:?} {charge:?}"), requests_left, used.cast_signed());
}

fn check_generated(end: End, charge: ChargePolicy, requests_left: u64, used: u64) {
    check(RequestKind::Generates, end, charge, requests_left, used);
}

fn told(outcome: Outcome, used: u64) -> End {
    End { outcome, told: tokens(used), observed: Tokens::ZERO, duration_us: Some(1) }
}

fn silent(outcome: Outcome) -> End {
    End { outcome, told: None, observed: Tokens::ZERO, duration_us: Some(1) }
}

fn observed(end: End, observed: u64) -> End {
    End { observed: Tokens::new(observed).unwrap(), ..end }
}

#[test]
fn what_a_response_used_is_charged_when_it_is_whole() {
    for outcome in [Outcome::Completed, Outcome::UpstreamRefused, Outcome::UpstreamFailed] {
        for used in [0, 99, 100, 101, 3_000] {
            check_generated(told(outcome, used), ChargePolicy::default(), 9, used);
            // What was seen to pass is a guess, and the upstream knows.
            let end = observed(told(outcome, used), 5_000);
            check_generated(end, ChargePolicy::default(), 9, used);
        }
    }
}

#[test]
fn a_response_that_was_cut_short_costs_the_largest_of_what_is_known_seen_and_reserved() {
    for (used, seen, cost) in [
        (Some(41), 0, 100),
        (Some(41), 300, 300),
        (Some(500), 300, 500),
        (None, 20, 100),
        (None, 300, 300),
    ] {
        let end = End { told: used.and_then(tokens), ..silent(Outcome::Aborted) };
        check_generated(observed(end, seen), ChargePolicy::default(), 9, cost);
    }
}

#[test]
fn what_a_response_that_was_cut_short_costs_is_a_matter_of_policy() {
    let known = ChargePolicy { abort: AbortCharge::Known, ..ChargePolicy::default() };
    let estimate = ChargePolicy { abort: AbortCharge::Estimate, ..ChargePolicy::default() };
    for (used, at_least_the_estimate) in [(0, 100), (99, 100), (100, 100), (101, 101)] {
        let end = observed(told(Outcome::Aborted, used), 700);
        check_generated(end, known, 9, used);
        check_generated(end, estimate, 9, at_least_the_estimate);
    }
    check_generated(silent(Outcome::Aborted), estimate, 9, 100);
    check_generated(silent(Outcome::Aborted), known, 9, 100);
    let without_usage = WithoutUsageCharge::Fixed(FallbackCharge::Request);
    check_generated(silent(Outcome::Aborted), ChargePolicy { without_usage, ..known }, 9, 0);
    // Less than its estimate no response costs that was left, whatever one without usage costs.
    check_generated(silent(Outcome::Aborted), ChargePolicy { without_usage, ..estimate }, 9, 100);
}

#[test]
fn a_stream_that_told_no_usage_costs_what_was_seen_to_pass_or_more() {
    let default = ChargePolicy::default();
    for (seen, cost) in [(0, 100), (99, 100), (101, 101), (900, 900)] {
        check_generated(observed(silent(Outcome::Completed), seen), default, 9, cost);
    }
    let bounded = ChargePolicy { observed_max: Tokens::new(150).unwrap(), ..default };
    check_generated(observed(silent(Outcome::Completed), 900), bounded, 9, 150);
    let off = ChargePolicy { observed_max: Tokens::ZERO, ..default };
    check_generated(observed(silent(Outcome::Completed), 900), off, 9, 100);
}

#[test]
fn an_answer_that_says_no_costs_a_request_and_one_that_came_too_late_its_estimate() {
    let default = ChargePolicy::default();
    check_generated(silent(Outcome::UpstreamRefused), default, 9, 0);
    check_generated(silent(Outcome::UpstreamFailed), default, 9, 0);
    check_generated(silent(Outcome::TimedOut), default, 9, 100);
    check_generated(told(Outcome::TimedOut, 7), default, 9, 100);
    check_generated(told(Outcome::TimedOut, 700), default, 9, 700);
}

#[test]
fn what_is_charged_without_usage_is_a_matter_of_policy_for_each_ending() {
    let default = ChargePolicy { abort: AbortCharge::Known, ..ChargePolicy::default() };
    for (fallback, requests_left, used) in [
        (FallbackCharge::Estimate, 9, 100),
        (FallbackCharge::Request, 9, 0),
        (FallbackCharge::Nothing, 10, 0),
    ] {
        let without_usage =
            ChargePolicy { without_usage: WithoutUsageCharge::Fixed(fallback), ..default };
        check_generated(silent(Outcome::Completed), without_usage, requests_left, used);
        check_generated(silent(Outcome::Aborted), without_usage, requests_left, used);
        check_generated(
            observed(silent(Outcome::Completed), 900),
            without_usage,
            requests_left,
            used,
        );
        check_generated(silent(Outcome::UpstreamFailed), without_usage, 9, 0);
        let upstream_failure = ChargePolicy { upstream_failure: fallback, ..default };
        check_generated(silent(Outcome::UpstreamFailed), upstream_failure, requests_left, used);
        check_generated(silent(Outcome::UpstreamRefused), upstream_failure, 9, 0);
        let upstream_refusal = ChargePolicy { upstream_refusal: fallback, ..default };
        check_generated(silent(Outcome::UpstreamRefused), upstream_refusal, requests_left, used);
        check_generated(silent(Outcome::UpstreamFailed), upstream_refusal, 9, 0);
    }
}

#[test]
fn a_request_that_reads_costs_no_tokens_unless_configured_so() {
    for outcome in [Outcome::Completed, Outcome::Aborted, Outcome::TimedOut] {
        check(RequestKind::Reads, silent(outcome), ChargePolicy::default(), 9, 0);
        let estimate = ChargePolicy { read: ReadCharge::Estimate, ..ChargePolicy::default() };
        check(RequestKind::Reads, silent(outcome), estimate, 9, 100);
    }
}

#[test]
fn a_request_that_counts_costs_no_tokens_unless_its_response_made_some() {
    let default = ChargePolicy::default();
    check(RequestKind::Counts, silent(Outcome::Completed), default, 9, 0);
    check(RequestKind::Counts, silent(Outcome::Aborted), default, 9, 0);
    check(RequestKind::Counts, told(Outcome::Completed, 700), default, 9, 700);
    check(RequestKind::Counts, observed(silent(Outcome::Completed), 700), default, 9, 700);
    check(RequestKind::Counts, observed(silent(Outcome::Aborted), 7), default, 9, 100);
}

#[test]
fn what_a_deleted_client_used_counts_and_is_not_charged_to_the_one_created_after_it() {
    let ledger = ledger(&[config("client", None, limit(500))]);
    let held = admitted(&ledger, tokens(500));
    ledger.remove("client");
    ledger.configure(&config("client", None, limit(500)), NOW);
    ledger.settle(held, &ended(tokens(700)), NOW);
    let after = snapshot(&ledger, "client");
    assert_eq!(after.tokens_left.unwrap().whole(), 500);
    assert_eq!((after.tokens_used, after.tokens_owed), (700, 200));
}

#[test]
fn a_reset_fills_the_buckets_and_requests_under_way_settle_with_the_statistics_alone() {
    let world = World::new(ChargePolicy::default());
    let under_way = [world.admit(RequestKind::Generates), world.admit(RequestKind::Generates)];
    world.ledger.settle(world.admit(RequestKind::Generates), &told(Outcome::Completed, 9_000), NOW);
    let before = snapshot(&world.ledger, "client");
    assert!(before.tokens_left.unwrap() < Units(0));

    let after = world.ledger.reset("client", NOW).unwrap();
    let full = (Some(Units(10 * Units::ONE.0)), Some(Units(1_000 * Units::ONE.0)));
    assert_eq!((after.requests_left, after.tokens_left), full);
    assert_eq!(after.tokens_used, 9_000, "statistics go on");

    let [refunded, canceled] = under_way;
    world.ledger.settle(refunded, &told(Outcome::Completed, 700), NOW);
    canceled.release(NOW);
    let after = snapshot(&world.ledger, "client");
    assert_eq!((after.requests_left, after.tokens_left), full);
    assert_eq!(after.tokens_used, 9_700);
    assert!(world.ledger.reset("nobody", NOW).is_none());
}

#[test]
fn every_ending_is_counted_with_its_duration_when_it_has_one() {
    for outcome in ALL_OUTCOMES {
        for (duration_us, count) in [(Some(7), 1), (None, 0)] {
            let world = World::new(ChargePolicy::default());
            let held = world.admit(RequestKind::Generates);
            world.ledger.settle(held, &End { duration_us, ..silent(outcome) }, NOW);
            assert_eq!(snapshot(&world.ledger, "client").durations.count(), count);
        }
    }
}

//! What a request is charged in the end, by how its response ended and what it told.

use flowguard::ledger::{
    AbortCharge, ChargePolicy, End, FallbackCharge, Outcome, Policy, ReadCharge, RequestKind,
    Response, WithoutUsageCharge,
};
use limiter::Tokens;

use super::world::{World, config, denying_unknown_clients, left, limit, response, tokens};

const RESERVED: u64 = 100;

const ALL_OUTCOMES: [Outcome; 5] = [
    Outcome::Completed,
    Outcome::Aborted,
    Outcome::UpstreamRefused,
    Outcome::UpstreamFailed,
    Outcome::TimedOut,
];

/// Of a client with 10 requests and 1,000 tokens a minute.
fn world(charge: ChargePolicy) -> World {
    let world = World::new(Policy { charge, ..denying_unknown_clients() });
    world.ledger.configure(&config("client", limit(10), limit(1_000)));
    world
}

fn default_charge() -> ChargePolicy {
    denying_unknown_clients().charge
}

/// What a request that reserved 100 tokens costs, and how many of 10 requests are left.
fn check(kind: RequestKind, end: Response, charge: ChargePolicy, requests_left: i64, used: u64) {
    let world = world(charge);
    world.settle(world.admit_kind(tokens(RESERVED), kind), end);
    let what = format!("{kind:?} {end:?} {charge:?}");
    let after = world.snapshot("client");
    assert_eq!(left(&after), (Some(requests_left), Some(1_000 - used.cast_signed())), "{what}");
    let record = after.record;
    assert_eq!(record.tokens_used, used, "{what}");
    let settled = RESERVED + record.tokens_charged_further - record.tokens_refunded;
    assert_eq!(settled, record.tokens_used, "{what}");
}

fn check_generated(end: Response, charge: ChargePolicy, requests_left: i64, used: u64) {
    check(RequestKind::Generates, end, charge, requests_left, used);
}

fn told(outcome: Outcome, used: u64) -> Response {
    Response { outcome, told: tokens(used), observed: Tokens::ZERO, duration_us: Some(1) }
}

fn silent(outcome: Outcome) -> Response {
    Response { outcome, told: None, observed: Tokens::ZERO, duration_us: Some(1) }
}

fn observed(end: Response, observed: u64) -> Response {
    Response { observed: Tokens::new(observed).unwrap(), ..end }
}

#[test]
fn what_a_response_used_is_charged_when_it_is_whole() {
    for outcome in [Outcome::Completed, Outcome::UpstreamRefused, Outcome::UpstreamFailed] {
        for used in [0, 99, 100, 101, 3_000] {
            check_generated(told(outcome, used), default_charge(), 9, used);
            // What was seen to pass is a guess, and the upstream knows.
            let end = observed(told(outcome, used), 5_000);
            check_generated(end, default_charge(), 9, used);
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
        let end = Response { told: used.and_then(tokens), ..silent(Outcome::Aborted) };
        check_generated(observed(end, seen), default_charge(), 9, cost);
    }
}

#[test]
fn what_a_response_that_was_cut_short_costs_is_a_matter_of_policy() {
    let known = ChargePolicy { abort: AbortCharge::Known, ..default_charge() };
    let estimate = ChargePolicy { abort: AbortCharge::Estimate, ..default_charge() };
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
    let default = default_charge();
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
    let default = default_charge();
    check_generated(silent(Outcome::UpstreamRefused), default, 9, 0);
    check_generated(silent(Outcome::UpstreamFailed), default, 9, 0);
    check_generated(silent(Outcome::TimedOut), default, 9, 100);
    check_generated(told(Outcome::TimedOut, 7), default, 9, 100);
    check_generated(told(Outcome::TimedOut, 700), default, 9, 700);
}

#[test]
fn what_is_charged_without_usage_is_a_matter_of_policy_for_each_ending() {
    let default = ChargePolicy { abort: AbortCharge::Known, ..default_charge() };
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
        check(RequestKind::Reads, silent(outcome), default_charge(), 9, 0);
        let estimate = ChargePolicy { read: ReadCharge::Estimate, ..default_charge() };
        check(RequestKind::Reads, silent(outcome), estimate, 9, 100);
    }
}

#[test]
fn a_request_that_counts_costs_no_tokens_unless_its_response_made_some() {
    let default = default_charge();
    check(RequestKind::Counts, silent(Outcome::Completed), default, 9, 0);
    check(RequestKind::Counts, silent(Outcome::Aborted), default, 9, 0);
    check(RequestKind::Counts, told(Outcome::Completed, 700), default, 9, 700);
    check(RequestKind::Counts, observed(silent(Outcome::Completed), 700), default, 9, 700);
    check(RequestKind::Counts, observed(silent(Outcome::Aborted), 7), default, 9, 100);
}

#[test]
fn what_a_deleted_client_used_counts_and_is_not_charged_to_the_one_created_after_it() {
    let world = World::of(&[config("client", None, limit(500))]);
    let request = world.admit(tokens(500));
    world.ledger.remove("client");
    world.ledger.configure(&config("client", None, limit(500)));
    world.settle(request, response(tokens(700)));
    let after = world.snapshot("client");
    assert_eq!(left(&after), (None, Some(500)));
    assert_eq!((after.record.tokens_used, after.record.tokens_charged_further), (700, 200));
}

#[test]
fn a_reset_fills_the_buckets_and_requests_under_way_settle_with_the_statistics_alone() {
    let world = world(default_charge());
    let admit = || world.admit(tokens(RESERVED));
    let [refunded, canceled] = [admit(), admit()];
    world.settle(admit(), told(Outcome::Completed, 9_000));
    assert_eq!(left(&world.snapshot("client")), (Some(7), Some(-8_200)));

    let after = world.ledger.reset("client").unwrap();
    let full = (Some(10), Some(1_000));
    assert_eq!(left(&after), full);
    assert_eq!(after.record.tokens_used, 9_000, "statistics go on");

    world.settle(refunded, told(Outcome::Completed, 700));
    world.end(canceled, End::Canceled);
    let after = world.snapshot("client");
    assert_eq!(left(&after), full);
    assert_eq!(after.record.tokens_used, 9_700);
    assert!(world.ledger.reset("nobody").is_none());
}

#[test]
fn every_ending_is_counted_with_its_duration_when_it_has_one() {
    for outcome in ALL_OUTCOMES {
        for (duration_us, count) in [(Some(7), 1), (None, 0)] {
            let world = world(default_charge());
            let request = world.admit(tokens(RESERVED));
            world.settle(request, Response { duration_us, ..silent(outcome) });
            assert_eq!(world.snapshot("client").record.durations.count(), count);
        }
    }
}

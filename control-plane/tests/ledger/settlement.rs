//! What a request is charged in the end, by how its response ended and what it told.

use flowguard::{
    ledger::{End, Ledger, Outcome, Policy},
    settings::{AbortCharge, ChargePolicy, FallbackCharge, UnknownClients, WithoutUsageCharge},
};
use limiter::Units;

use super::{NOW, admitted, config, ended, ledger, limit, snapshot, tokens};

/// Of a client with 10 requests and 1,000 tokens a minute that reserved 100.
fn check_settled(end: &End, charge: ChargePolicy, requests_left: u64, tokens_left: i64) {
    let policy = Policy { charge, ..UnknownClients::Deny.into() };
    let ledger = Ledger::new(policy, NOW);
    ledger.configure(&config("client", limit(10), limit(1_000)), NOW);
    ledger.settle(admitted(&ledger, tokens(100)), end, NOW);

    let left = snapshot(&ledger, "client");
    assert_eq!(left.requests_left.unwrap().whole(), requests_left, "{end:?} {charge:?}");
    assert_eq!(left.tokens_left, Some(Units(tokens_left * Units::ONE.0)), "{end:?} {charge:?}");
    assert_eq!(left.tokens_used.cast_signed(), 1_000 - tokens_left, "{end:?} {charge:?}");
    assert_eq!(100 + left.tokens_owed - left.tokens_refunded, left.tokens_used);
}

#[test]
fn what_a_response_used_is_charged_however_it_ended() {
    for outcome in [Outcome::Completed, Outcome::Aborted, Outcome::UpstreamFailed] {
        for (used, left) in [(0, 1_000), (99, 901), (100, 900), (101, 899), (3_000, -2_000)] {
            let end = End { outcome, used: tokens(used), duration_us: 1 };
            check_settled(&end, ChargePolicy::default(), 9, left);
        }
    }
}

#[test]
fn what_a_response_that_was_cut_short_costs_at_least_is_a_matter_of_policy() {
    let estimate = ChargePolicy { abort: AbortCharge::Estimate, ..ChargePolicy::default() };
    for (used, left) in [(0, 900), (99, 900), (100, 900), (101, 899)] {
        let end = End { outcome: Outcome::Aborted, used: tokens(used), duration_us: 1 };
        check_settled(&end, estimate, 9, left);
        for outcome in [Outcome::Completed, Outcome::UpstreamFailed] {
            check_settled(&End { outcome, ..end }, estimate, 9, 1_000 - used.cast_signed());
        }
    }
}

#[test]
fn what_a_response_without_usage_is_charged_is_a_matter_of_policy() {
    let [completed, aborted, failed] =
        [Outcome::Completed, Outcome::Aborted, Outcome::UpstreamFailed].map(|outcome| End {
            outcome,
            used: None,
            duration_us: 1,
        });
    let default = ChargePolicy::default();
    check_settled(&completed, default, 9, 900);
    check_settled(&aborted, default, 9, 900);
    check_settled(&failed, default, 9, 1_000);

    for (fallback, requests_left, tokens_left) in [
        (FallbackCharge::Estimate, 9, 900),
        (FallbackCharge::Request, 9, 1_000),
        (FallbackCharge::Nothing, 10, 1_000),
    ] {
        let without_usage = WithoutUsageCharge::Fixed(fallback);
        let without_usage = ChargePolicy { without_usage, ..default };
        check_settled(&completed, without_usage, requests_left, tokens_left);
        check_settled(&aborted, without_usage, requests_left, tokens_left);
        check_settled(&failed, without_usage, 9, 1_000);
        let upstream_failure = ChargePolicy { upstream_failure: fallback, ..default };
        check_settled(&completed, upstream_failure, 9, 900);
        check_settled(&failed, upstream_failure, requests_left, tokens_left);
    }
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

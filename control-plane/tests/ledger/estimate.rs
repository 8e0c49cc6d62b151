//! What a request reserves: its own figure, what its client's requests used, or the default.

use flowguard::{
    ledger::{Answer, Ask, ClientConfig, End, Ledger, Outcome, Policy, RequestKind},
    settings::{Estimate, EstimatePolicy, UnknownClients},
};
use limiter::{Refusal, Tokens};

use super::{NOW, admitted, config, ended, ledger, limit, snapshot, tokens};

const DEFAULT_ESTIMATE: u64 = 800;

fn estimating_ledger(source: Estimate, tpm: u64) -> Ledger {
    let default = Tokens::new(DEFAULT_ESTIMATE).unwrap();
    let estimate = EstimatePolicy { source, default, min: Tokens::ZERO };
    let policy = Policy { estimate, ..UnknownClients::Deny.into() };
    let ledger = Ledger::new(policy, NOW);
    ledger.configure(&config("client", None, limit(tpm)), NOW);
    ledger
}

fn learning_ledger(tpm: u64) -> Ledger {
    estimating_ledger(Estimate::Learned, tpm)
}

#[test]
fn a_request_of_which_nothing_is_known_reserves_the_default_and_not_nothing() {
    for source in [Estimate::Header, Estimate::Learned] {
        for (tpm, reserved) in [(10_000, DEFAULT_ESTIMATE), (500, 500)] {
            let ledger = estimating_ledger(source, tpm);
            let held = admitted(&ledger, None);
            assert_eq!(held.reserved().get(), reserved, "{source:?}");
            ledger.settle(held, &ended(None), NOW);
            assert_eq!(snapshot(&ledger, "client").tokens_used, reserved, "{source:?}");
            ledger.settle(admitted(&ledger, tokens(0)), &ended(tokens(0)), NOW);
        }
    }
    let learning = learning_ledger(10_000);
    learning.settle(admitted(&learning, tokens(900)), &ended(tokens(30)), NOW);
    assert_eq!(admitted(&learning, None).reserved().get(), 30, "what is known is better");
}

#[test]
fn a_client_that_always_says_1_reserves_what_its_requests_use() {
    let ledger = learning_ledger(10_000);
    assert_eq!(admitted(&ledger, tokens(1)).reserved().get(), 1, "nothing is known yet");
    for _ in 0..3 {
        ledger.settle(admitted(&ledger, tokens(1)), &ended(tokens(900)), NOW);
    }
    assert_eq!(snapshot(&ledger, "client").learned_estimate, tokens(900));
    for (header, reserved) in [(None, 900), (tokens(1), 900), (tokens(901), 901)] {
        assert_eq!(admitted(&ledger, header).reserved().get(), reserved);
    }
}

#[test]
fn what_was_learned_never_locks_a_client_out() {
    let ledger = learning_ledger(1_000);
    ledger.settle(admitted(&ledger, None), &ended(tokens(5_000)), NOW);
    assert_eq!(snapshot(&ledger, "client").learned_estimate, tokens(5_000));
    let Answer::Refused { refusal: Refusal::RetryAt { at, .. }, reserved, .. } =
        ledger.decide("client", None, NOW)
    else {
        panic!("a client in debt was admitted, or told that it never fits")
    };
    assert_eq!(reserved.get(), 1_000);
    assert!(matches!(ledger.decide("client", None, at), Answer::Admitted { .. }));
}

#[test]
fn what_is_not_learned_from_the_header_alone_is_not_in_the_statistics() {
    let ledger = ledger(&[config("client", None, None)]);
    ledger.settle(admitted(&ledger, tokens(5)), &ended(tokens(700)), NOW);
    assert_eq!(snapshot(&ledger, "client").learned_estimate, None);
    assert_eq!(admitted(&ledger, None).reserved().get(), 0);
}

#[test]
fn responses_that_were_cut_short_teach_nothing() {
    let ledger = learning_ledger(1_000_000);
    ledger.settle(admitted(&ledger, None), &ended(tokens(900)), NOW);
    for _ in 0..64 {
        let aborted = End { outcome: Outcome::Aborted, ..ended(tokens(1)) };
        ledger.settle(admitted(&ledger, None), &aborted, NOW);
    }
    assert_eq!(snapshot(&ledger, "client").learned_estimate, tokens(900));
}

#[test]
fn what_was_seen_to_pass_is_learned_where_nothing_was_told() {
    let ledger = learning_ledger(10_000);
    let seen = End { observed: Tokens::new(600).unwrap(), ..ended(None) };
    ledger.settle(admitted(&ledger, None), &seen, NOW);
    assert_eq!(snapshot(&ledger, "client").learned_estimate, tokens(600));
}

/// A ledger whose requests reserve at least 300 tokens, and a client with a floor of its own.
fn ledger_with_floor(tpm: u64, own: Option<u64>) -> Ledger {
    let min = Tokens::new(300).unwrap();
    let estimate = EstimatePolicy { source: Estimate::Header, default: Tokens::ZERO, min };
    let ledger = Ledger::new(Policy { estimate, ..UnknownClients::Deny.into() }, NOW);
    let min_estimate = own.and_then(tokens);
    let config = ClientConfig { min_estimate, ..config("client", None, limit(tpm)) };
    ledger.configure(&config, NOW);
    assert_eq!(ledger.config("client").unwrap(), config);
    ledger
}

#[test]
fn no_request_that_makes_tokens_reserves_less_than_the_floor() {
    for (tpm, own, estimate, reserved) in [
        (10_000, None, 0, 300),
        (10_000, None, 301, 301),
        (200, None, 0, 200),
        (10_000, Some(50), 0, 50),
        (10_000, Some(0), 0, 0),
        (10_000, Some(5_000), 0, 5_000),
        (1_000, Some(5_000), 0, 1_000),
    ] {
        let ledger = ledger_with_floor(tpm, own);
        let held = admitted(&ledger, tokens(estimate));
        assert_eq!(held.reserved().get(), reserved, "{tpm} {own:?} {estimate}");
        held.stand();
    }
}

#[test]
fn a_request_that_makes_no_tokens_has_no_floor() {
    for kind in [RequestKind::Reads, RequestKind::Counts] {
        let ledger = ledger_with_floor(10_000, None);
        let Answer::Admitted { held, .. } =
            ledger.decide("client", Ask { estimate: tokens(0), kind }, NOW)
        else {
            panic!("{kind:?} was refused")
        };
        assert_eq!(held.reserved().get(), 0, "{kind:?}");
        held.stand();
    }
}

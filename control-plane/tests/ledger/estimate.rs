//! What a request reserves: its own figure, what its client's requests used, or the default.

use flowguard::{
    clients::ClientConfig,
    ledger::{Answer, EstimatePolicy, EstimateSource, Outcome, Policy, RequestKind, Response},
};
use limiter::{Tokens, Wait};

use super::world::{World, config, denying_unknown_clients, later, limit, response, tokens};

const DEFAULT_ESTIMATE: u64 = 800;

fn estimating(source: EstimateSource, tpm: u64) -> World {
    let default = Tokens::new(DEFAULT_ESTIMATE).unwrap();
    let estimate = EstimatePolicy { source, default, min: Tokens::ZERO };
    let world = World::new(Policy { estimate, ..denying_unknown_clients() });
    world.ledger.configure(&config("client", None, limit(tpm)));
    world
}

fn learning(tpm: u64) -> World {
    estimating(EstimateSource::Learned, tpm)
}

#[test]
fn a_request_of_which_nothing_is_known_reserves_the_default_and_not_nothing() {
    for source in [EstimateSource::Header, EstimateSource::Learned] {
        for (tpm, reserved) in [(10_000, DEFAULT_ESTIMATE), (500, 500)] {
            let world = estimating(source, tpm);
            let request = world.admit(None);
            assert_eq!(request.reserved.get(), reserved, "{source:?}");
            world.settle(request, response(None));
            assert_eq!(world.snapshot("client").record.tokens_used, reserved, "{source:?}");
            world.settle(world.admit(tokens(0)), response(tokens(0)));
        }
    }
    let learning = learning(10_000);
    learning.settle(learning.admit(tokens(900)), response(tokens(30)));
    assert_eq!(learning.admit(None).reserved.get(), 30, "what is known is better");
}

#[test]
fn a_client_that_always_says_1_reserves_what_its_requests_use() {
    let world = learning(10_000);
    assert_eq!(world.admit(tokens(1)).reserved.get(), 1, "nothing is known yet");
    for _ in 0..3 {
        world.settle(world.admit(tokens(1)), response(tokens(900)));
    }
    assert_eq!(world.snapshot("client").record.learned_estimate, tokens(900));
    for (header, reserved) in [(None, 900), (tokens(1), 900), (tokens(901), 901)] {
        assert_eq!(world.admit(header).reserved.get(), reserved);
    }
}

#[test]
fn what_was_learned_never_locks_a_client_out() {
    let world = learning(1_000);
    world.settle(world.admit(None), response(tokens(5_000)));
    assert_eq!(world.snapshot("client").record.learned_estimate, tokens(5_000));
    let Answer::Refused { refusal, reserved, .. } = world.decide("client", None) else {
        panic!("a client in debt was admitted")
    };
    let Wait::Millis(wait_ms) = refusal.wait else { panic!("told that it never fits") };
    assert_eq!(reserved.get(), 1_000);
    assert!(matches!(world.at(later(wait_ms)).decide("client", None), Answer::Admitted { .. }));
}

#[test]
fn what_is_not_learned_from_the_header_alone_is_not_in_the_statistics() {
    let world = World::of(&[config("client", None, None)]);
    world.settle(world.admit(tokens(5)), response(tokens(700)));
    assert_eq!(world.snapshot("client").record.learned_estimate, None);
    assert_eq!(world.admit(None).reserved.get(), 0);
}

#[test]
fn responses_that_were_cut_short_teach_nothing() {
    let world = learning(1_000_000);
    world.settle(world.admit(None), response(tokens(900)));
    for _ in 0..64 {
        let aborted = Response { outcome: Outcome::Aborted, ..response(tokens(1)) };
        world.settle(world.admit(None), aborted);
    }
    assert_eq!(world.snapshot("client").record.learned_estimate, tokens(900));
}

#[test]
fn what_was_seen_to_pass_is_learned_where_nothing_was_told() {
    let world = learning(10_000);
    let seen = Response { observed: Tokens::new(600).unwrap(), ..response(None) };
    world.settle(world.admit(None), seen);
    assert_eq!(world.snapshot("client").record.learned_estimate, tokens(600));
}

/// A ledger whose requests reserve at least 300 tokens, and a client with a floor of its own.
fn with_floor(tpm: u64, own: Option<u64>) -> World {
    let min = Tokens::new(300).unwrap();
    let estimate = EstimatePolicy { source: EstimateSource::Header, default: Tokens::ZERO, min };
    let world = World::new(Policy { estimate, ..denying_unknown_clients() });
    let min_estimate = own.and_then(tokens);
    let config = ClientConfig { min_estimate, ..config("client", None, limit(tpm)) };
    world.ledger.configure(&config);
    assert_eq!(world.ledger.config("client").unwrap(), config);
    world
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
        let world = with_floor(tpm, own);
        let request = world.admit(tokens(estimate));
        assert_eq!(request.reserved.get(), reserved, "{tpm} {own:?} {estimate}");
    }
}

#[test]
fn a_request_that_makes_no_tokens_has_no_floor() {
    for kind in [RequestKind::Reads, RequestKind::Counts] {
        let world = with_floor(10_000, None);
        let request = world.admit_kind(tokens(0), kind);
        assert_eq!(request.reserved.get(), 0, "{kind:?}");
    }
}

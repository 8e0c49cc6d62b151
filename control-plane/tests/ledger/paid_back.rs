//! What requests use beyond their estimates becomes a debt, and is paid back.

use flowguard::ledger::Answer;
use limiter::Wait;

use super::world::{Admitted, NOW, World, config, later, left, limit, response, tokens};

/// A request of the simulation below: admitted at one moment, settled at another.
struct InFlight {
    request: Admitted,
    estimate: u64,
    ends: u64,
}

/// A random number below `bound`, by xorshift.
fn random(state: &mut u64, bound: u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state % bound
}

/// Ten minutes of up to 1,000 requests in flight that each use twice their estimate.
#[test]
fn what_is_settled_in_any_minute_is_what_the_bucket_holds_and_what_was_in_flight() {
    const LIMIT: u64 = 100_000;
    const STEP_MS: u64 = 100;
    const STEPS: u64 = 6_000;
    const STEPS_PER_MINUTE: usize = 600;
    let mut seed = 0x9e37_79b9_7f4a_7c15;
    println!("seed {seed}");
    let world = World::of(&[config("client", None, limit(LIMIT))]);
    let mut in_flight: Vec<InFlight> = Vec::new();
    // For each step: tokens settled in it, and the estimates in flight when it began.
    let mut settled = Vec::new();
    let mut reserved = Vec::new();
    let mut used_in_all = 0;

    let mut step = 0;
    while step < STEPS || !in_flight.is_empty() {
        let now = later(step * STEP_MS);
        reserved.push(in_flight.iter().map(|request| request.estimate).sum::<u64>());
        let (over, still): (Vec<_>, _) =
            in_flight.into_iter().partition(|request| request.ends <= step);
        in_flight = still;
        settled.push(over.iter().map(|request| 2 * request.estimate).sum::<u64>());
        for request in over {
            used_in_all += 2 * request.estimate;
            world.at(now).settle(request.request, response(tokens(2 * request.estimate)));
        }
        while step < STEPS && in_flight.len() < 1_000 {
            let estimate = random(&mut seed, 400);
            let answer = world.at(now).decide("client", tokens(estimate));
            let Answer::Admitted { .. } = answer else { break };
            let ends = step + 1 + random(&mut seed, 300);
            in_flight.push(InFlight { request: world.admitted(&answer), estimate, ends });
        }
        step += 1;
    }

    for from in 0..settled.len() {
        let minute = from..(from + STEPS_PER_MINUTE).min(settled.len());
        let used: u64 = settled[minute.clone()].iter().sum();
        // What was in flight at first was paid for before, and what is in flight later may make a
        // debt as large as its estimates.
        let debt = reserved[minute].iter().max().copied().unwrap_or(0);
        let most = LIMIT + LIMIT + reserved[from] + debt;
        assert!(used <= most, "{used} tokens in the minute from step {from}, at most {most}");
    }
    let end = later((step - 1) * STEP_MS);
    let after = world.at(end).snapshot("client").record;
    assert_eq!(after.tokens_used, used_in_all);
    assert_eq!(after.tokens_charged_further, used_in_all / 2);
}

#[test]
fn what_a_burst_used_beyond_its_estimates_is_paid_back_in_the_next_minute() {
    let world = World::of(&[config("client", None, limit(100_000))]);
    let burst: Vec<_> = (0..1_000).map(|_| world.admit(tokens(100))).collect();
    for request in burst {
        world.settle(request, response(tokens(200)));
    }
    let left = |at| left(&world.at(at).snapshot("client"));
    assert_eq!(left(later(60_000)), (None, Some(0)));
    assert_eq!(left(NOW), (None, Some(-100_000)));
    let Answer::Refused { refusal, .. } = world.decide("client", tokens(100)) else {
        panic!("a client in debt was admitted")
    };
    assert_eq!(refusal.wait, Wait::Millis(60_060));
}

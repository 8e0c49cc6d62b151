//! The shared store's script on real servers, beside `limiter`: equal to the unit, whatever happens.

mod audited;
mod bytes;
mod calls;
mod chance;
mod counted;
mod cutter;
mod faults;
mod foretold;
mod forgotten;
mod history;
mod kept;
mod liar;
mod moved;
mod places;
mod server;
mod swept;
mod table;
mod taken_over;
mod takeover;
mod traffic;
mod unreadable;
mod ways;
mod world;
mod written;

use harness::{random::with_a_new_seed, redis::Kind};

use server::Server;

/// The most histories that a mistake of the arithmetic may stay hidden for.
const FOUND_WITHIN: usize = 20;

/// Operations of all histories together.
const OPERATIONS: usize = 210_000;

async fn check_that_all_histories_are_equal(kind: Kind) {
    let Some(server) = Server::start(kind).await else { return };
    let mut chance = with_a_new_seed();
    let mut operations = 0;
    for number in 0.. {
        let seed = chance.u64(..);
        match history::run(&server, number, seed).await {
            Ok(done) => operations += done,
            Err(difference) => panic!("history {number}, of seed {seed}: {difference}"),
        }
        if operations >= OPERATIONS {
            println!("{operations} operations in {} histories", number + 1);
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_history_on_redis_is_equal_to_the_rule_to_the_unit() {
    check_that_all_histories_are_equal(Kind::Redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_history_on_valkey_is_equal_to_the_rule_to_the_unit() {
    check_that_all_histories_are_equal(Kind::Valkey).await;
}

/// Runs histories with a script in which `right` became `wrong`, until one differs.
async fn check_that_a_mistake_is_found(right: &str, wrong: &str) {
    let script = flowguard::store::shared::script::SCRIPT;
    assert_eq!(script.matches(right).count(), 1, "`{right}` is not once in the script");
    let server = Server::start(Kind::Redis).await.expect("Redis is always there");
    let mistaken = server.with_script(&script.replace(right, wrong)).await;
    let mut chance = with_a_new_seed();
    for number in 0..FOUND_WITHIN {
        let seed = chance.u64(..);
        if let Err(difference) = history::run(&mistaken, number, seed).await {
            println!("found in history {number}: {difference}");
            let right = history::run(&server, FOUND_WITHIN + number, seed).await;
            right.expect("the same history is right without the mistake");
            return;
        }
    }
    panic!("not found within {FOUND_WITHIN} histories");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_doubles_are_found_at_once() {
    check_that_a_mistake_is_found(
        "local function muldiv(a, b, c)\n",
        "local function muldiv(a, b, c)\n  do return floor(a * b / c), a * b % c end\n",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_that_is_not_looked_at_is_found_at_once() {
    check_that_a_mistake_is_found("if product < 9e15 then", "if true then").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_debt_that_is_scaled_is_found_at_once() {
    check_that_a_mistake_is_found("if hi >= 0 and b ~= b0 then", "if b ~= b0 then").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_takes_effect_twice_is_found_at_once() {
    check_that_a_mistake_is_found("if was_open and epoch ==", "if epoch ==").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_nobody_has_any_more_and_still_decides_is_found_at_once() {
    check_that_a_mistake_is_found("if worker and worker.has_gone then return GONE, 0 end\n", "")
        .await;
}

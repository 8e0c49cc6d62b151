//! The incident game: each kind of incident is played on real parts, and the runbook's table says what
//! it looks like. The metrics pages are recorded while it is played, one reading standing for one
//! scrape of 15 s, and promtool tells which alerts that makes.

mod game;
mod other_release;
mod promtool;
mod recording;
mod runbook;

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use harness::TestStack;
use harness::deadline::eventually_equal;
use harness::discovery::Discovered;
use harness::redis::{Kind, Redis};
use serde_json::json;
use tempfile::TempDir;

use game::{Game, calm};
use other_release::{Filters, OtherRelease};

#[test]
fn every_row_of_the_runbooks_table_is_played_once() {
    let calls = include_str!("main.rs").split(".ends_as(\"").skip(1);
    let played: Vec<_> = calls.filter_map(|call| call.split('"').next()).collect();
    for row in runbook::rows() {
        let count = played.iter().filter(|words| runbook::is_about(&row, words)).count();
        assert_eq!(count, 1, "{row}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_control_plane_is_frozen() {
    let mut game = Game::start(calm()).await;
    game.stack.control_plane.process().freeze();
    game.goes_on(3).await;
    game.stack.control_plane.process().thaw();
    game.worker_is_served().await;
    game.ends_as("is frozen").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_control_plane_is_killed_and_stays_away() {
    let mut game = Game::start(calm()).await;
    another_start_can_be_told(&game).await;
    game.stack.control_plane.process().kill();
    game.goes_on(3).await;
    game.stack.control_plane.restart().await;
    game.worker_is_served().await;
    game.ends_as("is killed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_control_plane_is_restarted() {
    let mut game = Game::start(calm()).await;
    another_start_can_be_told(&game).await;
    game.stack.control_plane.process().terminate();
    game.stack.control_plane.process().wait_for_exit().await;
    game.worker_has_lost_its_stream().await;
    game.stack.control_plane.restart().await;
    game.worker_is_served().await;
    game.ends_as("is restarted").await;
}

/// A process's metrics tell when it was started in whole seconds, rounded: one that comes within two is
/// not told apart.
async fn another_start_can_be_told(game: &Game) {
    let metrics = game.stack.control_plane.metrics().await;
    let started = metrics.value("process_start_time_seconds", &[]).expect("a start");
    eventually_equal("whether two seconds have passed since the start", true, || async {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        now.as_secs_f64() >= started + 2.0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_that_control_planes_share_goes_away() {
    let game = the_store_goes_away_under("local").await;
    game.ends_as("goes away").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_goes_away_and_nobody_decides_without_it() {
    let game = the_store_goes_away_under("closed").await;
    game.ends_as("the same under").await;
}

/// What a killed process had written is in its file; that it lost nothing it cannot tell.
async fn the_store_goes_away_under(mode: &str) -> Game {
    let options = ["--appendonly", "yes", "--appendfsync", "everysec"];
    let mut store = Redis::start(Kind::Redis, &options).await;
    let shared = calm()
        .setting("STORE_URL", &format!("redis://{}", store.address()))
        .setting("STORE_FAILURE_MODE", mode);
    let mut game = Game::start(shared).await;
    store.process().kill();
    game.goes_on(3).await;
    store.restart().await;
    eventually_equal("whether the store is away", Some(0.0), || async {
        game.stack.control_plane.metrics().await.value("flowguard_store_circuit_open", &[])
    })
    .await;
    game.outlived_by(store)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_control_plane_is_replaced_by_one_that_speaks_another_protocol() {
    let mut game = Game::start(calm().with_relay()).await;
    let address = game.stack.control_plane.decision_address();
    let other = OtherRelease::start(address, Filters::OtherProtocol).await;
    let relay = game.stack.relay.as_ref().expect("a relay");
    relay.lead_to(other.address());
    relay.cut_open_connections();
    game.goes_on(3).await;
    let relay = game.stack.relay.as_ref().expect("a relay");
    relay.lead_to(address);
    relay.cut_open_connections();
    game.worker_is_served().await;
    game.ends_as("speaks another version").await;
}

/// The old filter's worker is refused for as long as its listener drains, and nobody misses it.
#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_was_replaced_drains_without_the_control_plane() {
    let mut game = Game::start(calm().with_relay().discovered(Discovered::Listener)).await;
    let address = game.stack.control_plane.decision_address();
    let other = OtherRelease::start(address, Filters::OtherProtocolOnReturn).await;
    let relay = game.stack.relay.as_ref().expect("a relay");
    relay.lead_to(other.address());
    game.stack.reconfigure("RATE_LIMIT_HEADERS", "both").await;
    let taken = || game.stack.envoy().stat("listener_manager.lds.update_success");
    eventually_equal("listeners that were taken", 2, taken).await;
    game.stack.relay.as_ref().expect("a relay").cut_open_connections();
    game.goes_on(8).await;
    let states = game.stack.envoy().stats("flowguard_stream").await;
    assert_eq!(states["wasmcustom.flowguard_stream.state=open"], 1, "{states:?}");
    assert_eq!(states.values().sum::<u64>(), 2, "the old filter's worker is there: {states:?}");
    game.ends_as("drains").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_of_another_release_stays_behind() {
    let mut game = Game::start(calm().with_relay()).await;
    let address = game.stack.control_plane.decision_address();
    let other = OtherRelease::start(address, Filters::SameProtocol).await;
    let relay = game.stack.relay.as_ref().expect("a relay");
    relay.lead_to(other.address());
    relay.cut_open_connections();
    game.worker_is_served().await;
    game.goes_on(32).await;
    let relay = game.stack.relay.as_ref().expect("a relay");
    relay.lead_to(address);
    relay.cut_open_connections();
    game.worker_is_served().await;
    game.ends_as("stays behind").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envoy_is_switched_to_pass_and_stays_so() {
    let mut game = Game::start(calm().discovered(Discovered::Filter)).await;
    game.stack.reconfigure("FLOWGUARD_MODE", "pass").await;
    workers_in_pass(&game, 1).await;
    game.goes_on(17).await;
    game.stack.reconfigure("FLOWGUARD_MODE", "enforce").await;
    workers_in_pass(&game, 0).await;
    game.ends_as("switched to mode `pass`").await;
}

/// A worker is counted once it has served.
async fn workers_in_pass(game: &Game, expected: u64) {
    eventually_equal("workers in mode pass", expected, || async {
        game.request("").await;
        game.stack.envoy().stat("wasmcustom.flowguard_workers.mode=pass").await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_lowered_by_mistake_and_raised_while_requests_come() {
    let mut game = Game::start(calm()).await;
    game.stack.admin().patch(game::CLIENT, &json!({"rpm": 1})).await;
    game.goes_on(15).await;
    game.stack.admin().patch(game::CLIENT, &json!({"rpm": 1_000_000})).await;
    game.ends_as("is lowered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_of_clients_is_wrong() {
    let folder = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
    let file = folder.path().join("clients.yaml");
    fs::write(&file, "clients: {}\n").expect("a file");
    let setting = file.display().to_string();
    let mut game = Game::start(calm().setting("CONFIG_FILE", &setting)).await;
    fs::write(&file, "clients: {b: {rpm: many}}\n").expect("a file");
    is_in_force(&game.stack, 0.0).await;
    game.goes_on(6).await;
    fs::write(&file, "clients: {}\n").expect("a file");
    is_in_force(&game.stack, 1.0).await;
    game.ends_as("`CONFIG_FILE` is wrong").await;
}

async fn is_in_force(stack: &TestStack, expected: f64) {
    eventually_equal("whether the file is in force", Some(expected), || async {
        stack.control_plane.metrics().await.value("flowguard_config_file_in_force", &[])
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envoy_is_given_a_wrong_configuration_of_the_filter() {
    let mut game = Game::start(calm().discovered(Discovered::Filter)).await;
    let (right, wrong) = (r#""failure_mode": "closed""#, r#""failure_mode": "ajar""#);
    game.stack.rewrite_discovered(|text| text.replace(right, wrong));
    let rejected = || {
        game.stack.envoy().stat("extension_config_discovery.http_filter.flowguard.update_rejected")
    };
    eventually_equal("refused configurations", 1, rejected).await;
    game.goes_on(1).await;
    game.stack.rewrite_discovered(|text| text.replace(wrong, right));
    game.ends_as("plugin configuration is wrong").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_upstream_throttles() {
    let game = the_upstream_answers_for_five_minutes("status=429").await;
    game.ends_as("answers 429").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_upstream_fails() {
    let game = the_upstream_answers_for_five_minutes("status=500").await;
    game.ends_as("answers 500").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_upstream_breaks_off() {
    let game = the_upstream_answers_for_five_minutes("split=10&abort_after=1").await;
    game.ends_as("breaks off").await;
}

async fn the_upstream_answers_for_five_minutes(behaviour: &'static str) -> Game {
    let mut game = Game::start(calm()).await;
    game.upstream_answers(behaviour);
    game.goes_on(5).await;
    game.upstream_answers("");
    game
}

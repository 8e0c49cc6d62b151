//! What is promised of each fault, on each way to run a store and on both servers: a server and its replica
//! that nobody watches, such a pair behind sentinels, and in a cluster.

use std::{
    fs::{self, File},
    sync::atomic::Ordering,
    time::Duration,
};

use flowguard::store::shared::StoreFailureMode;
use harness::{redis::Kind, redis_pair::By};

use crate::{
    taken_over::{World, closed},
    traffic::{config, has_it_back, lasts},
};

/// Nobody else takes over so soon.
const SHORT: Duration = Duration::from_secs(1);

/// Nothing is admitted too much or too little, to the unit, without a fault, when the script is forgotten, when
/// connections are cut, and when the server stands still for a moment.
async fn check_what_costs_nothing(by: By, kind: Kind) {
    let Some(mut world) = World::start(by, kind, &closed()).await else { return };
    let mut traffic = world.traffic().await;
    for round in 0..20 {
        traffic.admits(20).await;
        let fault = if round % 2 == 0 { "SCRIPT FLUSH" } else { "CLIENT KILL TYPE normal" };
        world.pair.servers[0].ask(fault).await.expect("it is done");
    }
    traffic.admits(20).await;
    world.pair.servers[0].process().freeze();
    lasts(SHORT).await;
    world.pair.servers[0].process().thaw();
    traffic.admits(20).await;
    traffic.stop().await;
    traffic.check_that_it_is_exact(&world.client().await).await;
}

/// The primary is killed, has lost what it was told last, and is there again before anybody takes over.
async fn check_a_restart_with_loss(by: By, kind: Kind) {
    let options = ["--appendonly", "yes", "--appendfsync", "everysec"];
    let Some(mut world) = World::start_with(by, kind, &options, &closed()).await else { return };
    let mut traffic = world.traffic().await;
    traffic.admits(200).await;
    let log = world.pair.servers[0].append_log();
    let len = || fs::metadata(&log).expect("a file").len();
    let kept = len();
    traffic.admits(200).await;
    world.pair.servers[0].process().kill();
    assert!(len() > kept + 10_000, "only {} bytes are lost", len() - kept);
    File::options().write(true).open(&log).expect("a file").set_len(kept).expect("cut off");
    world.pair.servers[0].restart().await;
    traffic.admits(100).await;
    world.check_that_little_is_too_much(&mut traffic).await;
}

/// The primary is killed and there again, with all that it was told; meanwhile each control plane decides alone.
async fn check_that_what_is_decided_alone_is_charged(by: By, kind: Kind) {
    let options = ["--appendonly", "yes", "--appendfsync", "always"];
    let config = config(StoreFailureMode::Local);
    let Some(mut world) = World::start_with(by, kind, &options, &config).await else { return };
    let mut traffic = world.traffic().await;
    traffic.admits(100).await;
    world.pair.servers[0].process().kill();
    traffic.admits(500).await;
    assert!(world.planes.iter().all(|plane| plane.committer.is_away()));
    world.pair.servers[0].restart().await;
    has_it_back(&world.planes).await;
    traffic.admits(100).await;
    let counts = traffic.stop().await;
    assert_eq!(counts.unavailable.load(Ordering::Relaxed), 0);
    world.check_that_little_is_too_much(&mut traffic).await;
}

/// A test of each of these on each way to run a store. One way of each is in every run, or is what a test of
/// `faults.rs` or `taken_over.rs` checks.
macro_rules! on_each {
    ($ways:tt: $($fault:ident by $check:path),* $(,)?) => {$(
        mod $fault {
            use super::*;
            on_each!(@ways $ways $check);
        }
    )*};
    (@ways [$($way:ident: $by:ident $kind:ident),* $(,)?] $check:path) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        #[ignore = "takes minutes: every fault on every way to run a store"]
        async fn $way() {
            $check(By::$by, Kind::$kind).await;
        }
    )*};
}

on_each! {
    [
        of_a_redis_with_a_replica: Nobody Redis,
        of_a_valkey_with_a_replica: Nobody Valkey,
        of_redis_behind_sentinels: Sentinels Redis,
        of_valkey_behind_sentinels: Sentinels Valkey,
        of_redis_in_a_cluster: Cluster Redis,
        of_valkey_in_a_cluster: Cluster Valkey,
    ]:
    what_costs_nothing by check_what_costs_nothing,
    a_restart_with_loss by check_a_restart_with_loss,
    what_is_decided_alone by check_that_what_is_decided_alone_is_charged,
    a_killed_control_plane by crate::moved::check_that_requests_of_a_killed_one_go_on,
}

on_each! {
    [
        of_redis_behind_sentinels: Sentinels Redis,
        of_valkey_behind_sentinels: Sentinels Valkey,
        of_redis_in_a_cluster: Cluster Redis,
        of_valkey_in_a_cluster: Cluster Valkey,
    ]:
    a_change_in_order by crate::taken_over::check_a_change_in_order,
    a_change_with_loss by crate::taken_over::check_a_change_with_loss,
    a_change_that_loses_nothing_a_replica_has by
        crate::taken_over::check_that_nothing_is_lost_that_a_replica_has,
    a_primary_that_stands_still by crate::taken_over::check_a_primary_that_stands_still,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_script_and_cut_connections_cost_nothing_behind_sentinels() {
    check_what_costs_nothing(By::Sentinels, Kind::Redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_decided_alone_is_charged_when_the_store_is_back() {
    check_that_what_is_decided_alone_is_charged(By::Nobody, Kind::Valkey).await;
}

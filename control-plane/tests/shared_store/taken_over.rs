//! A store that is a primary and its replica, of which the other one takes over: what is admitted too much
//! or too little in each way in which that happens.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use flowguard::store::shared::{Config, StoreFailureMode, client::Client};
use harness::{
    deadline::eventually,
    random::with_a_new_seed,
    redis::Kind,
    redis_pair::{By, RedisPair},
    relay::Relay,
};

use crate::traffic::{PLACES_MAX, PREFIX, Plane, Traffic, config, target, target_of};

const SOON: Duration = Duration::from_secs(20);

/// The most that the requests under way at one time cost, of both control planes.
const UNDER_WAY: i128 = 32 * 1_000;

/// The most that may be forgotten of what their ends give back.
const GIVEN_BACK: i128 = 32 * 1_500;

/// Two servers, and two control planes that find them by their URL.
pub(crate) struct World {
    pub(crate) pair: RedisPair,
    pub(crate) planes: Vec<Arc<Plane>>,
}

impl World {
    /// `None` of Valkey where this machine has none.
    pub(crate) async fn start(by: By, kind: Kind, config: &Config) -> Option<Self> {
        Self::start_with(by, kind, &[], config).await
    }

    /// The same with options of the two servers.
    pub(crate) async fn start_with(
        by: By,
        kind: Kind,
        options: &[&str],
        config: &Config,
    ) -> Option<Self> {
        if !kind.is_here() {
            return None;
        }
        let pair = RedisPair::start(by, kind, options).await;
        let target = target_of(&pair.url());
        let planes = (0..2).map(|_| Plane::start(&target, config)).collect();
        Some(Self { pair, planes })
    }

    /// The other server has taken over: how long nothing was admitted since the fault.
    async fn goes_on(&self, traffic: &Traffic, fault: Instant) {
        traffic.admits(1).await;
        println!("nothing was admitted for {} ms", fault.elapsed().as_millis());
    }

    pub(crate) async fn traffic(&self) -> Traffic {
        Traffic::start(&self.planes, &mut with_a_new_seed()).await
    }

    /// A connection to whichever server is the primary now.
    pub(crate) async fn client(&self) -> Client {
        let target = target_of(&self.pair.url());
        eventually("a primary", || async { Client::connect(&target, PREFIX, SOON).await.ok() })
            .await
    }

    /// At rest all is told, nothing was admitted beyond what there was, and of what ends gave back no more is
    /// forgotten than may be.
    pub(crate) async fn check_that_nothing_is_too_much(&self, traffic: &mut Traffic) {
        let client = self.stop(traffic, PLACES_MAX).await;
        traffic.check_that_places_are_free(&client).await;
        let surplus = eventually("every end is told", || traffic.surplus(&client)).await;
        println!("{surplus} tokens too much");
        assert!((-GIVEN_BACK..=0).contains(&surplus), "{surplus} tokens too much");
    }

    /// At rest no more was admitted beyond what there was than was under way at one time.
    pub(crate) async fn check_that_little_is_too_much(&self, traffic: &mut Traffic) {
        self.check_that_no_more_is_too_much(traffic, UNDER_WAY).await;
    }

    /// The same where two servers took writes for a while: what one control plane decided alone is forgotten
    /// as well, the one that charged less. That is at most half of all that was used since `used_before`.
    pub(crate) async fn check_that_less_than_half_is_too_much(
        &self,
        traffic: &mut Traffic,
        used_before: i128,
    ) {
        let since = traffic.used() - used_before;
        self.check_that_no_more_is_too_much(traffic, UNDER_WAY + since / 2).await;
    }

    async fn check_that_no_more_is_too_much(&self, traffic: &mut Traffic, most: i128) {
        // Until the other control plane has said what it holds, one knows of its own places alone.
        let client = self.stop(traffic, 2 * PLACES_MAX).await;
        traffic.check_that_places_come_back(&self.planes[0], &client).await;
        let surplus = eventually("the last end", || async {
            let surplus = traffic.balance_beyond(&client).await?;
            (surplus <= most).then_some(surplus)
        })
        .await;
        println!("{surplus} tokens too much");
        assert!(surplus >= -GIVEN_BACK, "{surplus} tokens are forgotten");
    }

    async fn stop(&self, traffic: &mut Traffic, places_max: u64) -> Client {
        let counts = traffic.stop().await;
        let most = counts.places_most.load(Ordering::Relaxed);
        assert!(most <= places_max, "{most} places of {PLACES_MAX}");
        self.client().await
    }
}

pub(crate) fn closed() -> Config {
    config(StoreFailureMode::Closed)
}

fn replicated() -> Config {
    Config { wait: 1, ..closed() }
}

/// What an address leads to may change without a word: connections to the old server stay, and it answers
/// that it is a replica now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_leads_to_another_server_is_followed() {
    let pair = RedisPair::start(By::Nobody, Kind::Redis, &[]).await;
    let [primary, replica] = &pair.servers;
    let relay = Relay::start(primary.address()).await;
    let target = target(relay.address().port());
    let planes = (0..2).map(|_| Plane::start(&target, &closed())).collect::<Vec<_>>();
    let mut traffic = Traffic::start(&planes, &mut with_a_new_seed()).await;
    traffic.admits(200).await;
    relay.lead_to(replica.address());
    pair.fail_over().await;
    traffic.admits(200).await;
    traffic.stop().await;
    let client = Client::connect(&target, PREFIX, SOON).await.expect("it leads there");
    let surplus = eventually("every end is told", || traffic.surplus(&client)).await;
    assert!((-GIVEN_BACK..=0).contains(&surplus), "{surplus} tokens too much");
    traffic.check_that_places_are_free(&client).await;
}

/// One server hands over to the other in order, and takes no writes meanwhile, but behind Redis' sentinels.
pub(crate) async fn check_a_change_in_order(by: By, kind: Kind) {
    let Some(world) = World::start(by, kind, &closed()).await else { return };
    let mut traffic = world.traffic().await;
    traffic.admits(200).await;
    let used_before = traffic.used();
    world.pair.fail_over().await;
    traffic.admits(400).await;
    if (by, kind) == (By::Sentinels, Kind::Redis) {
        world.check_that_less_than_half_is_too_much(&mut traffic, used_before).await;
    } else {
        world.check_that_nothing_is_too_much(&mut traffic).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_fails_over_in_order_admits_nothing_too_much() {
    check_a_change_in_order(By::Cluster, Kind::Redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_that_let_the_primary_wait_admit_nothing_too_much() {
    check_a_change_in_order(By::Sentinels, Kind::Valkey).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_that_let_two_take_writes_admit_what_one_control_plane_decided_alone() {
    check_a_change_in_order(By::Sentinels, Kind::Redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes half a minute, and the other way to run a store is in each run"]
async fn sentinels_that_let_two_take_writes_admit_nothing_too_much_that_a_replica_has_to_have() {
    let Some(world) = World::start(By::Sentinels, Kind::Redis, &replicated()).await else { return };
    let mut traffic = world.traffic().await;
    traffic.admits(200).await;
    world.pair.fail_over().await;
    traffic.admits(200).await;
    world.check_that_nothing_is_too_much(&mut traffic).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes half a minute, and the other way to run a store is in each run"]
async fn a_cluster_that_fails_over_in_order_is_waited_for_at_the_server_that_wrote() {
    let Some(world) = World::start(By::Cluster, Kind::Redis, &replicated()).await else { return };
    let mut traffic = world.traffic().await;
    traffic.admits(200).await;
    world.pair.fail_over().await;
    traffic.admits(200).await;
    world.check_that_nothing_is_too_much(&mut traffic).await;
}

/// The replica is cut off and gets nothing of what is admitted, the primary dies, and the replica takes over.
pub(crate) async fn check_a_change_with_loss(by: By, kind: Kind) {
    let Some(mut world) = World::start(by, kind, &closed()).await else { return };
    let mut traffic = world.traffic().await;
    traffic.admits(100).await;
    world.pair.notice_faults().await;
    world.pair.cut_replication().await;
    traffic.admits(300).await;
    let [primary, replica] = &world.pair.servers;
    let missing = offset(&primary.ask("INFO replication").await)
        - offset(&replica.ask("INFO replication").await);
    assert!(missing > 10_000, "only {missing} bytes of writes are missing at the replica");
    world.pair.servers[0].process().kill();
    let fault = Instant::now();
    world.pair.wait_until_it_took_over().await;
    println!("the replica took over after {} ms", fault.elapsed().as_millis());
    world.goes_on(&traffic, fault).await;
    traffic.admits(200).await;
    world.check_that_little_is_too_much(&mut traffic).await;
}

/// How far a server is in the history of writes.
fn offset(info: &Result<String, String>) -> i64 {
    let info = info.as_ref().expect("an answer");
    let line = info.lines().find_map(|line| line.strip_prefix("master_repl_offset:"));
    line.expect("a line").trim().parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_replica_lacks_that_sentinels_promote_is_brought_back() {
    check_a_change_with_loss(By::Sentinels, Kind::Redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_replica_lacks_that_a_cluster_promotes_is_brought_back() {
    check_a_change_with_loss(By::Cluster, Kind::Valkey).await;
}

/// The same where a replica has to have what is admitted: without it nothing is.
pub(crate) async fn check_that_nothing_is_lost_that_a_replica_has(by: By, kind: Kind) {
    let Some(mut world) = World::start(by, kind, &replicated()).await else { return };
    let mut traffic = world.traffic().await;
    traffic.admits(100).await;
    world.pair.notice_faults().await;
    world.pair.cut_replication().await;
    traffic.admits_nothing(&world.planes).await;
    world.pair.servers[0].process().kill();
    world.pair.wait_until_it_took_over().await;
    world.pair.servers[0].restart().await;
    traffic.admits(100).await;
    world.check_that_nothing_is_too_much(&mut traffic).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_lose_nothing_that_a_replica_has() {
    check_that_nothing_is_lost_that_a_replica_has(By::Sentinels, Kind::Redis).await;
}

/// The primary stands still until the other one took over, and wakes up with calls that nobody waits for.
pub(crate) async fn check_a_primary_that_stands_still(by: By, kind: Kind) {
    let Some(mut world) = World::start(by, kind, &closed()).await else { return };
    let mut traffic = world.traffic().await;
    traffic.admits(100).await;
    world.pair.notice_faults().await;
    world.pair.servers[0].process().freeze();
    let fault = Instant::now();
    world.pair.wait_until_it_took_over().await;
    println!("the replica took over after {} ms", fault.elapsed().as_millis());
    world.goes_on(&traffic, fault).await;
    traffic.admits(100).await;
    let used_before = traffic.used();
    world.pair.servers[0].process().thaw();
    traffic.admits(200).await;
    world.check_that_less_than_half_is_too_much(&mut traffic, used_before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_replace_a_primary_that_stands_still() {
    check_a_primary_that_stands_still(By::Sentinels, Kind::Redis).await;
}

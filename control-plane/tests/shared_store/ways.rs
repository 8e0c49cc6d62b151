//! How the server is found that takes the writes, where the URL does not name it itself.

use std::{env, time::Duration};

use flowguard::store::shared::client::{Client, Credentials, Failure, Mode, Secret, Target, Trust};
use harness::{
    deadline::eventually,
    random::with_a_new_seed,
    redis::{Kind, Redis},
    redis_pair::{By, RedisPair},
    tls::TlsFront,
};

use crate::{
    taken_over::{World, closed},
    traffic::{PREFIX, Traffic, target_of},
};

const SOON: Duration = Duration::from_secs(20);

/// As long as a control plane waits for a connection.
const PATIENCE: Duration = Duration::from_secs(2);

/// Sentinels that say that `master` is called flowguard, of whatever a test wants to be wrong with them.
async fn sentinel_of(master: &Redis, configuration: &str) -> Redis {
    let port = master.address().port();
    let monitor = format!("sentinel monitor flowguard 127.0.0.1 {port} 1\n{configuration}");
    Redis::start_with(Kind::Redis, Some(&monitor), &["--sentinel"]).await
}

async fn fails(target: &Target) -> String {
    let failure = Client::connect(target, PREFIX, PATIENCE).await.expect_err("nobody to ask");
    assert!(matches!(failure, Failure::NotConnected(_)), "{failure}");
    failure.to_string()
}

#[tokio::test]
async fn sentinels_that_are_gone_or_silent_are_in_nobodys_way() {
    let master = Redis::start(Kind::Redis, &[]).await;
    let [mut silent, mut gone, works] = [
        sentinel_of(&master, "").await,
        sentinel_of(&master, "").await,
        sentinel_of(&master, "").await,
    ];
    let all = [&silent, &gone, &works].map(|sentinel| sentinel.address().to_string()).join(",");
    let target = target_of(&format!("redis+sentinel://{all}/flowguard"));
    silent.process().freeze();
    gone.process().kill();
    let client = Client::connect(&target, PREFIX, PATIENCE).await.expect("one of them works");
    let server = client.server().await.expect("an answer");
    assert_eq!(server.address, master.address().to_string());
    assert!(server.is_master && server.mode == Mode::Standalone);
    drop(works);
    let told = fails(&target).await;
    assert!(told.contains("the sentinel 127.0.0.1:"), "{told}");
    silent.process().thaw();
}

#[tokio::test]
async fn a_name_that_sentinels_do_not_know_is_told() {
    let master = Redis::start(Kind::Redis, &[]).await;
    let sentinel = sentinel_of(&master, "").await;
    let told = fails(&target_of(&format!("redis+sentinel://{}/other", sentinel.address()))).await;
    assert!(told.ends_with("it watches nothing that it calls other"), "{told}");
}

#[tokio::test]
async fn a_replica_that_sentinels_call_the_master_is_not_asked() {
    let replica = Redis::start(Kind::Redis, &["--replicaof", "127.0.0.1 1"]).await;
    let sentinel = sentinel_of(&replica, "").await;
    let url = format!("redis+sentinel://{}/flowguard", sentinel.address());
    let told = fails(&target_of(&url)).await;
    let server = replica.address();
    assert!(
        told.ends_with(&format!("{server}: the sentinels call it the master, and it is none")),
        "{told}"
    );
}

#[tokio::test]
async fn a_sentinel_that_wants_a_password_is_told_the_servers_and_another_one_is_not() {
    let master = Redis::start(Kind::Redis, &["--requirepass", "sesame"]).await;
    let open = sentinel_of(&master, "sentinel auth-pass flowguard sesame\n").await;
    let closed = "sentinel auth-pass flowguard sesame\nrequirepass sesame\n";
    let closed = sentinel_of(&master, closed).await;
    let credentials = |password: &str| Credentials {
        user: None,
        password: Some(Secret::new(password.to_owned())),
    };
    for sentinel in [&open, &closed] {
        let url = format!("redis+sentinel://{}/flowguard", sentinel.address());
        let right = Target { credentials: credentials("sesame"), ..target_of(&url) };
        Client::connect(&right, PREFIX, PATIENCE).await.expect("it is the right one");
        let wrong = Target { credentials: credentials("mellon"), ..target_of(&url) };
        let told = fails(&wrong).await;
        assert!(told.contains("the user or the password is wrong"), "{told}");
        assert!(!told.contains("mellon"), "{told}");
    }
}

#[tokio::test]
async fn over_tls_the_certificates_of_sentinels_and_of_whom_they_name_are_checked() {
    let folder = tempfile::tempdir().expect("a folder");
    let master = Redis::start(Kind::Redis, &[]).await;
    let mut authorities = Vec::new();
    let mut front = async |server, name: &str| {
        let front = TlsFront::start(server, name, &[], folder.path()).await;
        authorities.extend(std::fs::read(front.ca_file()).expect("a file"));
        front
    };
    let [right, wrong] = [
        front(master.address(), "127.0.0.1").await,
        front(master.address(), "master.internal").await,
    ];
    let mut urls = Vec::new();
    let mut fronts = Vec::new();
    for named in [&right, &wrong] {
        let monitor = format!("sentinel monitor flowguard 127.0.0.1 {} 1\n", named.port());
        let sentinel = Redis::start_with(Kind::Redis, Some(&monitor), &["--sentinel"]).await;
        let before = front(sentinel.address(), "localhost").await;
        urls.push(format!("rediss+sentinel://localhost:{}/flowguard", before.port()));
        fronts.push((before, sentinel));
    }
    let trusted =
        |url: &str| Target { tls: Some(Trust::Authorities(authorities.clone())), ..target_of(url) };
    let client = Client::connect(&trusted(&urls[0]), PREFIX, PATIENCE).await.expect("all is right");
    let server = client.server().await.expect("an answer");
    assert_eq!(server.address, format!("127.0.0.1:{}", right.port()));
    let told = fails(&trusted(&urls[1])).await;
    assert!(told.contains(&format!("127.0.0.1:{}: ", wrong.port())), "{told}");
    let told = fails(&Target { tls: Some(Trust::System), ..target_of(&urls[0]) }).await;
    assert!(told.contains("the sentinel localhost:"), "{told}");
}

#[tokio::test]
async fn over_tls_the_certificates_of_a_clusters_servers_and_of_whom_they_name_are_checked() {
    let folder = tempfile::tempdir().expect("a folder");
    let pair = RedisPair::in_cluster(Kind::Redis, &[]).await;
    let [owner, replica] = &pair.servers;
    let mut authorities = Vec::new();
    let mut front = async |server, name: &str| {
        let front = TlsFront::start(server, name, &[], folder.path()).await;
        authorities.extend(std::fs::read(front.ca_file()).expect("a file"));
        front
    };
    let before = front(replica.address(), "localhost").await;
    let right = front(owner.address(), "127.0.0.1").await;
    let wrong = front(owner.address(), "owner.internal").await;
    let url = format!("rediss+cluster://localhost:{}", before.port());
    let trusted = Target { tls: Some(Trust::Authorities(authorities)), ..target_of(&url) };
    // Who asks a server that has not the keys is told whatever port the one says that has them.
    for front in [&right, &wrong] {
        let port = front.port();
        owner.ask(&format!("CONFIG SET cluster-announce-port {port}")).await.expect("it is told");
        eventually("the others have heard it", || async {
            let moved = replica.ask(&format!("GET {PREFIX}")).await.err()?;
            moved.contains(&format!("127.0.0.1:{port}")).then_some(())
        })
        .await;
        if port == right.port() {
            let client = Client::connect(&trusted, PREFIX, PATIENCE).await.expect("all is right");
            let server = client.server().await.expect("an answer");
            assert_eq!(server.address, format!("127.0.0.1:{port}"));
        } else {
            let told = fails(&trusted).await;
            assert!(told.contains(&format!("127.0.0.1:{port}: ")), "{told}");
        }
    }
    let told = fails(&Target { tls: Some(Trust::System), ..target_of(&url) }).await;
    assert!(told.contains("localhost:"), "{told}");
}

/// A primary that the sentinels cannot reach any more, and we can: the other one took over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_was_left_behind_is_left_by_control_planes_too() {
    let pair = RedisPair::with_sentinels(Kind::Redis, &[]).await;
    let client = Client::connect(&target_of(&pair.url()), PREFIX, SOON).await.expect("a primary");
    let before = client.server().await.expect("an answer");
    assert_eq!(before.address, pair.servers[0].address().to_string());
    // It goes on as if nothing had happened: its replica alone is made a primary, and the sentinels are told.
    pair.take_over_behind_the_back_of_the_primary().await;
    assert!(pair.servers[0].is_primary().await, "it knows of nothing");
    let failure = eventually("nobody asks it any more", || async { client.server().await.err() });
    let failure = failure.await;
    assert!(failure.is_of_the_connection(), "{failure}");
    let client = Client::connect(&target_of(&pair.url()), PREFIX, SOON).await.expect("a primary");
    let after = client.server().await.expect("an answer");
    assert_eq!(after.address, pair.servers[1].address().to_string());
    assert!(after.may_have_lost_what(&before), "{before:?} {after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_server_of_a_cluster_leads_to_the_one_that_has_the_keys() {
    let kind = if env::var_os("VALKEY_BIN").is_some() { Kind::Valkey } else { Kind::Redis };
    let mut pair = RedisPair::in_cluster(kind, &[]).await;
    let url = pair.url();
    let owner = pair.servers[0].address().to_string();
    let all = url.trim_start_matches("redis+cluster://").split(',').map(str::to_owned);
    for server in all {
        let target = target_of(&format!("redis+cluster://{server}"));
        let client = Client::connect(&target, PREFIX, PATIENCE).await.expect("it leads there");
        let found = client.server().await.expect("an answer");
        assert_eq!((found.address, found.mode), (owner.clone(), Mode::InCluster), "{server}");
    }
    // Without the owner nobody leads anywhere.
    pair.servers[0].process().kill();
    let told = fails(&target_of(&url)).await;
    assert!(!told.is_empty(), "{told}");
}

#[tokio::test]
async fn servers_of_a_cluster_that_are_gone_or_silent_are_in_nobodys_way() {
    let mut pair = RedisPair::in_cluster(Kind::Redis, &[]).await;
    let [owner, silent] = [&pair.servers[0], &pair.servers[1]].map(Redis::address);
    let gone = Redis::start(Kind::Redis, &[]).await.address();
    pair.servers[1].process().freeze();
    let target = target_of(&format!("redis+cluster://{silent},{gone},{owner}"));
    let client = Client::connect(&target, PREFIX, PATIENCE).await.expect("one of them leads there");
    assert_eq!(client.server().await.expect("an answer").address, owner.to_string());
    pair.servers[1].process().thaw();
}

/// The keys go to another server, one after the other and in full flight.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_is_moved_in_full_flight_costs_nothing() {
    let Some(world) = World::start(By::Cluster, Kind::Redis, &closed()).await else { return };
    let mut traffic = Traffic::start(&world.planes, &mut with_a_new_seed()).await;
    traffic.admits(200).await;
    world.pair.move_slot().await;
    traffic.admits(200).await;
    world.check_that_nothing_is_too_much(&mut traffic).await;
}

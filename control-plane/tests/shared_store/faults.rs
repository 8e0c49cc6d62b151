//! The store under faults, as control planes meet it: what is admitted too much or too little in each.

use std::{
    fs::{self, File},
    slice,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use flowguard::store::shared::{
    Config, EndWish, Receipts, StoreFailureMode, Value, Wish,
    client::{Client, Credentials, Secret, Target},
};
use harness::{
    deadline::eventually,
    random::with_a_new_seed,
    redis::{Kind, Redis},
};
use limiter::Decision;

use crate::{
    cutter::Cutter,
    traffic::{
        PLACES_MAX, PREFIX, Plane, TOKENS, Traffic, config, end, has_it_back, lasts, nobody_waits,
        of_places, of_tokens, target, wish, worker,
    },
};

const SOON: Duration = Duration::from_secs(20);

/// A server, two control planes that share it, and a connection to look at what is there.
struct World {
    redis: Redis,
    planes: Vec<Arc<Plane>>,
    client: Client,
}

impl World {
    async fn start(kind: Kind, options: &[&str], mode: StoreFailureMode) -> Self {
        let redis = Redis::start(kind, options).await;
        let target = target(redis.address().port());
        let planes = (0..2).map(|_| Plane::start(&target, &config(mode))).collect();
        let client = Client::connect(&target, PREFIX, SOON).await.expect("it listens");
        Self { redis, planes, client }
    }

    async fn closed() -> Self {
        Self::start(Kind::Redis, &[], StoreFailureMode::Closed).await
    }

    async fn set(&self, name: &str, value: &str) {
        self.redis.command(&[b"CONFIG", b"SET", name.as_bytes(), value.as_bytes()]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_fault_two_control_planes_are_exact_to_the_unit() {
    for kind in Kind::all_here() {
        let world = World::start(kind, &[], StoreFailureMode::Closed).await;
        let mut traffic = Traffic::start(&world.planes, &mut with_a_new_seed()).await;
        traffic.admits(2_000).await;
        let counts = traffic.stop().await;
        assert_eq!(counts.unavailable.load(Ordering::Relaxed), 0);
        traffic.check_that_it_is_exact(&world.client).await;
    }
}

async fn check_a_forgotten_script(kind: Kind) {
    let world = World::start(kind, &[], StoreFailureMode::Closed).await;
    let mut traffic = Traffic::start(&world.planes, &mut with_a_new_seed()).await;
    for _ in 0..20 {
        traffic.admits(20).await;
        world.redis.command(&[b"SCRIPT", b"FLUSH"]).await;
    }
    let counts = traffic.stop().await;
    assert_eq!(counts.unavailable.load(Ordering::Relaxed), 0);
    traffic.check_that_it_is_exact(&world.client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_that_is_forgotten_in_full_flight_costs_nothing() {
    for kind in Kind::all_here() {
        check_a_forgotten_script(kind).await;
    }
}

async fn check_a_reply_that_is_cut_off(kind: Kind) {
    let redis = Redis::start(kind, &[]).await;
    let cutter = Cutter::start(redis.address()).await;
    let cut = target(cutter.address().port());
    let config = config(StoreFailureMode::Closed);
    let planes: Vec<_> = (0..2).map(|_| Plane::start(&cut, &config)).collect();
    let straight = target(redis.address().port());
    let client = Client::connect(&straight, PREFIX, SOON).await.expect("it listens");
    let mut traffic = Traffic::start(&planes, &mut with_a_new_seed()).await;
    for _ in 0..10 {
        traffic.admits(20).await;
        // Most are a decision's. One that nobody's request waits for costs less.
        cutter.cut_at_the_next_reply().await;
    }
    traffic.admits(20).await;
    let counts = traffic.stop().await;
    assert!(counts.unavailable.load(Ordering::Relaxed) > 0);
    traffic.check_that_it_is_exact(&client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_that_is_cut_off_costs_nothing() {
    for kind in Kind::all_here() {
        check_a_reply_that_is_cut_off(kind).await;
    }
}

async fn check_a_store_that_stands_still(kind: Kind) {
    let mut world = World::start(kind, &[], StoreFailureMode::Closed).await;
    let mut traffic = Traffic::start(&world.planes, &mut with_a_new_seed()).await;
    traffic.admits(100).await;
    world.redis.process().freeze();
    lasts(Duration::from_secs(2)).await;
    assert!(traffic.counts.unavailable.load(Ordering::Relaxed) > 0);
    world.redis.process().thaw();
    traffic.admits(100).await;
    traffic.stop().await;
    traffic.check_that_it_is_exact(&world.client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_stands_still_has_decided_nothing_for_those_who_did_not_wait() {
    for kind in Kind::all_here() {
        check_a_store_that_stands_still(kind).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_is_told_when_the_store_has_it_and_not_when_nobody_waits_any_more() {
    let mut world = World::closed().await;
    let plane = Arc::clone(&world.planes[0]);
    let wish = wish(&worker(1), 1, vec![of_tokens(TOKENS, 10)]);
    let decided = plane.decide(&wish).await.expect("an answer");
    world.redis.process().freeze();
    let receipts = Receipts::default();
    let ended = EndWish { receipt: receipts.hand_out(), ..end(&wish, &decided, 3) };
    assert!(plane.one(Wish::End(Box::new(ended))).await.is_err(), "nobody answered in time");
    assert!(!receipts.are_all_back());
    world.redis.process().thaw();
    eventually("the store has it", || async { receipts.are_all_back().then_some(()) }).await;
    assert_eq!(world.client.open_requests(&worker(1).key).await, Ok(Vec::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_admitted_while_a_store_stands_still_is_charged_when_it_is_back() {
    let mut world = World::start(Kind::Redis, &[], StoreFailureMode::Local).await;
    let mut traffic = Traffic::start(&world.planes, &mut with_a_new_seed()).await;
    traffic.admits(100).await;
    world.redis.process().freeze();
    lasts(Duration::from_secs(2)).await;
    world.redis.process().thaw();
    has_it_back(&world.planes).await;
    traffic.admits(100).await;
    let counts = traffic.stop().await;
    assert_eq!(counts.unavailable.load(Ordering::Relaxed), 0);
    // What was admitted alone and ended after it is back gives nothing back.
    let charged = counts.charged.load(Ordering::Relaxed);
    let surplus = eventually("all is told", || async {
        let surplus = traffic.surplus(&world.client).await?;
        (-i128::from(charged)..=0).contains(&surplus).then_some(surplus)
    })
    .await;
    println!("{surplus} of {charged} charged");
    assert!(surplus >= -32 * 1_000, "{surplus}: more than what was open when it came back");
    traffic.check_that_places_are_free(&world.client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_whose_memory_is_full_does_nothing_until_it_has_some() {
    let world = World::closed().await;
    let mut traffic = Traffic::start(&world.planes, &mut with_a_new_seed()).await;
    for _ in 0..2 {
        traffic.admits(100).await;
        world.set("maxmemory", "1").await;
        // It answers all that writes nothing, and is away all the same.
        traffic.admits_nothing(&world.planes).await;
        assert!(world.planes.iter().all(|plane| plane.committer.is_away()));
        world.set("maxmemory", "0").await;
    }
    traffic.admits(100).await;
    traffic.stop().await;
    traffic.check_that_it_is_exact(&world.client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_without_one_of_the_rights_is_charged_nothing_and_not_waited_for() {
    let world = World::closed().await;
    let rights = async |rights: &str| {
        let user: [&[u8]; 7] =
            [b"ACL", b"SETUSER", b"alice", b"on", b">sesame", b"~*", rights.as_bytes()];
        world.redis.command(&user).await;
    };
    let password = Some(Secret::new("sesame".to_owned()));
    let credentials = Credentials { user: Some("alice".to_owned()), password };
    let alice = Target { credentials, ..target(world.redis.address().port()) };
    let mut traffic = Traffic::start(&world.planes, &mut with_a_new_seed()).await;
    for (number, command) in (1..).zip(["mset", "hset", "hdel", "hmget", "pexpire", "evalsha"]) {
        rights("+@all").await;
        rights(&format!("-{command}")).await;
        let plane = Plane::start(&alice, &config(StoreFailureMode::Closed));
        nobody_waits(slice::from_ref(&plane)).await;
        let request = wish(&worker(200 + number), 1, vec![of_tokens(TOKENS, 1), of_places()]);
        assert!(plane.decide(&request).await.is_none(), "{command}");
        traffic.admits(20).await;
        rights("+@all").await;
        let decided = eventually("a place", || async {
            let decided = plane.decide(&request).await?;
            (decided.decision == limiter::Decision::Admitted).then_some(decided)
        })
        .await;
        plane.one(Wish::End(Box::new(end(&request, &decided, 0)))).await.expect("it has ended");
    }
    traffic.stop().await;
    traffic.check_that_it_is_exact(&world.client).await;
}

async fn check_a_store_that_lost_its_last_second(kind: Kind) {
    let options = ["--appendonly", "yes", "--appendfsync", "everysec"];
    let mut world = World::start(kind, &options, StoreFailureMode::Closed).await;
    let mut traffic = Traffic::start(&world.planes, &mut with_a_new_seed()).await;
    traffic.admits(200).await;
    let log = world.redis.append_log();
    let kept = fs::metadata(&log).expect("a file").len();
    traffic.admits(200).await;
    world.redis.process().kill();
    File::options().write(true).open(&log).expect("a file").set_len(kept).expect("cut off");
    let lost = traffic.counts.admitted.load(Ordering::Relaxed);
    world.redis.restart().await;
    let target = target(world.redis.address().port());
    world.client = Client::connect(&target, PREFIX, SOON).await.expect("it listens");
    traffic.admits(100).await;
    let counts = traffic.stop().await;
    println!("{lost} were admitted before");
    let charged = counts.charged.load(Ordering::Relaxed);
    traffic.check_that_places_come_back(&world.planes[0], &world.client).await;
    // Each control plane has at most 16 requests under way of which the other one has not seen anything.
    let surplus = eventually("the last end", || async {
        let surplus = traffic.balance_beyond(&world.client).await?;
        (surplus <= 32 * 1_000).then_some(surplus)
    })
    .await;
    println!("{surplus} of {charged} charged");
    // Until the other control plane has said what it holds, one knows of its own places alone.
    let places = traffic.counts.places_most.load(Ordering::Relaxed);
    assert!(places <= 2 * PLACES_MAX, "{places} places");
    assert!(surplus >= -32 * 1_500, "{surplus}: refunds that the merge may forget");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_lost_its_last_second_is_told_what_was_seen() {
    for kind in Kind::all_here() {
        check_a_store_that_lost_its_last_second(kind).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_of_another_version_is_in_nobodys_way() {
    let world = World::closed().await;
    let mut traffic = Traffic::start(&world.planes, &mut with_a_new_seed()).await;
    let plane = &world.planes[0];
    let request = wish(&worker(200), 1, vec![of_tokens(b"other", 10), of_places()]);
    let decided = eventually("a place", || async {
        let decided = plane.decide(&request).await?;
        (decided.decision == limiter::Decision::Admitted).then_some(decided)
    })
    .await;
    let key = [PREFIX.as_bytes(), b"other"].concat();
    world.redis.command(&[b"SET", &key, b"of another version"]).await;
    let next = wish(&worker(200), 2, vec![of_tokens(b"other", 10)]);
    assert!(plane.decide(&next).await.is_none());
    plane.one(Wish::End(Box::new(end(&request, &decided, 5)))).await.expect("it has ended");
    assert!(!plane.committer.is_away());
    traffic.admits(100).await;
    let counts = traffic.stop().await;
    assert_eq!(counts.unavailable.load(Ordering::Relaxed), 0);
    traffic.check_that_it_is_exact(&world.client).await;
    assert_eq!(world.client.open_requests(&worker(200).key).await, Ok(Vec::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_the_store_cannot_do_is_in_nobodys_way() {
    let world = World::closed().await;
    let mut traffic = Traffic::start(&world.planes, &mut with_a_new_seed()).await;
    let plane = &world.planes[0];
    let request = wish(&worker(200), 1, vec![of_tokens(b"other", 10)]);
    let decided = plane.decide(&request).await.expect("an answer");
    let key = [PREFIX.as_bytes(), &worker(200).key].concat();
    world.redis.command(&[b"SET", &key, b"of somebody else"]).await;
    let _ = plane.one(Wish::End(Box::new(end(&request, &decided, 5)))).await;
    traffic.admits(200).await;
    traffic.stop().await;
    assert!(!plane.committer.is_away());
    traffic.check_that_it_is_exact(&world.client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_replica_has_meets_the_failure_mode() {
    let redis = Redis::start(Kind::Redis, &["--repl-diskless-sync-delay", "0"]).await;
    let port = redis.address().port();
    let of = format!("127.0.0.1 {port}");
    let mut replica = Redis::start(Kind::Redis, &["--replicaof", &of]).await;
    let client = Client::connect(&target(port), PREFIX, SOON).await.expect("it listens");
    let waits = Config { wait: 1, ..config(StoreFailureMode::Closed) };
    let planes = [Plane::start(&target(port), &waits), Plane::start(&target(port), &waits)];
    let mut traffic = Traffic::start(&planes, &mut with_a_new_seed()).await;
    traffic.admits(50).await;
    replica.process().freeze();
    traffic.admits_nothing(&planes).await;
    replica.process().thaw();
    traffic.admits(50).await;
    traffic.stop().await;
    // What was used beyond what was reserved may be charged twice; nothing else.
    traffic.check_that_it_is_exact(&client).await;
}

/// Each refusal of the store made a new part of the limit, which was full.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_cannot_be_read_is_limited_by_one_part_until_it_can() {
    const QUARTER: u64 = 250_000_000;
    for garbage in [b"garbage".to_vec(), vec![2; 65]] {
        let world = World::start(Kind::Redis, &[], StoreFailureMode::Local).await;
        let (plane, worker) = (&world.planes[0], worker(1));
        let key = [PREFIX.as_bytes(), TOKENS].concat();
        world.redis.command(&[b"SET", &key, &garbage]).await;
        let mut admitted = 0;
        for id in 0..12 {
            let request = wish(&worker, id, vec![of_tokens(TOKENS, QUARTER)]);
            let decided = plane.decide(&request).await.expect("it is decided alone");
            admitted += u64::from(decided.decision == Decision::Admitted);
            // The store answers what is not of that bucket.
            let other = wish(&worker, 100 + id, vec![of_tokens(b"bucket:other", 1)]);
            assert_eq!(plane.decide(&other).await.expect("an answer").decision, Decision::Admitted);
        }
        assert!((2..=4).contains(&admitted), "{admitted} of four quarters");

        world.redis.command(&[b"DEL", &key]).await;
        let last = wish(&worker, 50, vec![of_tokens(TOKENS, 1)]);
        plane.decide(&last).await.expect("the store decides");
        let owed = i64::try_from(1_000_000_000 - admitted * QUARTER).expect("a quarter");
        eventually("what was admitted is charged", || async {
            let value = world.client.values(&[TOKENS.into()]).await.ok()?.remove(0)?;
            let level = Value::try_from(value.as_slice()).ok()?.bucket.level();
            (level.whole <= owed + 1_000_000).then_some(())
        })
        .await;
    }
}

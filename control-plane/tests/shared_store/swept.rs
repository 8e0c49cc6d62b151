//! What can matter no more does not stay in the store, and what was counted by those who are gone stays
//! counted, once.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use flowguard::{
    ledger::Ledger,
    store::shared::{Config, GONE, StoreFailureMode, Value, client::Client},
};
use harness::{
    deadline::eventually,
    redis::{Kind, Redis},
};
use limiter::{Bucket, Level, Quota, UnixMillis, Window};

use crate::{
    moved::{asks, comes, is_admitted, ledger, over, stands, store_at},
    traffic::{PREFIX, Plane, config, target},
    world::exact,
};

/// The client of these ledgers, as the store has what is counted of it.
const ALICE: &[u8] = b"t:alice";

const DAY_MS: u64 = 86_400_000;

fn key(name: &[u8]) -> Vec<u8> {
    [PREFIX.as_bytes(), name].concat()
}

/// A store where it is configured what these ledgers have.
async fn redis() -> Redis {
    let redis = Redis::start(Kind::Redis, &[]).await;
    redis.command(&[b"HSET", &key(b"config:rows"), b"calice", b"a row"]).await;
    redis
}

/// One of its requests costs 100 tokens.
async fn counts(ledger: &Ledger, stream: u64) {
    let worker = comes(ledger, stream, &[]).await;
    let id = u32::try_from(stream).expect("few");
    assert!(is_admitted(&asks(ledger, &worker, id).await));
    assert_eq!(ledger.end(&worker, vec![(id, over())]).await.len(), 1);
    ledger.tell_tallies().await;
}

async fn used(ledger: &Ledger) -> u64 {
    stands(ledger).await.0
}

/// All keys are looked at once more.
async fn sweep(redis: &Redis, ledgers: &[&Ledger]) {
    loop {
        redis.command(&[b"DEL", &key(b"sweep:turn")]).await;
        for ledger in ledgers {
            ledger.sweep_store().await;
        }
        let cursor = redis.command(&[b"GET", &key(b"sweep:cursor")]).await;
        if cursor.starts_with(b"$1\r\n0\r\n") {
            return;
        }
    }
}

async fn number(redis: &Redis, command: &[&[u8]]) -> u64 {
    let answer = String::from_utf8(redis.command(command).await).expect("text");
    let number = answer.strip_prefix(':').and_then(|rest| rest.split("\r\n").next());
    number.and_then(|number| number.parse().ok()).expect("a number")
}

async fn sums_of_alice(redis: &Redis) -> u64 {
    number(redis, &[b"HLEN", &key(ALICE)]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_many_processes_counted_that_are_gone_is_one_sum_which_is_what_it_was() {
    let redis = redis().await;
    let (reader, other) = (ledger(&redis), ledger(&redis));
    for stream in 1..=5 {
        let gone = ledger(&redis);
        counts(&gone, stream).await;
        gone.leave_store().await;
    }
    assert_eq!((sums_of_alice(&redis).await, used(&reader).await), (5, 500));
    let there = ledger(&redis);
    counts(&there, 6).await;
    for _ in 0..2 {
        sweep(&redis, &[&reader, &other]).await;
        assert_eq!(
            sums_of_alice(&redis).await,
            2,
            "that of those who are gone, and of one who is not"
        );
        assert_eq!((used(&reader).await, used(&there).await), (600, 600));
    }
    counts(&there, 7).await;
    assert_eq!((used(&reader).await, used(&there).await), (700, 700));
    there.leave_store().await;
    sweep(&redis, &[&reader]).await;
    assert_eq!((sums_of_alice(&redis).await, used(&reader).await), (1, 700));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_add_up_the_same_at_once_one_does_and_of_who_is_there_nothing_is_added_up() {
    let redis = redis().await;
    let at = target(redis.address().port());
    let ((first, _desk), (other, _other_desk)) = (store_at(&at), store_at(&at));
    let told = |names: &[&[u8]]| -> Vec<_> {
        names.iter().map(|name| (name.to_vec(), name.to_ascii_uppercase())).collect()
    };
    let all = told(&[b"a", b"b", b"c"]);
    for (name, sum) in &all {
        redis.command(&[b"HSET", &key(ALICE), name, sum]).await;
    }
    let (few, rest) = (told(&[b"a", b"b"]), told(&[b"c"]));
    let done = tokio::join!(first.add_up(ALICE, &few, b"AB"), other.add_up(ALICE, &few, b"AB"));
    assert!(matches!(done, (Ok(true), Ok(false)) | (Ok(false), Ok(true))), "{done:?}");
    assert_eq!(sums_of_alice(&redis).await, 2);

    // Who has not seen the sum that is there, or saw another one, would take it away.
    assert_eq!(first.add_up(ALICE, &rest, b"C").await, Ok(false));
    let with = |sum: &[u8]| [vec![(GONE.to_vec(), sum.to_vec())], rest.clone()].concat();
    assert_eq!(first.add_up(ALICE, &with(b"A"), b"AC").await, Ok(false));
    redis.command(&[b"ZADD", &key(b"control-planes"), b"1", b"c"]).await;
    assert_eq!(first.add_up(ALICE, &with(b"AB"), b"ABC").await, Ok(false));
    redis.command(&[b"ZREM", &key(b"control-planes"), b"c"]).await;
    assert_eq!(first.add_up(ALICE, &with(b"AB"), b"ABC").await, Ok(true));
    assert_eq!(sums_of_alice(&redis).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_was_forgotten_and_is_there_all_the_same_is_counted_once() {
    let redis = redis().await;
    let (forgotten, gone, reader) = (ledger(&redis), ledger(&redis), ledger(&redis));
    counts(&gone, 1).await;
    gone.leave_store().await;
    counts(&forgotten, 2).await;
    // As if it had said nothing for a day.
    redis.command(&[b"DEL", &key(b"control-planes")]).await;
    sweep(&redis, &[&reader]).await;
    assert_eq!((sums_of_alice(&redis).await, used(&reader).await), (1, 200));
    eventually("it has another name", || async {
        forgotten.tell_tallies().await;
        let known = number(&redis, &[b"ZCARD", &key(b"control-planes")]).await;
        (known == 2).then_some(())
    })
    .await;
    assert_eq!((used(&reader).await, used(&forgotten).await), (200, 200));
    counts(&forgotten, 3).await;
    assert_eq!((used(&reader).await, used(&forgotten).await), (300, 300));
    assert_eq!(sums_of_alice(&redis).await, 2);
}

fn bucket(whole: i64, refilled_at: u64) -> Vec<u8> {
    let window = Window::from_secs(60).expect("a window");
    let quota = Quota::new(60, window, None).expect("a quota");
    let level = Level { quota, revision: 0, whole, rest: 0, refilled_at: UnixMillis(refilled_at) };
    let bucket = Bucket::at(level).expect("possible");
    Value { epoch: exact(0), bucket }.to_bytes().to_vec()
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    u64::try_from(since.as_millis()).expect("a time")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_of_clients_and_limits_that_are_no_more_goes_and_what_is_owed_or_new_stays() {
    let redis = redis().await;
    let reader = ledger(&redis);
    let hour_ago = now() - 3_600_000;
    let of_a_later_version = [&[9], &*bucket(0, 1)].concat();
    let buckets = [
        ("b:full", bucket(0, hour_ago - 61_000), false),
        ("b:full long ago", bucket(-600, hour_ago - DAY_MS), false),
        ("b:full a moment ago", bucket(59, hour_ago + 60_000), true),
        ("b:in debt", bucket(-600, hour_ago), true),
        ("b:later", of_a_later_version, true),
        ("other", bucket(0, hour_ago - DAY_MS), true),
    ];
    for (name, value, _) in &buckets {
        redis.command(&[b"SET", &key(name.as_bytes()), value]).await;
    }
    redis.command(&[b"SET", b"elsewhere:b:full", &bucket(0, 1)]).await;
    redis.command(&[b"HSET", &key(b"config:rows"), b"lday", b"a row"]).await;
    let counted = [
        ("t:alice", true),
        ("t:bob", false),
        ("t:unknown", true),
        ("l:day", true),
        ("l:alice", false),
    ];
    for (name, _) in counted {
        redis.command(&[b"HSET", &key(name.as_bytes()), b"somebody", b"so much"]).await;
    }
    // Places look after themselves.
    redis.command(&[b"HSET", &key(b"b:places"), b"", b"none"]).await;

    sweep(&redis, &[&reader]).await;
    let expected = buckets.iter().map(|(name, _, stays)| (*name, *stays)).chain(counted);
    for (name, stays) in expected.chain([("b:places", true)]) {
        let is_there = number(&redis, &[b"EXISTS", &key(name.as_bytes())]).await == 1;
        assert_eq!(is_there, stays, "{name}");
    }
    assert_eq!(number(&redis, &[b"EXISTS", b"elsewhere:b:full"]).await, 1);

    // One that a control plane writes that has not heard of it yet goes in the next round.
    redis.command(&[b"HSET", &key(b"t:bob"), b"somebody", b"so much"]).await;
    sweep(&redis, &[&reader]).await;
    assert_eq!(number(&redis, &[b"EXISTS", &key(b"t:bob")]).await, 0);
}

#[tokio::test]
async fn a_prefix_is_what_it_is_and_no_pattern() {
    let redis = Redis::start(Kind::Redis, &[]).await;
    let prefix = r"{a}*?[b-d]\^";
    let at = target(redis.address().port());
    let client = Client::connect(&at, prefix, Duration::from_secs(5)).await.expect("it is there");
    for name in [&[prefix, "b:1"].concat(), "{a}xyb]b:1", "{a}x", &[prefix, "c:1"].concat()] {
        redis.command(&[b"SET", name.as_bytes(), b""]).await;
    }
    let (next, found) = client.scan("[btl]:*", 0, 100).await.expect("an answer");
    assert_eq!((next, found), (0, vec![Arc::from(&b"b:1"[..])]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_control_plane_that_stops_counts_no_more_at_once() {
    let redis = redis().await;
    let of_others = |plane: &Plane| plane.metrics().sum("flowguard_store_control_planes", &[]);
    let plane = Plane::start(
        &target(redis.address().port()),
        &Config { timeout_ms: 10_000, ..config(StoreFailureMode::Local) },
    );
    let stops = ledger(&redis);
    eventually("both are counted", || {
        let count = of_others(&plane);
        async move { (count > 1.5).then_some(()) }
    })
    .await;
    let began = Instant::now();
    stops.leave_store().await;
    assert_eq!(number(&redis, &[b"ZCARD", &key(b"control-planes")]).await, 1);
    // Nothing is told in its name any more.
    counts(&stops, 1).await;
    assert_eq!(sums_of_alice(&redis).await, 0);
    eventually("one is counted", || {
        let count = of_others(&plane);
        async move { (count < 1.5).then_some(()) }
    })
    .await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(number(&redis, &[b"ZCARD", &key(b"control-planes")]).await, 1);

    // A store that is away holds up nobody's end.
    let redis = redis;
    let last = ledger(&redis);
    last.tell_tallies().await;
    drop(redis);
    let began = Instant::now();
    last.leave_store().await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweep_that_is_not_known_how_far_it_came_begins_anew() {
    let redis = redis().await;
    let ledger = ledger(&redis);
    let cursor = key(b"sweep:cursor");
    let hash: [&[u8]; 4] = [b"HSET", &cursor, b"a", b"b"];
    for garbage in [&[b"SET" as &[u8], &cursor, b"zzz"] as &[&[u8]], &hash] {
        redis.command(&[b"DEL", &cursor]).await;
        redis.command(garbage).await;
        sweep(&redis, &[&ledger]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_there_who_said_so_by_a_clock_that_was_far_ahead() {
    let redis = redis().await;
    let ahead: [&[u8]; 4] = [b"ZADD", &key(b"control-planes"), b"9000000000000000", b"nobody"];
    redis.command(&ahead).await;
    let plane = Plane::start(
        &target(redis.address().port()),
        &Config { timeout_ms: 10_000, ..config(StoreFailureMode::Local) },
    );
    eventually("it is there", || async {
        let there = number(&redis, &[b"ZCARD", &key(b"control-planes")]).await;
        (there == 2).then_some(())
    })
    .await;
    let count = plane.metrics().sum("flowguard_store_control_planes", &[]);
    assert!(count < 1.5, "{count}");
}

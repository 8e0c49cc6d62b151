//! A call and its answer: what a client can know of what happened.

use std::{num::NonZeroU64, sync::Arc, time::Duration};

use flowguard::store::shared::{
    Batch, Decide, Demand, End, Opening, Operation, Reply, Told, Verdict, Wanted,
    client::{Answer, Client, Credentials, Failure, OpenRequest, Secret, Target, Trust},
};
use harness::{
    redis::{Kind, Redis},
    tls::TlsFront,
};
use limiter::{Quota, Tokens, UnixMillis, Window};
use tokio::time::Instant;

use crate::{
    traffic::{PREFIX, target_of},
    world::exact,
};

const KEY: &[u8] = b"bucket:alice";
const WORKER: &[u8] = b"open:worker";
const SOON: Duration = Duration::from_secs(20);

/// So short that no server answers it that stands still.
const NO_TIME: Duration = Duration::from_millis(30);

const ADMITTED: Verdict = Verdict::Done { charged: 1 };

fn target(redis: &Redis) -> Target {
    at("localhost", redis.address().port())
}

fn at(host: &str, port: u16) -> Target {
    target_of(&format!("redis://{host}:{port}"))
}

async fn connect(redis: &Redis) -> Client {
    Client::connect(&target(redis), PREFIX, SOON).await.expect("it listens")
}

async fn start(options: &[&str]) -> (Redis, Client) {
    let redis = Redis::start(Kind::Redis, options).await;
    let client = connect(&redis).await;
    (redis, client)
}

fn told() -> Told {
    let quota = Quota::new(10, Window::MINUTE, None).expect("a quota");
    Told { epoch: exact(0), revision: 0, since: exact(0), quota }
}

/// One request, which costs one of ten a minute and is remembered under its number.
fn request(number: u32) -> Arc<Batch> {
    let mut batch = Batch::default();
    let bucket = batch.bucket(KEY, told(), None).expect("room");
    let demand = Demand { wanted: Wanted::Tokens(bucket, Tokens::ONE), is_watched: false };
    let worker = batch.worker(WORKER, exact(1)).expect("room");
    let opening = Some(Opening { worker, request: number, note: b"note".to_vec() });
    let decide = Decide { demands: [demand].into_iter().collect(), opening };
    batch.push(Operation::Decide(decide)).expect("room");
    Arc::new(batch)
}

async fn answered(client: &Client, batch: &Arc<Batch>, within: Duration) -> Result<Reply, Failure> {
    match client.call(batch, None, Instant::now() + within).await {
        Answer::InTime(answered) => answered,
        Answer::Late(_) => panic!("no answer within {within:?}"),
    }
}

async fn verdict(client: &Client, batch: &Arc<Batch>) -> Verdict {
    let reply = answered(client, batch, SOON).await.expect("an answer");
    reply.verdicts[0]
}

/// What is left of the bucket, whole tokens.
async fn left(client: &Client) -> i64 {
    let mut batch = Batch::default();
    batch.bucket(KEY, told(), None).expect("room");
    let reply = answered(client, &Arc::new(batch), SOON).await.expect("an answer");
    reply.after[0].bucket.balance(UnixMillis(0)).whole()
}

#[tokio::test]
async fn the_time_is_the_servers() {
    let (_redis, client) = start(&[]).await;
    let reply = answered(&client, &request(1), SOON).await.expect("an answer");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("later");
    let now_ms = u64::try_from(now.as_millis()).expect("not so late");
    assert!(now_ms.abs_diff(reply.now.0) < 20_000, "{} and {now_ms}", reply.now.0);
}

#[tokio::test]
async fn a_request_that_is_sent_twice_is_charged_once() {
    let (_redis, client) = start(&[]).await;
    assert_eq!(verdict(&client, &request(1)).await, ADMITTED);
    assert_eq!(verdict(&client, &request(1)).await, Verdict::DoneBefore);
    assert_eq!(left(&client).await, 9);
}

#[tokio::test]
async fn an_end_that_is_told_twice_gives_back_once() {
    let (_redis, client) = start(&[]).await;
    let reply = answered(&client, &request(1), SOON).await.expect("an answer");
    assert_eq!(verdict(&client, &request(2)).await, ADMITTED);

    let mut batch = Batch::default();
    let bucket = batch.bucket(KEY, told(), None).expect("room");
    let worker = batch.worker(WORKER, exact(1)).expect("room");
    let burst = NonZeroU64::new(10).expect("not 0");
    let charge = limiter::Charge::of(Tokens::ONE, burst, 0);
    let (epoch, used) = (reply.after[0].epoch, Tokens::ZERO);
    let correction = flowguard::store::shared::Correction { bucket, charge, epoch, used };
    let corrections = [correction].into_iter().collect();
    let end = End { worker, request: 1, corrections };
    batch.push(Operation::End(end)).expect("room");
    let end = Arc::new(batch);
    assert_eq!(verdict(&client, &end).await, Verdict::Done { charged: 0 });
    assert_eq!(verdict(&client, &end).await, Verdict::DoneBefore);
    assert_eq!(left(&client).await, 9);
    let open = client.open_requests(WORKER).await.expect("an answer");
    assert_eq!(open, [OpenRequest { id: 2, charged: 1, note: b"note".to_vec() }]);
}

#[tokio::test]
async fn a_server_that_forgot_the_script_is_told_it_again() {
    let (redis, client) = start(&[]).await;
    for number in 1..4 {
        assert_eq!(verdict(&client, &request(number)).await, ADMITTED);
        redis.command(&[b"SCRIPT", b"FLUSH"]).await;
    }
    assert_eq!(left(&client).await, 7);
}

#[tokio::test]
async fn a_bucket_of_a_later_version_is_refused_and_stays_as_it_is() {
    let (redis, client) = start(&[]).await;
    let key = [PREFIX.as_bytes(), KEY].concat();
    for value in [[2_u8; 65].as_slice(), &[1; 64], b""] {
        redis.command(&[b"SET", &key, value]).await;
        let failure = answered(&client, &request(1), SOON).await.expect_err("no bucket");
        assert!(matches!(failure, Failure::Unreadable(_)), "{failure}");
        assert!(!failure.may_have_happened());
        let stored = redis.command(&[b"GET", &key]).await;
        let expected = [format!("${}\r\n", value.len()).as_bytes(), value, b"\r\n+OK\r\n"].concat();
        assert_eq!(stored, expected);
        assert_eq!(client.open_requests(WORKER).await.expect("an answer"), []);
    }
}

#[tokio::test]
async fn an_answer_after_the_deadline_is_read_all_the_same() {
    let (mut redis, client) = start(&[]).await;
    redis.process().freeze();
    let answer = client.call(&request(1), None, Instant::now() + NO_TIME).await;
    let Answer::Late(late) = answer else { panic!("{answer:?}") };
    redis.process().thaw();
    let reply = late.wait().await.expect("an answer after all");
    assert_eq!(reply.verdicts, [ADMITTED]);
    assert_eq!(left(&client).await, 9, "charged once");
}

#[tokio::test]
async fn after_a_connection_that_broke_nobody_knows() {
    let (mut redis, client) = start(&[]).await;
    redis.process().freeze();
    let answer = client.call(&request(1), None, Instant::now() + NO_TIME).await;
    let Answer::Late(late) = answer else { panic!("{answer:?}") };
    redis.process().kill();
    let failure = late.wait().await.expect_err("nobody answers");
    assert!(matches!(failure, Failure::Unknown(_)), "{failure}");
    assert!(failure.may_have_happened());
}

#[tokio::test]
async fn a_server_that_is_not_there_can_have_done_nothing() {
    let (mut redis, _client) = start(&[]).await;
    redis.process().kill();
    let failure =
        Client::connect(&target(&redis), PREFIX, SOON).await.expect_err("nobody is there");
    assert!(matches!(failure, Failure::NotConnected(_)), "{failure}");
    assert!(!failure.may_have_happened());
}

/// A server that does not do it says so, is asked again until the deadline, and did nothing of it.
async fn check_that_nothing_was_done(options: &[&str], why: &str) {
    let (redis, client) = start(options).await;
    let (asked, within) = (Instant::now(), Duration::from_millis(100));
    let answer = client.call(&request(1), None, asked + within).await;
    let failure = match answer {
        Answer::InTime(answered) => answered,
        Answer::Late(late) => late.wait().await,
    };
    let failure = failure.expect_err("it is not done");
    assert!(matches!(&failure, Failure::DidNothing(text) if text.contains(why)), "{failure}");
    assert!(!failure.may_have_happened());
    let key = [PREFIX.as_bytes(), KEY].concat();
    assert_eq!(redis.command(&[b"EXISTS", &key]).await, b":0\r\n+OK\r\n");
    let calls = redis.command(&[b"INFO", b"commandstats"]).await;
    let calls = String::from_utf8(calls).expect("text");
    assert!(!calls.contains("cmdstat_evalsha:calls=1,"), "it was asked again: {calls}");
}

#[tokio::test]
async fn a_server_without_memory_does_nothing() {
    check_that_nothing_was_done(&["--maxmemory", "1"], "OOM").await;
}

#[tokio::test]
async fn a_server_without_the_replicas_that_it_wants_does_nothing() {
    check_that_nothing_was_done(&["--min-replicas-to-write", "1"], "NOREPLICAS").await;
}

#[tokio::test]
async fn a_replica_does_nothing_and_another_one_has_to_be_asked() {
    let (redis, client) = start(&["--replicaof", "127.0.0.1 1"]).await;
    let failure = answered(&client, &request(1), SOON).await.expect_err("it is not done");
    let Failure::Elsewhere(why) = &failure else { panic!("{failure}") };
    assert!(why.contains("read only replica"), "{failure}");
    assert!(failure.is_of_the_connection() && !failure.may_have_happened());
    let key = [PREFIX.as_bytes(), KEY].concat();
    assert_eq!(redis.command(&[b"EXISTS", &key]).await, b":0\r\n+OK\r\n");
}

#[tokio::test]
async fn a_password_is_needed_and_never_shown() {
    let redis = Redis::start(Kind::Redis, &["--requirepass", "open sesame"]).await;
    let password = |text: &str| Some(Secret::new(text.to_owned()));
    let with = |user: Option<&str>, password| Target {
        credentials: Credentials { user: user.map(str::to_owned), password },
        ..target(&redis)
    };
    for target in
        [with(None, password("open sesame")), with(Some("default"), password("open sesame"))]
    {
        assert!(!format!("{target:?}").contains("sesame"), "{target:?}");
        let client = Client::connect(&target, PREFIX, SOON).await.expect("it is the right one");
        assert!(!format!("{client:?}").contains("sesame"), "{client:?}");
        assert_ne!(verdict(&client, &request(1)).await, Verdict::Refused);
    }
    for target in [with(None, password("wrong one")), with(Some("mallory"), password("wrong one"))]
    {
        let failure = Client::connect(&target, PREFIX, SOON).await.expect_err("it is wrong");
        let text = format!("{failure} {failure:?}");
        assert!(text.contains("the user or the password is wrong"), "{text}");
        assert!(!text.contains("wrong one") && !text.contains("mallory"), "{text}");
    }
    // Without any, the server lets nobody ask.
    let nobody = Client::connect(&with(None, None), PREFIX, SOON).await;
    let failure = match nobody {
        Ok(client) => answered(&client, &request(1), SOON).await.expect_err("it wants one"),
        Err(failure) => failure,
    };
    assert!(failure.to_string().contains("the user or the password is wrong"), "{failure}");
}

#[tokio::test]
async fn a_certificate_has_to_be_of_the_authority_that_is_trusted() {
    let (redis, _client) = start(&[]).await;
    let folder = tempfile::tempdir().expect("a folder");
    let front = TlsFront::start(redis.address(), "localhost", &[], folder.path()).await;
    let authority = std::fs::read(front.ca_file()).expect("a file");
    let with = |trust| Target { tls: Some(trust), ..at("localhost", front.port()) };
    let right = with(Trust::Authorities(authority.clone()));
    let client = Client::connect(&right, PREFIX, SOON).await.expect("it is the right one");
    assert_eq!(verdict(&client, &request(1)).await, ADMITTED);

    let other = TlsFront::start(redis.address(), "localhost", &[], folder.path()).await;
    let other = std::fs::read(other.ca_file()).expect("a file");
    for trust in [Trust::Authorities(other), Trust::System] {
        let failure = Client::connect(&with(trust), PREFIX, SOON).await.expect_err("a stranger");
        assert!(matches!(failure, Failure::NotConnected(_)), "{failure}");
    }
    let elsewhere = Target { tls: right.tls, ..at("127.0.0.1", front.port()) };
    let failure = Client::connect(&elsewhere, PREFIX, SOON).await.expect_err("of another name");
    assert!(matches!(failure, Failure::NotConnected(_)), "{failure}");
}

#[tokio::test]
async fn a_server_that_was_started_anew_may_have_lost_what_was_seen() {
    let (mut redis, client) = start(&["--maxmemory-policy", "allkeys-lru"]).await;
    let before = client.server().await.expect("an answer");
    assert!(before.is_master && !before.has_log, "{before:?}");
    assert_eq!((before.maxmemory_policy.as_str(), before.replicas), ("allkeys-lru", 0));
    assert_eq!(verdict(&client, &request(1)).await, ADMITTED);
    let after = client.server().await.expect("an answer");
    assert!(!after.may_have_lost_what(&before), "{before:?} {after:?}");

    redis.process().kill();
    redis.restart().await;
    let client = connect(&redis).await;
    let anew = client.server().await.expect("an answer");
    assert!(anew.may_have_lost_what(&after), "{after:?} {anew:?}");
}

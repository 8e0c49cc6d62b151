//! Keys that somebody overwrote: what needs one is decided alone, everything else by the store, and people are
//! told how many there are until they can be read again.

use std::sync::Arc;

use flowguard::store::shared::{DecideWish, StoreFailureMode, Thing, WorkerName};
use harness::{
    deadline::eventually_equal,
    redis::{Kind, Redis},
};
use limiter::Decision;

use crate::traffic::{
    PLACES, PREFIX, Plane, TOKENS, config, of_places, of_tokens, target, wish, worker,
};

/// How a key can be overwritten, as a command without the key.
type Overwritten<'a> = (&'a [u8], &'a [&'a [u8]]);

struct World {
    redis: Redis,
    plane: Arc<Plane>,
    worker: Arc<WorkerName>,
    requests: u32,
}

impl World {
    async fn start() -> Self {
        let redis = Redis::start(Kind::Redis, &[]).await;
        let plane = Plane::start(&target(redis.address().port()), &config(StoreFailureMode::Local));
        Self { redis, plane, worker: worker(1), requests: 0 }
    }

    async fn overwrite(&self, key: &[u8], (command, rest): Overwritten<'_>) {
        self.redis.command(&[b"DEL", key]).await;
        self.redis.command(&[&[command, key], rest].concat()).await;
    }

    fn next(&mut self, worker: &Arc<WorkerName>, things: Vec<Thing>) -> DecideWish {
        self.requests += 1;
        wish(worker, self.requests, things)
    }

    async fn is_admitted(&mut self, worker: &Arc<WorkerName>, things: Vec<Thing>) {
        let request = self.next(worker, things);
        let decided = self.plane.decide(&request).await.expect("it is decided");
        assert_eq!(decided.decision, Decision::Admitted);
    }

    /// How many the store did not decide.
    fn check_decided_alone(&self, expected: u32) {
        let alone = self.plane.metrics().sum("flowguard_store_undecided_total", &[]);
        assert!((alone - f64::from(expected)).abs() < 0.5, "{alone} decided alone, not {expected}");
    }

    /// Only what needs this key is decided alone while it is so, and people are told.
    async fn check(key: &[u8], overwritten: Overwritten<'_>, things: fn() -> Vec<Thing>) {
        let mut world = Self::start().await;
        let needs_it = Arc::clone(&world.worker);
        let unreadable = world.plane.committer.unreadable_keys();
        let key = [PREFIX.as_bytes(), key].concat();
        world.is_admitted(&needs_it, things()).await;
        world.overwrite(&key, overwritten).await;
        for alone in 1..=3 {
            world.is_admitted(&needs_it, things()).await;
            world.is_admitted(&worker(2), vec![of_tokens(b"bucket:other", 1)]).await;
            world.check_decided_alone(alone);
            assert_eq!(*unreadable.borrow(), 1, "{}", key.escape_ascii());
        }

        world.redis.command(&[b"DEL", &key]).await;
        world.is_admitted(&needs_it, things()).await;
        world.check_decided_alone(3);
        eventually_equal("keys that cannot be read", 0, || async { *unreadable.borrow() }).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_is_overwritten_is_in_the_way_of_nobody_else() {
    World::check(TOKENS, (b"SET", &[b"garbage"]), || vec![of_tokens(TOKENS, 1)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn places_that_are_overwritten_are_in_the_way_of_nobody_else() {
    let overwritten: [Overwritten<'_>; 5] = [
        (b"SET", &[b"garbage"]),
        (b"HSET", &[b"", b"garbage"]),
        // No number of places is this one.
        (b"HSET", &[b"", &[0xff; 16]]),
        (b"HSET", &[&[1; 16], b"garbage"]),
        (b"HSET", &[b"somebody", b"garbage"]),
    ];
    for overwritten in overwritten {
        World::check(PLACES, overwritten, || vec![of_places()]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workers_open_requests_that_are_overwritten_are_in_the_way_of_no_other_worker() {
    let overwritten: [Overwritten<'_>; 2] =
        [(b"SET", &[b"garbage"]), (b"HSET", &[b"", b"garbage"])];
    for overwritten in overwritten {
        World::check(&worker(1).key, overwritten, || vec![of_tokens(TOKENS, 1)]).await;
    }
}

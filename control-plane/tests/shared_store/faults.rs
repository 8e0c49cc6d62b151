//! The store under faults, as control planes meet it: what is admitted too much or too little in each.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use flowguard::store::shared::{StoreFailureMode, client::Client};
use harness::{
    deadline::eventually,
    random::with_a_new_seed,
    redis::{Kind, Redis},
};

use crate::traffic::{PREFIX, Plane, Traffic, config, target};

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
    for kind in Kind::ALL {
        if kind == Kind::Valkey && std::env::var_os("FLOWGUARD_VALKEY").is_none() {
            println!("passed over: there is no Valkey here, and FLOWGUARD_VALKEY names none");
            continue;
        }
        let world = World::start(kind, &[], StoreFailureMode::Closed).await;
        let mut traffic = Traffic::start(&world.planes, &mut with_a_new_seed()).await;
        traffic.admits(2_000).await;
        let counts = traffic.stop().await;
        assert_eq!(counts.unavailable.load(Ordering::Relaxed), 0);
        traffic.check_that_it_is_exact(&world.client).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_that_is_forgotten_in_full_flight_costs_nothing() {
    let world = World::closed().await;
    let mut traffic = Traffic::start(&world.planes, &mut with_a_new_seed()).await;
    for _ in 0..20 {
        traffic.admits(20).await;
        world.redis.command(&[b"SCRIPT", b"FLUSH"]).await;
    }
    let counts = traffic.stop().await;
    assert_eq!(counts.unavailable.load(Ordering::Relaxed), 0);
    traffic.check_that_it_is_exact(&world.client).await;
}

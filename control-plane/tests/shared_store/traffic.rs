//! Control planes that share a server, and workers who ask them: what was used is written down beside.

use std::{
    num::NonZeroU64,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use fastrand::Rng;
use flowguard::store::shared::{
    Charged, Committer, Config, DecideWish, Decided, DemandWish, Done, EndWish, Hold, Link,
    Receipt, RequestName, StoreFailureMode, StoreMetrics, StoreUrl, Thing, Told, Unavailable,
    Value, Wish, WorkerName,
    client::{Client, Target},
};
use harness::{
    deadline::{SOON, eventually, eventually_equal},
    metrics::Metrics,
};
use limiter::{Decision, Quota, Tokens, Window};
use prometheus::{Registry, TextEncoder};
use tokio::task::{JoinHandle, JoinSet, yield_now};

use crate::world::exact;

pub(crate) const PREFIX: &str = "{flowguard}:";

/// The bucket of tokens that all requests share, and their places.
pub(crate) const TOKENS: &[u8] = b"bucket:tokens";
pub(crate) const PLACES: &[u8] = b"places:all";

/// How many places there are.
pub(crate) const PLACES_MAX: u64 = 5;

/// What the first request costs, which never ends: the bucket is never full again.
const BASE: u64 = 500_000_000;

/// For how long a place is a worker's that says nothing more.
const LEASE: Duration = Duration::from_mins(1);

const WORKERS: usize = 4;
const OPEN_MAX: usize = 4;
const COST_MAX: u64 = 1_000;

/// A control plane, as far as the store knows one.
pub(crate) struct Plane {
    pub(crate) committer: Committer,
    registry: Registry,
    desk: JoinHandle<()>,
}

impl Drop for Plane {
    fn drop(&mut self) {
        self.desk.abort();
    }
}

impl Plane {
    pub(crate) fn start(target: &Target, config: &Config) -> Arc<Self> {
        let registry = Registry::new();
        let metrics = StoreMetrics::register(&registry).expect("each metric is defined once");
        let link = Link::new(target.clone(), PREFIX);
        let (committer, desk) = Committer::new(link, config, metrics);
        Arc::new(Self { committer, registry, desk: tokio::spawn(desk) })
    }

    /// What it has counted.
    pub(crate) fn metrics(&self) -> Metrics {
        let page = TextEncoder.encode_to_string(&self.registry.gather());
        Metrics::parse(&page.expect("metrics can be written"))
    }

    pub(crate) async fn one(&self, wish: Wish) -> Result<Done, Unavailable> {
        self.committer.carry_out(vec![wish]).await.remove(0)
    }

    pub(crate) async fn decide(&self, wish: &DecideWish) -> Option<Decided> {
        match self.one(Wish::Decide(Arc::new(wish.clone()))).await {
            Ok(Done::Decided(decided)) => Some(*decided),
            Ok(other) => panic!("{other:?}"),
            Err(Unavailable) => None,
        }
    }
}

/// The servers of a URL.
pub(crate) fn target_of(url: &str) -> Target {
    Target::plain(StoreUrl::parse(url).expect("a URL").topology)
}

pub(crate) fn target(port: u16) -> Target {
    target_of(&format!("redis://127.0.0.1:{port}"))
}

pub(crate) fn config(failure_mode: StoreFailureMode) -> Config {
    Config { failure_mode, ..Config::default() }
}

pub(crate) fn tokens(tokens: u64) -> Tokens {
    Tokens::new(tokens).expect("few")
}

/// A billion in 31 days, of which so much is there that nothing is refused.
pub(crate) fn told() -> Told {
    let window = Window::from_secs(31 * 24 * 60 * 60).expect("the longest");
    let quota = Quota::new(1_000_000_000, window, None).expect("a quota");
    Told { epoch: exact(0), revision: 0, since: exact(0), quota }
}

pub(crate) fn worker(name: u8) -> Arc<WorkerName> {
    Arc::new(WorkerName { key: vec![b'w', b':', name], name: [name; 16], stream: 1 })
}

pub(crate) fn wish(worker: &Arc<WorkerName>, id: u32, things: Vec<Thing>) -> DecideWish {
    let demands = things.into_iter().map(|of| DemandWish { of, is_watched: false });
    DecideWish {
        demands: demands.collect(),
        request: RequestName { worker: Arc::clone(worker), id },
        note: b"note".to_vec(),
    }
}

pub(crate) fn of_tokens(key: &[u8], cost: u64) -> Thing {
    Thing::Tokens(key.into(), told(), tokens(cost))
}

pub(crate) fn of_places() -> Thing {
    Thing::Place(PLACES.into(), NonZeroU64::new(PLACES_MAX).expect("some"))
}

/// The end of a request that used so much.
pub(crate) fn end(wish: &DecideWish, decided: &Decided, used: u64) -> EndWish {
    let holds = wish.demands.iter().zip(&decided.charged);
    let holds = holds.filter_map(|(demand, charged)| match (&demand.of, charged) {
        (Thing::Tokens(key, told, _), Some(Charged::Tokens(charge, epoch))) => Some(Hold::Tokens {
            key: Arc::clone(key),
            told: *told,
            charge: *charge,
            epoch: *epoch,
            used: tokens(used),
        }),
        (Thing::Place(key, max), Some(Charged::Place)) => Some(Hold::Place(Arc::clone(key), *max)),
        _ => None,
    });
    EndWish { request: wish.request.clone(), holds: holds.collect(), receipt: Receipt::default() }
}

/// What all workers of all control planes did together.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) used: AtomicU64,
    pub(crate) charged: AtomicU64,
    pub(crate) admitted: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) unavailable: AtomicU64,
    pub(crate) ended: AtomicU64,
    places: AtomicU64,
    pub(crate) places_most: AtomicU64,
    stops: AtomicBool,
}

/// Workers who ask, each one after the other, until they are stopped.
pub(crate) struct Traffic {
    pub(crate) counts: Arc<Counts>,
    began: Decided,
    workers: JoinSet<()>,
    names: Vec<Arc<WorkerName>>,
}

impl Traffic {
    /// Each of these control planes has some workers.
    pub(crate) async fn start(planes: &[Arc<Plane>], chance: &mut Rng) -> Self {
        let base = wish(&worker(0), 0, vec![of_tokens(TOKENS, BASE)]);
        let began = eventually("a first decision", || planes[0].decide(&base)).await;
        let counts = Arc::new(Counts::default());
        let mut workers = JoinSet::new();
        let mut names = Vec::new();
        for plane in planes {
            for _ in 0..WORKERS {
                let name = worker(u8::try_from(names.len() + 1).expect("few"));
                names.push(Arc::clone(&name));
                let chance = Rng::with_seed(chance.u64(..));
                workers.spawn(run(Arc::clone(plane), name, Arc::clone(&counts), chance));
            }
        }
        Self { counts, began, workers, names }
    }

    /// Until so many more were admitted.
    pub(crate) async fn admits(&self, more: u64) {
        let until = self.counts.admitted.load(Ordering::Relaxed) + more;
        eventually("more are admitted", || {
            let is_reached = self.counts.admitted.load(Ordering::Relaxed) >= until;
            async move { is_reached.then_some(()) }
        })
        .await;
    }

    /// Until so many more were not decided.
    pub(crate) async fn fails(&self, more: u64) {
        let until = self.counts.unavailable.load(Ordering::Relaxed) + more;
        eventually("more meet the failure mode", || {
            let is_reached = self.counts.unavailable.load(Ordering::Relaxed) >= until;
            async move { is_reached.then_some(()) }
        })
        .await;
    }

    /// Nobody waits for the store any more, and nothing is admitted without it.
    pub(crate) async fn admits_nothing(&self, planes: &[Arc<Plane>]) {
        nobody_waits(planes).await;
        let admitted = self.counts.admitted.load(Ordering::Relaxed);
        self.fails(100).await;
        assert_eq!(self.counts.admitted.load(Ordering::Relaxed), admitted);
    }

    /// All that was admitted has ended; what the workers did.
    pub(crate) async fn stop(&mut self) -> &Counts {
        self.counts.stops.store(true, Ordering::Relaxed);
        while let Some(ended) = self.workers.join_next().await {
            ended.expect("no worker panics");
        }
        println!(
            "{:?} admitted, {:?} refused, {:?} unavailable, {:?} places at most",
            self.counts.admitted,
            self.counts.refused,
            self.counts.unavailable,
            self.counts.places_most
        );
        &self.counts
    }

    /// What is left of the bucket beyond what it should be, in tokens, rounded down; none before every
    /// end is told.
    pub(crate) async fn surplus(&self, client: &Client) -> Option<i128> {
        for name in &self.names {
            if !client.open_requests(&name.key).await.ok()?.is_empty() {
                return None;
            }
        }
        self.balance_beyond(client).await
    }

    /// Tokens that were used by now.
    pub(crate) fn used(&self) -> i128 {
        self.counts.used.load(Ordering::Relaxed).into()
    }

    /// The same, whatever is open.
    pub(crate) async fn balance_beyond(&self, client: &Client) -> Option<i128> {
        let value = client.values(&[TOKENS.into()]).await.ok()?.remove(0)?;
        let level = Value::try_from(value.as_slice()).expect("a bucket").bucket.level();
        let window = i128::from(level.quota.window().millis());
        let elapsed = i128::from(level.refilled_at.0) - i128::from(self.began.now.0);
        let used = i128::from(BASE) + self.used();
        let amount = i128::from(level.quota.amount());
        let expected = (amount - used) * window + amount * elapsed;
        let found = i128::from(level.whole) * window + i128::from(level.rest);
        let surplus = found - expected;
        // Of units less than a token nothing is ever lost.
        assert_eq!(surplus % window, 0, "{surplus} units of {window} a token, at {level:?}");
        Some(surplus / window)
    }

    /// At rest the balance is exactly what the admitted ones used, there were never more places than there
    /// are, and none is taken.
    pub(crate) async fn check_that_it_is_exact(&self, client: &Client) {
        eventually_equal("the surplus", Some(0), || self.surplus(client)).await;
        let most = self.counts.places_most.load(Ordering::Relaxed);
        assert!(most <= PLACES_MAX, "{most} places of {PLACES_MAX}");
        self.check_that_places_are_free(client).await;
    }

    /// All places are free at rest.
    pub(crate) async fn check_that_places_are_free(&self, client: &Client) {
        let places = [Arc::from(PLACES)];
        eventually_equal("places taken", Some(vec![0]), || async {
            client.places_taken(&places).await.ok()
        })
        .await;
    }

    /// Places are free again, at the latest when their lease is over: a store that forgot that one was given
    /// back hears nothing more of a worker that holds none.
    pub(crate) async fn check_that_places_come_back(&self, plane: &Plane, client: &Client) {
        let started = Instant::now();
        let worker = worker(250);
        for id in 1.. {
            // Leases are looked at when somebody asks for a place.
            let request = wish(&worker, id, vec![of_places()]);
            if let Some(decided) = plane.decide(&request).await
                && decided.decision == Decision::Admitted
            {
                let _ = plane.one(Wish::End(Box::new(end(&request, &decided, 0)))).await;
            }
            match client.places_taken(&[Arc::from(PLACES)]).await.as_deref() {
                Ok([0]) => return,
                taken => assert!(started.elapsed() < LEASE + SOON, "{taken:?} places are taken"),
            }
            breathe().await;
        }
    }
}

/// For how long a fault lasts.
#[expect(clippy::disallowed_methods, reason = "the fault lasts so long")]
pub(crate) async fn lasts(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Until the store is back for each of them.
pub(crate) async fn has_it_back(planes: &[Arc<Plane>]) {
    eventually("the store is back", || async {
        planes.iter().all(|plane| !plane.committer.is_away()).then_some(())
    })
    .await;
}

async fn run(plane: Arc<Plane>, name: Arc<WorkerName>, counts: Arc<Counts>, mut chance: Rng) {
    let mut open: Vec<(DecideWish, Decided, u64)> = Vec::new();
    let mut id = 0;
    loop {
        let stops = counts.stops.load(Ordering::Relaxed);
        if stops && open.is_empty() {
            return;
        }
        if stops || open.len() >= OPEN_MAX || (chance.bool() && !open.is_empty()) {
            let (wish, decided, cost) = open.swap_remove(chance.usize(..open.len()));
            let used = chance.u64(..=cost * 3 / 2);
            counts.used.fetch_add(used, Ordering::Relaxed);
            let end = end(&wish, &decided, used);
            if end.holds.iter().any(|hold| matches!(hold, Hold::Place(..))) {
                counts.places.fetch_sub(1, Ordering::Relaxed);
            }
            let _ = plane.one(Wish::End(Box::new(end))).await;
            counts.ended.fetch_add(1, Ordering::Relaxed);
        } else {
            id += 1;
            let cost = chance.u64(..=COST_MAX);
            let mut things = vec![of_tokens(TOKENS, cost)];
            let wants_a_place = chance.bool();
            if wants_a_place {
                things.push(of_places());
            }
            let wish = wish(&name, id, things);
            match plane.decide(&wish).await {
                Some(decided) if decided.decision == Decision::Admitted => {
                    counts.admitted.fetch_add(1, Ordering::Relaxed);
                    counts.charged.fetch_add(cost, Ordering::Relaxed);
                    if wants_a_place {
                        let places = counts.places.fetch_add(1, Ordering::Relaxed) + 1;
                        counts.places_most.fetch_max(places, Ordering::Relaxed);
                    }
                    open.push((wish, decided, cost));
                }
                Some(_) => {
                    counts.refused.fetch_add(1, Ordering::Relaxed);
                }
                None => {
                    counts.unavailable.fetch_add(1, Ordering::Relaxed);
                    breathe().await;
                }
            }
        }
        yield_now().await;
    }
}

/// Until all of these take the store for away.
pub(crate) async fn nobody_waits(planes: &[Arc<Plane>]) {
    eventually("nobody waits any more", || {
        let is_away = planes.iter().all(|plane| plane.committer.is_away());
        async move { is_away.then_some(()) }
    })
    .await;
}

#[expect(clippy::disallowed_methods, reason = "who is not answered asks again a little later")]
async fn breathe() {
    tokio::time::sleep(Duration::from_millis(2)).await;
}

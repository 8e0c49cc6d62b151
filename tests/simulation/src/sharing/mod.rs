//! A run of several control planes that share a store: all of it in one thread and by simulated time,
//! beside a model of the store and a judge of every request.

mod bucket;
mod call;
mod configured;
mod judge;
mod model;
mod plan;
mod plane;
mod planes;
mod rest;
mod seats;
mod stream;
mod takeover;
mod troubles;

use std::{collections::BTreeMap, time::Duration};

use filter::simulation::RequestId;
use flowguard::{
    ledger::{Policy, ResumePolicy, UnknownClients},
    store::shared::{Config, StoreFailureMode},
};
use limiter::PerMinute;
use tokio::{
    runtime, select,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::{Instant, sleep_until},
};

use self::{
    call::{Decided, Request},
    configured::{Configured, Write},
    judge::{Judge, Known},
    model::Remembered,
    plane::Plane,
    takeover::Takeover,
    troubles::Over,
};
use crate::{
    edge::{Edge, Passed, SECOND, Sent},
    network::StreamId,
    oracle::Name,
    queue::Micros,
    random::Random,
    redis::{Call, Redis},
    report::{Report, Told, Violation},
};

pub use plan::{Plan, Trouble, Without};

/// What happens to control planes and to their store.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// A control plane begins.
    Begin,
    /// An operator does something.
    Operate,
    /// Something goes wrong.
    Trouble,
    /// What went wrong is over.
    Over(Over),
    /// It is looked whether the same is configured everywhere.
    Look,
}

/// What tasks tell.
enum News {
    /// A control plane has begun, or could not.
    Began(u64, Result<Box<Plane>, String>),
    /// Something is sent on a stream.
    Sent(StreamId, Sent),
    /// A stream was refused.
    Refused(StreamId, String),
    /// A write was acknowledged, or failed.
    Wrote(Write, bool),
}

/// A run.
struct World {
    plan: Plan,
    edge: Edge<Event>,
    redis: Redis,
    planes: BTreeMap<u64, Plane>,
    /// How many there ever were, and how many begin at this moment.
    begun: u64,
    beginning: u64,
    policy: Policy,
    config: Config,
    model: Remembered,
    judge: Judge,
    /// The Envoy of each worker.
    envoy_of: BTreeMap<Name, u64>,
    configured: Configured,
    /// When something was wrong last that keeps anybody from the store.
    disturbed_until: Micros,
    /// The store has forgotten something.
    has_lost: bool,
    /// How many calls were read.
    calls: usize,
    /// What each control plane was told last of each bucket, by which server and when.
    told: BTreeMap<(u64, Vec<u8>), TellsBack>,
    news: UnboundedReceiver<News>,
    tell: UnboundedSender<News>,
    began: Instant,
}

/// What a control plane has to tell of a bucket to a server that may not know it.
#[derive(Clone, Copy, Debug)]
struct TellsBack {
    generation: u64,
    value: call::Stored,
    call: usize,
}

/// Runs a plan to its end, or through so many events.
pub(crate) fn run(
    plan: Plan,
    steps_max: u64,
    told: Told,
    mutant: Option<(&'static str, &'static str)>,
) -> Result<Report, Violation> {
    let runtime = runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a thread can have a runtime");
    runtime.block_on(async {
        let world = World::new(plan, told);
        if let Some((from, to)) = mutant {
            world.redis.mutate(from, to);
        }
        world.run(steps_max).await
    })
}

/// The calls of the script that decides, in a run.
pub(crate) fn record(plan: Plan) -> Result<Vec<Call>, Violation> {
    let runtime = runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a thread can have a runtime").block_on(async {
        let world = World::new(plan, Told::Nothing);
        let redis = world.redis.clone();
        // One that ends early has fewer calls, which says nothing of them.
        world.run(u64::MAX).await?;
        let mut calls = redis.all_calls();
        calls.retain(|call| Decided::read(call).is_some());
        Ok::<_, Violation>(calls)
    })
}

impl World {
    fn new(plan: Plan, told: Told) -> Self {
        let mut random = Random::of(plan.seed ^ 0x51a9);
        let of_edge = plan.edge(&mut random);
        let (mut clients, rules) = of_edge.clients(&mut random);
        for client in &mut clients {
            // There is more than one control plane to be kept busy.
            client.gap /= random.between(1, 8);
        }
        let unknown = PerMinute::of::<30>();
        let policy = Policy {
            unknown_clients: UnknownClients::Shared { rpm: unknown, tpm: PerMinute::of::<700>() },
            resume: ResumePolicy { timeout_ms: 10_000 },
            ..Policy::default()
        };
        let wait = u64::from(plan.trouble == Trouble::WaitedFor);
        let failure_mode = StoreFailureMode::from(plan.without);
        let config = Config { wait, failure_mode, ..Config::default() };
        let redis = Redis::new(random.next());
        let (tell, news) = unbounded_channel();
        let configured = Configured::first(&clients, rules);
        Self {
            edge: Edge::new(clients, random, |random| random.between(20, 40) * SECOND, told),
            plan,
            redis,
            planes: BTreeMap::new(),
            begun: 0,
            beginning: 0,
            policy,
            config,
            model: Remembered::default(),
            judge: Judge::default(),
            envoy_of: BTreeMap::new(),
            configured,
            disturbed_until: 0,
            has_lost: false,
            calls: 0,
            told: BTreeMap::new(),
            news,
            tell,
            began: Instant::now(),
        }
    }

    async fn run(mut self, steps_max: u64) -> Result<Report, Violation> {
        self.begin_all();
        while self.edge.violation.is_none() && self.edge.report.steps < steps_max {
            let Some(next) = self.edge.next_at() else { break };
            let next = self.began + Duration::from_micros(next);
            select! {
                biased;
                Some(news) = self.news.recv() => {
                    self.time_passes();
                    self.hears(news);
                }
                () = due(next) => {
                    let Some((at, event)) = self.edge.next() else { break };
                    self.edge.now = self.edge.now.max(at);
                    self.time_passes();
                    if at >= self.rest_begins() && !self.edge.is_at_rest {
                        self.come_to_rest();
                    }
                    if at >= self.run_ends() {
                        self.judge_rest();
                        break;
                    }
                    match self.edge.happens(event) {
                        Passed::Nothing => {}
                        Passed::Arrived(stream, sent) => self.arrives(stream, sent),
                        Passed::Own(event) => self.happens(event),
                    }
                    // Whoever was woken by it has its turn.
                    tokio::task::yield_now().await;
                }
            }
            self.read_calls();
        }
        self.edge.report.over_admission = self.judge.over_admission;
        match self.edge.violation {
            None => Ok(self.edge.report),
            Some(what) => Err(Violation {
                run: format!("--shared {}", self.plan),
                step: self.edge.report.steps,
                at_ms: self.edge.now / 1_000,
                what,
            }),
        }
    }

    fn begin_all(&mut self) {
        for _ in 0..self.plan.planes {
            self.begin_plane();
        }
        for _ in 0..self.edge.random.between(1, 4) {
            self.edge.begin_envoy();
        }
        self.edge.begin_clients();
        self.edge.plan(SECOND / 10, Event::Operate);
        self.edge.plan(SECOND, Event::Look);
        let trouble = self.edge.random.between(SECOND, 4 * SECOND);
        self.edge.plan(trouble, Event::Trouble);
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Begin => self.begin_plane(),
            Event::Operate => self.operate(),
            Event::Trouble => self.something_goes_wrong(),
            Event::Over(over) => self.is_over(over),
            Event::Look => self.look_at_configuration(),
        }
    }

    /// Everybody's clock goes on.
    fn time_passes(&mut self) {
        let now = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.edge.now = self.edge.now.max(now);
        let wall_ms = (crate::redis::WALL_US + self.edge.now) / 1_000;
        self.planes.values().for_each(|plane| plane.advance(wall_ms));
    }

    /// What the store did since is what it had to do.
    fn read_calls(&mut self) {
        for call in self.redis.take_calls() {
            let number = self.calls;
            self.calls += 1;
            if let Some(takeover) = Takeover::read(&call) {
                self.model.take_over(call.at, takeover);
                continue;
            }
            let Some(decided) = Decided::read(&call) else {
                self.configured.note_write(&call);
                continue;
            };
            self.edge.report.store_calls += 1;
            self.edge.trace(&[9, call.plane, decided.now]);
            if self.edge.violation.is_some() {
                return;
            }
            let judged = self
                .model
                .run(call.at, &decided)
                .and_then(|()| self.tells_what_it_knows(number, &call, &decided))
                .and_then(|()| self.judge_call(&decided));
            if let Err(what) = judged {
                let plane = call.plane;
                self.edge.tell(|| format!("{decided:#?}"));
                self.edge.violated(format!("a call of control plane {plane}: {what}"));
            }
        }
    }

    fn judge_call(&mut self, decided: &Decided) -> Result<(), String> {
        let (edge, envoy_of) = (&self.edge, &self.envoy_of);
        let of = |(worker, id): Request| -> Option<(u64, RequestId)> {
            Some((*envoy_of.get(&worker)?, id))
        };
        let truth = |request: Request| edge.truths.get(&of(request)?).copied();
        let was_forwarded =
            |request: Request| of(request).is_some_and(|(envoy, id)| edge.is_forwarded(envoy, id));
        let may_be_lost = |request: Request| {
            of(request).is_none_or(|(envoy, _)| edge.vanished.contains(&envoy))
                || self.plan.trouble != Trouble::None
        };
        let known = Known {
            truth: &truth,
            was_forwarded: &was_forwarded,
            of_envoy: &of,
            may_be_lost: &may_be_lost,
            has_lost: self.has_lost,
            decides_alone: self.decides_alone(),
        };
        self.judge.run(decided, &known)
    }

    /// A control plane that was answered by another server before tells this one what it saw.
    fn tells_what_it_knows(
        &mut self,
        number: usize,
        call: &Call,
        decided: &Decided,
    ) -> Result<(), String> {
        // A probe tells nothing, since nothing is ever taken of its bucket.
        let told = decided.buckets.iter().filter(|of| !of.key.ends_with(b"probe:bucket"));
        for touched in told {
            let key = (call.plane, touched.key.clone());
            if let Some(told) = self.told.get(&key).copied()
                && told.generation != call.generation
                && touched.seen != Some(told.value)
                // What was answered at the very end may not have been heard.
                && self.was_heard(told)
            {
                let (name, seen) = (model::name(&touched.key), touched.seen);
                let value = told.value;
                return Err(format!("it tells {seen:?} of {name}, and saw {value:?}"));
            }
            let (generation, value) = (call.generation, touched.after);
            self.told.insert(key, TellsBack { generation, value, call: number });
        }
        Ok(())
    }

    /// Where replicas are waited for, what they do not have was not heard either.
    fn was_heard(&self, told: TellsBack) -> bool {
        self.config.wait == 0 && self.redis.is_heard(told.call)
    }
}

/// The time of the next event is simulated time.
async fn due(at: Instant) {
    #[expect(clippy::disallowed_methods, reason = "simulated time passes at once")]
    sleep_until(at).await;
}

//! A run: all parts, and one event after the other.

mod compare;
mod faults;
mod operate;
mod processes;
mod rest;
mod serve;
mod traffic;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use filter::simulation::{Config, RequestId, TICK_MS};
use flowguard::ledger::{Policy, ResumePolicy, RetryAfter, UnknownClients};
use limiter::PerMinute;
use tokio::runtime::{self, Runtime};

use crate::{
    disk::SlowDisk,
    envoy::Envoy,
    history::History,
    network::{Network, StreamId},
    oracle::{Ended, Name, Oracle, Rules, Wanted},
    plan::{ClientPlan, Plan, Waits},
    process::Process,
    queue::{Micros, Queue},
    random::Random,
    report::{Report, Told, Violation},
    store::DurableStore,
    upstream::Truth,
};
use processes::Death;

const SECOND: Micros = 1_000_000;

/// What happens.
#[derive(Debug)]
pub(crate) enum Event {
    /// An Envoy calls its worker for what is due.
    Tick(u64),
    /// A client sends a request.
    Request(usize),
    /// A client goes away.
    Leave(u64, RequestId),
    /// The headers of a response arrive at an Envoy.
    Headers(u64, RequestId),
    /// The next piece of one does.
    Piece(u64, RequestId),
    /// Something arrives at the control plane.
    Up(StreamId, u64, Sent),
    /// Something arrives at a worker.
    Down(StreamId, u64, Sent),
    /// An end of a stream learns that it was cut.
    WorkerLearns(StreamId),
    ServerLearns(StreamId),
    /// Ends are to be acknowledged.
    Acknowledge(StreamId),
    /// A process looks after workers that do not come back.
    Look(u64),
    /// A process looks after its files.
    Round(u64),
    /// A slow sync ends.
    SyncEnds(u64),
    /// A process begins.
    Begin,
    /// An operator does something.
    Operate,
    /// Something goes wrong.
    Fault,
    /// What went wrong with an Envoy's reach or with the disk is over.
    Reachable(u64),
    DiskRecovers,
}

/// What is sent on a stream.
#[derive(Debug)]
pub(crate) enum Sent {
    /// A frame.
    Frame(Vec<u8>),
    /// Nothing more.
    End,
}

/// A run.
#[derive(Debug)]
pub(crate) struct World {
    plan: Plan,
    clients: Vec<ClientPlan>,
    /// The limits beside their own two that an operator wants, and the models.
    rules: Rules,
    /// Those that it begins with.
    first_rules: Option<Rules>,
    random: Random,
    queue: Queue<Event>,
    now: Micros,
    network: Network,
    envoys: BTreeMap<u64, Envoy>,
    /// How many Envoys there ever were.
    begun: u64,
    config: Config,
    process: Option<Process>,
    death: Death,
    /// When the last process ended, by its own clock.
    died_at: u64,
    policy: Policy,
    wall_ms: u64,
    disk: SlowDisk,
    store: DurableStore,
    runtime: Runtime,
    oracle: Oracle,
    history: History,
    /// An oracle that forgets nothing, once something was forgotten.
    unforgetting: Option<Oracle>,
    /// Every end that took effect.
    ended: Vec<Ended>,
    /// Requests that were admitted.
    admitted: BTreeSet<(u64, RequestId)>,
    /// The Envoy of each worker.
    envoy_of: BTreeMap<Name, u64>,
    /// What forwarded requests came to that are over.
    truths: BTreeMap<(u64, RequestId), Truth>,
    /// Envoys that went without being heard to their end.
    vanished: BTreeSet<u64>,
    /// Requests whose worker was away for too long.
    given_up: BTreeSet<(Name, RequestId)>,
    /// The disk was never full or slow, and refused nothing.
    disk_is_sound: bool,
    disk_refuses: bool,
    seen: (u64, u64),
    /// Since when nothing keeps an Envoy from being answered.
    undisturbed: BTreeMap<u64, Micros>,
    /// Ids that workers resumed at rest.
    resumed_at_rest: u64,
    is_at_rest: bool,
    load_ends: Micros,
    report: Report,
    violation: Option<String>,
    told: Told,
}

impl World {
    pub(crate) fn new(plan: Plan, told: Told) -> Self {
        let mut random = Random::of(plan.seed ^ 0x5eed);
        let (clients, rules) = plan.clients(&mut random);
        let timeout_ms = random.pick(&[3_000, 10_000, 25_000]);
        let unknown = Wanted { rpm: Some(30), tpm: Some(700), ..Wanted::default() };
        let retry_after = match plan.waits {
            Waits::Exact => RetryAfter::Exact,
            Waits::Spread => RetryAfter::Spread,
        };
        let oracle = Oracle::new(unknown, timeout_ms, plan.waits);
        let policy = Policy {
            unknown_clients: UnknownClients::Shared {
                rpm: PerMinute::of::<30>(),
                tpm: PerMinute::of::<700>(),
            },
            resume: ResumePolicy { timeout_ms },
            retry_after,
            ..Policy::default()
        };
        let config = Config::parse(b"{}");
        let runtime = runtime::Builder::new_current_thread().build();
        Self {
            network: Network::new(random.pick(&[200, 2_000, 60_000])),
            load_ends: random.between(30, 75) * SECOND,
            history: History::new(oracle.clone()),
            plan,
            clients,
            rules: Rules::default(),
            first_rules: Some(rules),
            random,
            queue: Queue::default(),
            now: 0,
            envoys: BTreeMap::new(),
            begun: 0,
            config: config.expect("all defaults"),
            process: None,
            death: Death::Killed,
            died_at: 0,
            policy,
            wall_ms: 1_700_000_000_000,
            disk: SlowDisk::default(),
            store: DurableStore::default(),
            runtime: runtime.expect("a thread can have a runtime"),
            oracle,
            unforgetting: None,
            ended: Vec::new(),
            admitted: BTreeSet::new(),
            envoy_of: BTreeMap::new(),
            truths: BTreeMap::new(),
            vanished: BTreeSet::new(),
            given_up: BTreeSet::new(),
            disk_is_sound: true,
            disk_refuses: false,
            seen: (0, 0),
            undisturbed: BTreeMap::new(),
            resumed_at_rest: 0,
            is_at_rest: false,
            report: Report { runs: 1, ..Report::default() },
            violation: None,
            told,
        }
    }

    /// Runs to the end, or through so many events.
    pub(crate) fn run(mut self, steps_max: u64) -> Result<Report, Violation> {
        self.begin_all();
        while self.violation.is_none() && self.report.steps < steps_max {
            let Some((at, event)) = self.queue.pop() else { break };
            self.now = at;
            if let Some(process) = &self.process {
                process.advance(at);
            }
            if at >= self.rest_begins() && !self.is_at_rest {
                self.come_to_rest();
            }
            if at >= self.run_ends() {
                self.judge_rest();
                break;
            }
            self.report.steps += 1;
            if self.told == Told::Events {
                eprintln!("{} {at} us {event:?}", self.report.steps);
            }
            self.happens(event);
        }
        if let Some(process) = self.process.take() {
            self.give_up_slow_round(process);
        }
        match self.violation {
            None => Ok(self.report),
            Some(what) => Err(Violation {
                plan: self.plan,
                step: self.report.steps,
                at_ms: self.now / 1_000,
                what,
            }),
        }
    }

    fn begin_all(&mut self) {
        self.begin_process();
        for _ in 0..self.random.between(1, 3) {
            self.begin_envoy();
        }
        let rules = self.first_rules.take().unwrap_or_default();
        self.configure_all(rules);
        for client in 0..self.clients.len() {
            let first = self.random.below(3 * SECOND);
            self.queue.push(first, Event::Request(client));
        }
        let operate = self.random.between(2 * SECOND, 30 * SECOND);
        self.queue.push(operate, Event::Operate);
        self.queue.push(self.random.between(SECOND / 2, 3 * SECOND), Event::Fault);
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Tick(envoy) => self.tick(envoy),
            Event::Request(client) => self.request(client),
            Event::Leave(envoy, request) => self.client_leaves(envoy, request),
            Event::Headers(envoy, request) => self.response_begins(envoy, request),
            Event::Piece(envoy, request) => self.piece_passes(envoy, request),
            Event::Up(stream, number, sent) => self.arrives_up(stream, number, sent),
            Event::Down(stream, number, sent) => self.arrives_down(stream, number, sent),
            Event::WorkerLearns(stream) => self.worker_learns(stream),
            Event::ServerLearns(stream) => self.server_learns(stream),
            Event::Acknowledge(stream) => self.acknowledge(stream),
            Event::Look(process) => self.look(process),
            Event::Round(process) => self.round(process),
            Event::SyncEnds(process) => self.sync_ends(process),
            Event::Begin => self.begin_process(),
            Event::Operate => self.operate(),
            Event::Fault => self.something_goes_wrong(),
            Event::Reachable(envoy) => {
                if let Some(envoy) = self.envoys.get_mut(&envoy) {
                    envoy.host.is_reachable = true;
                }
            }
            Event::DiskRecovers => self.disk_recovers(),
        }
    }

    fn tick(&mut self, number: u64) {
        let Some(envoy) = self.envoys.get_mut(&number) else { return };
        envoy.tick(self.now);
        self.queue.push(self.now + TICK_MS * 1_000, Event::Tick(number));
        self.grant_wishes(number);
        self.let_go_if_over(number);
    }

    /// Tells whoever replays a run what is not told by its events.
    fn tell(&self, what: impl FnOnce() -> String) {
        if self.told == Told::Events {
            eprintln!("    {}", what());
        }
    }

    /// A promise is broken.
    fn violated(&mut self, what: String) {
        self.violation.get_or_insert(what);
    }

    fn trace(&mut self, what: &[u64]) {
        self.report.trace(self.now);
        for &what in what {
            self.report.trace(what);
        }
    }
}

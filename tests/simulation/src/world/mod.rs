//! A run: all parts, and one event after the other.

mod compare;
mod faults;
mod operate;
mod processes;
mod rest;
mod serve;
mod verdicts;

use std::collections::{BTreeMap, BTreeSet};

use filter::simulation::RequestId;
use flowguard::ledger::{Policy, ResumePolicy, RetryAfter, UnknownClients};
use limiter::PerMinute;
use tokio::runtime::{self, Runtime};

use crate::{
    disk::SlowDisk,
    edge::{Edge, Passed, SECOND, Sent},
    history::History,
    network::StreamId,
    oracle::{Ended, Name, Oracle, Rules, Wanted},
    plan::{Plan, Waits},
    process::Process,
    random::Random,
    report::{Report, Told, Violation},
    store::DurableStore,
};
use processes::Death;
pub(crate) use verdicts::asked;

/// What happens to the control plane.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
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
    /// What went wrong with the disk is over.
    DiskRecovers,
}

/// A run.
#[derive(Debug)]
pub(crate) struct World {
    plan: Plan,
    edge: Edge<Event>,
    /// The limits beside their own two that an operator wants, and the models.
    rules: Rules,
    /// Those that it begins with.
    first_rules: Option<Rules>,
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
    /// The Envoy of each worker.
    envoy_of: BTreeMap<Name, u64>,
    /// Requests whose worker was away for too long.
    given_up: BTreeSet<(Name, RequestId)>,
    /// The disk was never full or slow, and refused nothing.
    disk_is_sound: bool,
    disk_refuses: bool,
    seen: (u64, u64),
    /// Ids that workers resumed at rest.
    resumed_at_rest: u64,
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
        let runtime = runtime::Builder::new_current_thread().build();
        Self {
            edge: Edge::new(clients, random, |random| random.between(30, 75) * SECOND, told),
            history: History::new(oracle.clone()),
            plan,
            rules: Rules::default(),
            first_rules: Some(rules),
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
            envoy_of: BTreeMap::new(),
            given_up: BTreeSet::new(),
            disk_is_sound: true,
            disk_refuses: false,
            seen: (0, 0),
            resumed_at_rest: 0,
        }
    }

    /// Runs to the end, or through so many events.
    pub(crate) fn run(mut self, steps_max: u64) -> Result<Report, Violation> {
        self.begin_all();
        while self.edge.violation.is_none() && self.edge.report.steps < steps_max {
            let Some((at, event)) = self.edge.next() else { break };
            self.edge.now = at;
            if let Some(process) = &self.process {
                process.advance(at);
            }
            if at >= self.rest_begins() && !self.edge.is_at_rest {
                self.come_to_rest();
            }
            if at >= self.run_ends() {
                self.judge_rest();
                break;
            }
            match self.edge.happens(event) {
                Passed::Nothing => {}
                Passed::Arrived(stream, Sent::Frame(frame)) => self.serve_frame(stream, &frame),
                Passed::Arrived(stream, Sent::End) => self.end_stream(stream),
                Passed::Own(event) => self.happens(event),
            }
        }
        if let Some(process) = self.process.take() {
            self.give_up_slow_round(process);
        }
        match self.edge.violation {
            None => Ok(self.edge.report),
            Some(what) => Err(Violation {
                run: self.plan.to_string(),
                step: self.edge.report.steps,
                at_ms: self.edge.now / 1_000,
                what,
            }),
        }
    }

    fn begin_all(&mut self) {
        self.begin_process();
        for _ in 0..self.edge.random.between(1, 3) {
            self.edge.begin_envoy();
        }
        let rules = self.first_rules.take().unwrap_or_default();
        self.configure_all(rules);
        self.edge.begin_clients();
        let operate = self.edge.random.between(2 * SECOND, 30 * SECOND);
        self.edge.plan(operate, Event::Operate);
        let fault = self.edge.random.between(SECOND / 2, 3 * SECOND);
        self.edge.plan(fault, Event::Fault);
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Acknowledge(stream) => self.acknowledge(stream),
            Event::Look(process) => self.look(process),
            Event::Round(process) => self.round(process),
            Event::SyncEnds(process) => self.sync_ends(process),
            Event::Begin => self.begin_process(),
            Event::Operate => self.operate(),
            Event::Fault => self.something_goes_wrong(),
            Event::DiskRecovers => self.disk_recovers(),
        }
    }
}

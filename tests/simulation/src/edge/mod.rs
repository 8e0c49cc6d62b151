//! What is before the control plane: clients, Envoys with the real filter's workers, the upstream, and
//! the network in between. Whoever runs it decides what the control plane does with what arrives.

mod faults;
mod traffic;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use filter::simulation::{Config, RequestId, TICK_MS};

use crate::{
    envoy::{Envoy, Request, Stage},
    network::{Network, StreamId},
    plan::ClientPlan,
    queue::{Micros, Queue},
    random::Random,
    report::{Report, Told},
    upstream::Truth,
};

pub(crate) const SECOND: Micros = 1_000_000;

/// The filter's decision timeout, and a tick at which it is seen.
const DECIDED_WITHIN: Micros = 250_000 + 2 * TICK_MS * 1_000;

/// What happens.
#[derive(Debug)]
pub(crate) enum Event<Own> {
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
    /// What went wrong with an Envoy's reach is over.
    Reachable(u64),
    /// Something behind it.
    Own(Own),
}

/// What is sent on a stream.
#[derive(Debug)]
pub(crate) enum Sent {
    /// A frame.
    Frame(Vec<u8>),
    /// Nothing more.
    End,
}

/// What an event is for the control plane.
#[derive(Debug)]
pub(crate) enum Passed<Own> {
    /// Nothing.
    Nothing,
    /// Something arrives on a stream.
    Arrived(StreamId, Sent),
    /// It is of its own.
    Own(Own),
}

/// All that is before the control plane.
#[derive(Debug)]
pub(crate) struct Edge<Own> {
    pub(crate) clients: Vec<ClientPlan>,
    pub(crate) random: Random,
    queue: Queue<Event<Own>>,
    pub(crate) now: Micros,
    pub(crate) network: Network,
    pub(crate) envoys: BTreeMap<u64, Envoy>,
    /// How many Envoys there ever were.
    begun: u64,
    config: Config,
    /// Which processes of the control plane take streams.
    pub(crate) processes: Vec<u64>,
    /// Requests that were admitted.
    pub(crate) admitted: BTreeSet<(u64, RequestId)>,
    /// What forwarded requests came to that are over.
    pub(crate) truths: BTreeMap<(u64, RequestId), Truth>,
    /// Envoys that went without being heard to their end.
    pub(crate) vanished: BTreeSet<u64>,
    /// Since when nothing keeps an Envoy from being answered.
    undisturbed: BTreeMap<u64, Micros>,
    pub(crate) is_at_rest: bool,
    pub(crate) load_ends: Micros,
    pub(crate) report: Report,
    pub(crate) violation: Option<String>,
    told: Told,
}

impl<Own: std::fmt::Debug> Edge<Own> {
    /// The next event, and when it is.
    pub(crate) fn next(&mut self) -> Option<(Micros, Event<Own>)> {
        self.queue.pop()
    }

    /// When the next event is.
    pub(crate) fn next_at(&self) -> Option<Micros> {
        self.queue.next_at()
    }

    /// Something happens; what it is for the control plane.
    pub(crate) fn happens(&mut self, event: Event<Own>) -> Passed<Own> {
        self.report.steps += 1;
        if self.told == Told::Events {
            eprintln!("{} {} us {event:?}", self.report.steps, self.now);
        }
        match event {
            Event::Tick(envoy) => self.tick(envoy),
            Event::Request(client) => self.request(client),
            Event::Leave(envoy, request) => self.client_leaves(envoy, request),
            Event::Headers(envoy, request) => self.response_begins(envoy, request),
            Event::Piece(envoy, request) => self.piece_passes(envoy, request),
            Event::Up(stream, number, sent) => return self.arrives_up(stream, number, sent),
            Event::Down(stream, number, sent) => self.arrives_down(stream, number, sent),
            Event::WorkerLearns(stream) => self.worker_learns(stream),
            Event::ServerLearns(stream) => return self.server_learns(stream),
            Event::Reachable(envoy) => {
                if let Some(envoy) = self.envoys.get_mut(&envoy) {
                    envoy.host.is_reachable = true;
                }
            }
            Event::Own(own) => return Passed::Own(own),
        }
        Passed::Nothing
    }
}

impl<Own> Edge<Own> {
    /// An edge without Envoys, whose clients ask until `load_ends`.
    pub(crate) fn new(
        clients: Vec<ClientPlan>,
        mut random: Random,
        load_ends: impl FnOnce(&mut Random) -> Micros,
        told: Told,
    ) -> Self {
        Self {
            network: Network::new(random.pick(&[200, 2_000, 60_000])),
            load_ends: load_ends(&mut random),
            clients,
            random,
            queue: Queue::default(),
            now: 0,
            envoys: BTreeMap::new(),
            begun: 0,
            config: Config::parse(b"{}").expect("all defaults"),
            processes: Vec::new(),
            admitted: BTreeSet::new(),
            truths: BTreeMap::new(),
            vanished: BTreeSet::new(),
            undisturbed: BTreeMap::new(),
            is_at_rest: false,
            report: Report { runs: 1, ..Report::default() },
            violation: None,
            told,
        }
    }

    /// Plans something of the control plane's own.
    pub(crate) fn plan(&mut self, at: Micros, own: Own) {
        self.queue.push(at, Event::Own(own));
    }

    /// All clients begin to ask.
    pub(crate) fn begin_clients(&mut self) {
        for client in 0..self.clients.len() {
            let first = self.random.below(3 * SECOND);
            self.queue.push(first, Event::Request(client));
        }
    }

    fn tick(&mut self, number: u64) {
        let Some(envoy) = self.envoys.get_mut(&number) else { return };
        envoy.tick(self.now);
        let late = self.now.saturating_sub(DECIDED_WITHIN);
        let waits = |(_, request): &(&RequestId, &Request)| {
            request.stage == Stage::Waits && !request.is_over && request.arrived < late
        };
        if let Some((id, request)) = envoy.requests.iter().find(waits) {
            let what = format!("request {id} waits since {} us, and is undecided", request.arrived);
            self.violated(what);
        }
        self.queue.push(self.now + TICK_MS * 1_000, Event::Tick(number));
        self.grant_wishes(number);
        self.let_go_if_over(number);
    }

    /// Tells whoever replays a run what is not told by its events.
    pub(crate) fn tell(&self, what: impl FnOnce() -> String) {
        if self.told == Told::Events {
            eprintln!("    {}", what());
        }
    }

    /// A promise is broken.
    pub(crate) fn violated(&mut self, what: String) {
        self.violation.get_or_insert(what);
    }

    pub(crate) fn trace(&mut self, what: &[u64]) {
        self.report.trace(self.now);
        for &what in what {
            self.report.trace(what);
        }
    }

    /// Whether a request is on its way to the upstream, or was.
    pub(crate) fn is_forwarded(&self, envoy: u64, id: RequestId) -> bool {
        let request = self.envoys.get(&envoy).and_then(|envoy| envoy.requests.get(&id));
        request.is_some_and(|request| request.stage != Stage::Waits)
            || self.truths.contains_key(&(envoy, id))
    }

    /// Nothing goes wrong any more.
    pub(crate) fn come_to_rest(&mut self) {
        self.is_at_rest = true;
        self.network.move_again();
        self.envoys.values_mut().for_each(|envoy| envoy.host.is_reachable = true);
    }
}

//! Both ends of the streams: what is sent, what arrives, and when an end learns that nothing does.

use filter::simulation::StreamToken;

use super::{Edge, Event, Passed, SECOND, Sent};
use crate::network::{Arrival, StreamId, Way};

impl<Own> Edge<Own> {
    pub(super) fn open_stream(&mut self, envoy: u64, token: StreamToken) {
        let process = match self.processes.as_slice() {
            [] => None,
            [one] => Some(*one),
            several => Some(self.random.pick(several)),
        };
        let stream = self.network.open(envoy, token, process);
        if process.is_none() {
            let refused = self.now + self.random.between(100, 20_000);
            self.queue.push(refused, Event::WorkerLearns(stream));
        }
    }

    pub(super) fn send_up(&mut self, envoy: u64, token: StreamToken, frame: Vec<u8>) {
        if let Some(stream) = self.network.find(envoy, token) {
            self.send(stream, Way::Up, Sent::Frame(frame));
        }
    }

    pub(super) fn close_up(&mut self, envoy: u64, token: StreamToken) {
        if let Some(stream) = self.network.find(envoy, token) {
            self.send(stream, Way::Up, Sent::End);
        }
    }

    /// A worker drops a stream: of what it has sent some may still be read.
    pub(super) fn reset_up(&mut self, envoy: u64, token: StreamToken) {
        if let Some(stream) = self.network.find(envoy, token) {
            self.network.cut(stream, &mut self.random);
            self.network.stop_reading(stream, Way::Down);
            self.server_will_learn(stream, 100_000);
        }
    }

    pub(crate) fn send(&mut self, stream: StreamId, way: Way, sent: Sent) {
        let on_its_way = self.network.send(stream, way, self.now, &mut self.random);
        if let Some((number, at)) = on_its_way {
            self.queue.push(at, arrival(stream, way, number, sent));
        }
    }

    /// What the control plane reads of it.
    pub(super) fn arrives_up(&mut self, stream: StreamId, number: u64, sent: Sent) -> Passed<Own> {
        match self.network.arrive(stream, Way::Up, number, self.now) {
            Arrival::Lost => Passed::Nothing,
            Arrival::Later(at) => {
                self.queue.push(at, arrival(stream, Way::Up, number, sent));
                Passed::Nothing
            }
            Arrival::Now => Passed::Arrived(stream, sent),
        }
    }

    pub(crate) fn arrives_down(&mut self, stream: StreamId, number: u64, sent: Sent) {
        match self.network.arrive(stream, Way::Down, number, self.now) {
            Arrival::Lost => {}
            Arrival::Later(at) => self.queue.push(at, arrival(stream, Way::Down, number, sent)),
            Arrival::Now => {
                let Some((envoy, token)) = self.worker_of(stream) else { return };
                match sent {
                    Sent::Frame(frame) => {
                        if let Some(envoy) = self.envoys.get_mut(&envoy) {
                            envoy.frame(token, &frame, self.now);
                        }
                        self.grant_wishes(envoy);
                        self.let_go_if_over(envoy);
                    }
                    Sent::End => self.worker_learns(stream),
                }
            }
        }
    }

    /// A worker learns that a stream is no more.
    pub(crate) fn worker_learns(&mut self, stream: StreamId) {
        let Some((envoy, token)) = self.worker_of(stream) else { return };
        self.network.stop_reading(stream, Way::Down);
        self.is_undisturbed_from(envoy, self.now);
        if let Some(envoy) = self.envoys.get_mut(&envoy) {
            envoy.stream_closed(token, self.now);
        }
        self.grant_wishes(envoy);
    }

    /// The control plane does.
    pub(super) fn server_learns(&mut self, stream: StreamId) -> Passed<Own> {
        self.network.stop_reading(stream, Way::Up);
        Passed::Arrived(stream, Sent::End)
    }

    /// Cuts a stream. Each end learns of it by itself: at once, or when a keepalive is not answered.
    pub(crate) fn cut(&mut self, stream: StreamId) {
        self.network.cut(stream, &mut self.random);
        let longest = self.random.pick(&[5_000, 300_000, 8 * SECOND]);
        let worker_learns = self.now + self.random.below(longest);
        if let Some((envoy, _)) = self.worker_of(stream) {
            self.is_undisturbed_from(envoy, worker_learns);
        }
        self.queue.push(worker_learns, Event::WorkerLearns(stream));
        self.server_will_learn(stream, longest);
    }

    /// All streams to a process are no more: it ended.
    pub(crate) fn lead_nowhere(&mut self, process: u64, longest: u64) {
        for stream in self.network.to_process(process) {
            self.network.cut(stream, &mut self.random);
            self.network.stop_reading(stream, Way::Up);
            let learns = self.now + self.random.below(longest);
            self.queue.push(learns, Event::WorkerLearns(stream));
        }
    }

    pub(crate) fn server_will_learn(&mut self, stream: StreamId, within: u64) {
        let learns = self.now + self.random.below(within);
        self.queue.push(learns, Event::ServerLearns(stream));
    }

    /// Until then something keeps an Envoy from being answered.
    pub(crate) fn is_undisturbed_from(&mut self, envoy: u64, at: u64) {
        let known = self.undisturbed.entry(envoy).or_default();
        *known = (*known).max(at);
    }

    /// A request of an Envoy was not decided.
    pub(crate) fn is_undecided(&mut self, envoy: u64) {
        let since = self.undisturbed.get(&envoy).copied().unwrap_or(0);
        if since <= self.now && !self.processes.is_empty() {
            let ms = (self.now - since) / 1_000;
            self.tell(|| format!("Envoy {envoy} is undecided after {ms} ms"));
            self.report.convergence_ms = self.report.convergence_ms.max(ms);
        }
    }

    fn worker_of(&self, stream: StreamId) -> Option<(u64, StreamToken)> {
        let stream = self.network.stream(stream)?;
        Some((stream.envoy, stream.token))
    }
}

fn arrival<Own>(stream: StreamId, way: Way, number: u64, sent: Sent) -> Event<Own> {
    match way {
        Way::Up => Event::Up(stream, number, sent),
        Way::Down => Event::Down(stream, number, sent),
    }
}

//! Clients and the upstream: requests arrive, are answered, break off.

use filter::simulation::RequestId;

use super::{Edge, Event, SECOND};
use crate::{
    envoy::{Envoy, Life, Stage, Wish},
    queue::Micros,
    rules::CALLED,
    upstream::{Answer, Kind},
};

/// The status of a request that could not be decided.
const UNAVAILABLE: u32 = 503;

impl<Own> Edge<Own> {
    pub(crate) fn begin_envoy(&mut self) {
        self.begun += 1;
        let envoy = Envoy::new(self.config.clone(), self.random.next());
        self.envoys.insert(self.begun, envoy);
        self.is_undisturbed_from(self.begun, self.now);
        let first_tick = self.now + self.random.below(20_000);
        self.queue.push(first_tick, Event::Tick(self.begun));
    }

    /// The Envoys that take requests.
    pub(crate) fn serving(&self) -> Vec<u64> {
        let envoys = self.envoys.iter().filter(|(_, envoy)| envoy.life == Life::Serves);
        envoys.map(|(number, _)| *number).collect()
    }

    pub(crate) fn request(&mut self, client: usize) {
        if self.now >= self.load_ends {
            return;
        }
        let next = self.now + self.random.gap(self.clients[client].gap);
        self.queue.push(next, Event::Request(client));
        let serving = self.serving();
        if serving.is_empty() {
            return;
        }
        let number = self.random.pick(&serving);
        let usual = self.clients[client].tokens;
        let used = usual * self.random.below(200) / 100;
        let estimate = match self.random.below(5) {
            0 => 0,
            1 => used / 2,
            2 => used,
            3 => used + used / 2,
            _ => usual,
        };
        let kind = match self.random.below(10) {
            0 => Kind::Reads,
            1 => Kind::Counts,
            _ => Kind::Generates,
        };
        let answer = Answer::of(used, &mut self.random);
        let model = self.random.pick(&CALLED);
        let Some(envoy) = self.envoys.get_mut(&number) else { return };
        let name = &self.clients[client].id;
        let id = envoy.request((name, model), estimate, kind, answer, self.now);
        self.report.requests += 1;
        self.trace(&[1, number, id.into(), estimate]);
        if self.random.percent(8) {
            let leaves = self.now + self.random.below(2 * SECOND);
            self.queue.push(leaves, Event::Leave(number, id));
        }
        self.grant_wishes(number);
    }

    /// A request goes on to the upstream.
    pub(crate) fn forward(&mut self, number: u64, id: RequestId) {
        let was_admitted = self.admitted.contains(&(number, id));
        let Some(request) = self.envoys.get_mut(&number).and_then(|e| e.requests.get_mut(&id))
        else {
            return;
        };
        let (stage, headers_after) = (request.stage, request.answer.headers_after);
        request.stage = Stage::Forwarded;
        self.queue.push(self.now + headers_after, Event::Headers(number, id));
        self.trace(&[2, number, id.into()]);
        if stage != Stage::Waits || !was_admitted {
            self.violated(format!(
                "request {id} of Envoy {number} ({stage:?}) went to the upstream, and was not admitted"
            ));
        }
    }

    /// A request is answered by the filter.
    pub(crate) fn reply(&mut self, number: u64, id: RequestId, status: u32) {
        let stage = self.stage(number, id);
        self.trace(&[3, number, id.into(), status.into()]);
        if status == UNAVAILABLE {
            self.report.undecided += 1;
            self.is_undecided(number);
        }
        if stage != Some(Stage::Waits) {
            self.violated(format!("request {id} of Envoy {number} was answered twice: {stage:?}"));
        }
        self.is_over(number, id, false);
    }

    pub(crate) fn client_leaves(&mut self, number: u64, id: RequestId) {
        self.is_over(number, id, false);
    }

    pub(crate) fn response_begins(&mut self, number: u64, id: RequestId) {
        self.response_goes_on(number, id, 20, Envoy::begin_response);
    }

    pub(crate) fn piece_passes(&mut self, number: u64, id: RequestId) {
        self.response_goes_on(number, id, 35, Envoy::pass_piece);
    }

    /// The response passes on by `step`, unless it breaks off here, as so many of a hundred do that
    /// are not whole in the end.
    fn response_goes_on(
        &mut self,
        number: u64,
        id: RequestId,
        breaks_off: u64,
        step: impl FnOnce(&mut Envoy, RequestId, Micros) -> bool,
    ) {
        let Some(envoy) = self.envoys.get_mut(&number) else { return };
        let Some(request) = envoy.requests.get(&id) else { return };
        if !request.answer.is_whole && self.random.percent(breaks_off) {
            return self.is_over(number, id, false);
        }
        if step(envoy, id, self.now) {
            self.tell_truth(number, id, true);
            self.next_piece(number, id);
            self.grant_wishes(number);
        } else {
            self.is_over(number, id, true);
        }
    }

    fn next_piece(&mut self, number: u64, id: RequestId) {
        let Some(request) = self.envoys.get(&number).and_then(|e| e.requests.get(&id)) else {
            return;
        };
        let Stage::Responds(passed) = request.stage else { return };
        let after = request.answer.pieces.get(passed).map_or(0, |piece| piece.after);
        self.queue.push(self.now + after, Event::Piece(number, id));
    }

    /// A request is over, whatever became of it.
    fn is_over(&mut self, number: u64, id: RequestId, completed: bool) {
        let Some(envoy) = self.envoys.get_mut(&number) else { return };
        envoy.end(id, completed, self.now);
        self.tell_truth(number, id, completed);
        if let Some(envoy) = self.envoys.get_mut(&number) {
            envoy.requests.remove(&id);
        }
        self.grant_wishes(number);
        self.stop_if_replaced(number);
    }

    /// Writes down what a forwarded request came to, when its end was told.
    fn tell_truth(&mut self, number: u64, id: RequestId, completed: bool) {
        let Some(request) = self.envoys.get(&number).and_then(|e| e.requests.get(&id)) else {
            return;
        };
        let passed = match request.stage {
            Stage::Waits => return,
            Stage::Forwarded => None,
            Stage::Responds(passed) => Some(passed),
        };
        if request.is_over {
            let truth = request.answer.truth(request.kind, passed, completed);
            self.truths.entry((number, id)).or_insert(truth);
        }
    }

    fn stage(&self, number: u64, id: RequestId) -> Option<Stage> {
        Some(self.envoys.get(&number)?.requests.get(&id)?.stage)
    }

    /// A filter that was replaced is asked to stop when its last request is over.
    pub(crate) fn stop_if_replaced(&mut self, number: u64) {
        let Some(envoy) = self.envoys.get_mut(&number) else { return };
        if envoy.life == Life::IsReplaced && envoy.requests.is_empty() {
            envoy.stop(self.now);
            self.grant_wishes(number);
            self.let_go_if_over(number);
        }
    }

    /// Envoy lets a worker go that has nothing more to do.
    pub(crate) fn let_go_if_over(&mut self, number: u64) {
        let is_over = |envoy: &Envoy| envoy.life == Life::Stops && envoy.is_over();
        if self.envoys.get(&number).is_some_and(is_over) {
            self.end_envoy(number);
        }
    }

    /// Does what the worker of an Envoy wishes.
    pub(crate) fn grant_wishes(&mut self, number: u64) {
        loop {
            let Some(envoy) = self.envoys.get_mut(&number) else { return };
            let wishes = envoy.take_wishes();
            if wishes.is_empty() {
                return;
            }
            for wish in wishes {
                match wish {
                    Wish::Open(token) => self.open_stream(number, token),
                    Wish::Send(token, frame) => self.send_up(number, token, frame),
                    Wish::Close(token) => self.close_up(number, token),
                    Wish::Reset(token) => self.reset_up(number, token),
                    Wish::Resume(id) => self.forward(number, id),
                    Wish::Reply(id, status) => self.reply(number, id, status),
                }
            }
        }
    }
}

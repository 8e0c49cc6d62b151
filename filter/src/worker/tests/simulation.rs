//! Everything at once, in any order: requests, ends, ticks; frames and answers that are late or lost
//! with their streams; streams that break or hang; a control plane that dies with all that it knew.
//!
//! When the dust has settled, each request that was admitted has ended once, as it really did, and
//! nobody holds anything.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, prelude::*, sample::Index};
use proto::decision::{ControlFrame, Decision, FilterFrame, Outcome};

use super::{
    control_plane::{ControlPlane, End},
    fake::{Bench, Fate},
};
use crate::host::{Next, RequestId, StreamToken};

const TIMEOUT_MS: u64 = 250;
const TICK_MS: u64 = 20;

/// Ticks until a stream that hangs was given up and the next one has told everything.
const TICKS_TO_REST_MAX: usize = 150;

const CONFIGS: &[&str] = &["", r#"{"failure_mode":"open"}"#, r#"{"mode":"shadow"}"#];

#[derive(Clone, Copy, Debug)]
enum Event {
    Request,
    /// The client or the upstream ends one of the requests in progress.
    End {
        which: Index,
        completed: bool,
    },
    Tick,
    /// The control plane reads a frame, of this stream or one before.
    Read(Index),
    /// An answer arrives.
    Deliver(Index),
    Acknowledge,
    BreakStream,
    /// Nothing moves for longer than a stream may leave a frame unanswered.
    Hang,
    ForgetEverything,
    Unreachable(bool),
}

fn event() -> impl Strategy<Value = Event> {
    let end = (any::<Index>(), any::<bool>());
    prop_oneof![
        16 => Just(Event::Request),
        10 => end.prop_map(|(which, completed)| Event::End { which, completed }),
        10 => Just(Event::Tick),
        14 => any::<Index>().prop_map(Event::Read),
        14 => any::<Index>().prop_map(Event::Deliver),
        4 => Just(Event::Acknowledge),
        3 => Just(Event::BreakStream),
        1 => Just(Event::Hang),
        1 => Just(Event::ForgetEverything),
        2 => any::<bool>().prop_map(Event::Unreachable),
    ]
}

struct World {
    bench: Bench,
    control_plane: ControlPlane,
    resume: ExpectedResume,
    in_progress: Vec<(RequestId, u64)>,
    ended: BTreeMap<RequestId, End>,
    last_id: RequestId,
}

impl World {
    fn new(config: &str) -> Self {
        Self {
            bench: Bench::new(config),
            control_plane: ControlPlane::default(),
            resume: ExpectedResume::default(),
            in_progress: Vec::new(),
            ended: BTreeMap::new(),
            last_id: 0,
        }
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Request => {
                self.last_id += 1;
                if self.bench.request(self.last_id) == Next::Continue {
                    self.bench.host.fates.insert(self.last_id, Fate::Resumed);
                }
                self.in_progress.push((self.last_id, self.bench.now_us));
            }
            Event::End { which, completed } if !self.in_progress.is_empty() => {
                self.end(which.index(self.in_progress.len()), completed);
            }
            Event::Tick => self.bench.tick(TICK_MS),
            Event::Read(which) => self.control_plane.read(|streams| which.index(streams)),
            Event::Deliver(which) => self.deliver(|streams| which.index(streams)),
            Event::Acknowledge => self.control_plane.acknowledge(),
            Event::BreakStream if !self.bench.host.open.is_empty() => self.bench.break_stream(),
            Event::Hang => {
                for _ in 0..60 {
                    self.bench.tick(TICK_MS);
                    self.look();
                }
            }
            Event::ForgetEverything => {
                self.look();
                self.control_plane.forget_everything();
                if !self.bench.host.open.is_empty() {
                    self.bench.break_stream();
                }
            }
            Event::End { .. } | Event::BreakStream => {}
            Event::Unreachable(unreachable) => self.bench.host.reachable = !unreachable,
        }
        self.look();
    }

    fn end(&mut self, which: usize, completed: bool) {
        let (id, _) = self.in_progress.remove(which);
        let outcome = if completed { Outcome::Completed } else { Outcome::Aborted };
        let was_forwarded = self.bench.fate(id) == Some(&Fate::Resumed);
        self.ended.insert(id, if was_forwarded { End::Settled(outcome) } else { End::Canceled });
        if was_forwarded {
            self.bench.respond(id, &[(":status", "200")], "");
        }
        self.bench.end(id, completed);
    }

    fn deliver(&mut self, choose: impl FnOnce(usize) -> usize) {
        let Some((stream, frame)) = self.control_plane.arriving(&self.bench, choose) else {
            return;
        };
        self.look();
        if self.bench.host.open.iter().max() == Some(&stream) {
            let bench = &self.bench;
            let in_progress = &self.in_progress;
            self.resume.arrives(stream, &frame, |id| {
                bench.fate(id).is_none() && in_progress.iter().any(|(waiting, _)| *waiting == id)
            });
        }
        self.bench.deliver(stream, &frame);
    }

    /// What the worker has just sent, and whether somebody waits for too long.
    fn look(&mut self) {
        let frames = std::mem::take(&mut self.bench.host.frames);
        for (stream, frame) in &frames {
            self.resume.is_sent(*stream, frame);
        }
        self.control_plane.take(&frames);
        for &(id, since_us) in &self.in_progress {
            let waited_ms = (self.bench.now_us - since_us) / 1_000;
            let is_decided = self.bench.fate(id).is_some();
            assert!(is_decided || waited_ms <= TIMEOUT_MS, "{id} waits since {waited_ms} ms");
        }
    }

    /// The rest is undisturbed, and every request ends.
    fn comes_to_rest(&mut self) {
        self.bench.host.reachable = true;
        self.goes_on_undisturbed(|world| {
            world.in_progress.iter().all(|(id, _)| world.bench.fate(*id).is_some())
        });
        while let Some((id, _)) = self.in_progress.first() {
            assert!(self.bench.fate(*id).is_some(), "{id} was forgotten");
            self.end(0, true);
        }
        self.goes_on_undisturbed(|world| {
            world.control_plane.held().is_empty() && world.bench.worker.holds_nothing()
        });
    }

    fn goes_on_undisturbed(&mut self, until: impl Fn(&Self) -> bool) {
        for _ in 0..TICKS_TO_REST_MAX {
            self.happens(Event::Tick);
            for _ in 0..10 {
                self.control_plane.read(|_| 0);
                self.deliver(|_| 0);
                self.look();
            }
            self.control_plane.acknowledge();
            if until(self) {
                break;
            }
        }
    }
}

/// What a resume is to name, as told by all that was sent and has arrived.
#[derive(Debug, Default)]
struct ExpectedResume {
    /// The ids of all asks, but for those that were refused and those whose end is acknowledged.
    ids: BTreeSet<RequestId>,
    ends: BTreeMap<(StreamToken, u64), Vec<RequestId>>,
    named: Vec<RequestId>,
}

impl ExpectedResume {
    fn is_sent(&mut self, stream: StreamToken, frame: &FilterFrame) {
        if let Some(part) = &frame.resume {
            self.named.extend(&part.ids);
            if !part.more {
                let named = std::mem::take(&mut self.named);
                assert_eq!(named, self.ids.iter().copied().collect::<Vec<_>>());
            }
        }
        self.ids.extend(frame.asks.iter().map(|ask| ask.id));
        let settled = frame.settles.iter().map(|settle| settle.id);
        let ended: Vec<_> = settled.chain(frame.cancels.iter().copied()).collect();
        if !ended.is_empty() {
            self.ends.insert((stream, frame.number), ended);
        }
    }

    fn arrives(
        &mut self,
        stream: StreamToken,
        frame: &ControlFrame,
        waits: impl Fn(RequestId) -> bool,
    ) {
        for verdict in &frame.verdicts {
            if verdict.decision() == Decision::RpmExceeded && waits(verdict.id) {
                self.ids.remove(&verdict.id);
            }
        }
        for ended in self.ends.range((stream, 0)..=(stream, frame.acknowledged)) {
            for id in ended.1 {
                self.ids.remove(id);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_request_is_decided_once_in_time_and_every_charge_is_accounted_for(
        config in prop::sample::select(CONFIGS),
        events in vec(event(), 1..300),
    ) {
        let mut world = World::new(config);
        for event in events {
            world.happens(event);
        }
        world.comes_to_rest();

        prop_assert!(world.control_plane.held().is_empty(), "{:?}", world.control_plane.held());
        for (id, end) in world.control_plane.ended() {
            prop_assert_eq!(Some(end), world.ended.get(id), "{}", id);
        }
        prop_assert!(world.resume.ids.is_empty(), "{:?}", world.resume.ids);
        prop_assert!(world.bench.worker.holds_nothing(), "{:?}", world.bench.worker);
    }
}

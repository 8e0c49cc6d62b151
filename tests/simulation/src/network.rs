//! The network between Envoys and the control plane: ordered bytes in two directions a stream, each
//! with delays of its own, that is cut anywhere, or stands still and comes back.

use std::collections::BTreeMap;

use filter::simulation::StreamToken;

use crate::{queue::Micros, random::Random};

/// One stream, of all that there ever were.
pub(crate) type StreamId = u64;

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// To the control plane.
    Up,
    /// To the worker.
    Down,
}

/// What becomes of something that arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It does.
    Now,
    /// The network stands still until then.
    Later(Micros),
    /// It was lost.
    Lost,
}

/// One stream between a worker and a process.
#[derive(Debug)]
pub(crate) struct Stream {
    /// Whose it is.
    pub(crate) envoy: u64,
    /// The worker's number for it.
    pub(crate) token: StreamToken,
    /// The process that it leads to; `None`: there was none.
    pub(crate) process: Option<u64>,
    up: Lane,
    down: Lane,
}

#[derive(Debug, Default)]
struct Lane {
    sent: u64,
    arrived: u64,
    /// What is sent from this one on is lost.
    lost_from: Option<u64>,
    latest: Micros,
}

/// All streams.
#[derive(Debug)]
pub(crate) struct Network {
    streams: BTreeMap<StreamId, Stream>,
    opened: StreamId,
    /// Envoys whose packets wait, and until when.
    still: BTreeMap<u64, Micros>,
    /// Processes that stand still, and until when.
    still_processes: BTreeMap<u64, Micros>,
    delay_max: Micros,
}

impl Network {
    /// A network in which nothing takes longer than `delay_max`.
    pub(crate) fn new(delay_max: Micros) -> Self {
        Self {
            streams: BTreeMap::new(),
            opened: 0,
            still: BTreeMap::new(),
            still_processes: BTreeMap::new(),
            delay_max,
        }
    }

    /// A worker opens a stream.
    pub(crate) fn open(
        &mut self,
        envoy: u64,
        token: StreamToken,
        process: Option<u64>,
    ) -> StreamId {
        self.opened += 1;
        let (up, down) = (Lane::default(), Lane::default());
        self.streams.insert(self.opened, Stream { envoy, token, process, up, down });
        self.opened
    }

    /// A stream.
    pub(crate) fn stream(&self, id: StreamId) -> Option<&Stream> {
        self.streams.get(&id)
    }

    /// The stream that a worker knows by this number.
    pub(crate) fn find(&self, envoy: u64, token: StreamToken) -> Option<StreamId> {
        let mut streams = self.streams.iter().rev();
        let found = streams.find(|(_, stream)| stream.envoy == envoy && stream.token == token);
        found.map(|(id, _)| *id)
    }

    /// All streams that lead to a process.
    pub(crate) fn to_process(&self, process: u64) -> Vec<StreamId> {
        let streams = self.streams.iter();
        streams.filter(|(_, s)| s.process == Some(process)).map(|(id, _)| *id).collect()
    }

    /// All streams of an Envoy.
    pub(crate) fn of_envoy(&self, envoy: u64) -> Vec<StreamId> {
        let streams = self.streams.iter();
        streams.filter(|(_, stream)| stream.envoy == envoy).map(|(id, _)| *id).collect()
    }

    /// Something is sent: its number on its way, and when it arrives.
    pub(crate) fn send(
        &mut self,
        id: StreamId,
        way: Way,
        now: Micros,
        random: &mut Random,
    ) -> Option<(u64, Micros)> {
        let delay = random.between(50, self.delay_max);
        let stream = self.streams.get_mut(&id)?;
        let still_until = still_until(stream, &self.still, &self.still_processes);
        let lane = stream.lane(way);
        lane.latest = lane.latest.max(now + delay).max(still_until);
        lane.sent += 1;
        Some((lane.sent, lane.latest))
    }

    /// Something arrives.
    pub(crate) fn arrive(&mut self, id: StreamId, way: Way, number: u64, now: Micros) -> Arrival {
        let Some(stream) = self.streams.get_mut(&id) else { return Arrival::Lost };
        let still_until = still_until(stream, &self.still, &self.still_processes);
        let lane = stream.lane(way);
        if lane.lost_from.is_some_and(|lost_from| number >= lost_from) {
            return Arrival::Lost;
        }
        if still_until > now || number != lane.arrived + 1 {
            // Behind what was sent before it, at the same time at the earliest.
            let at = still_until.max(now);
            lane.latest = lane.latest.max(at);
            return Arrival::Later(at);
        }
        lane.arrived = number;
        Arrival::Now
    }

    /// Cuts a stream: of what is under way in each direction some still arrives.
    pub(crate) fn cut(&mut self, id: StreamId, random: &mut Random) {
        if let Some(stream) = self.streams.get_mut(&id) {
            for lane in [&mut stream.up, &mut stream.down] {
                let lost_from = lane.arrived + 1 + random.below(lane.sent - lane.arrived + 1);
                lane.lost_from = Some(lane.lost_from.map_or(lost_from, |lost| lost.min(lost_from)));
            }
        }
    }

    /// Nothing more is read at the end of one way.
    pub(crate) fn stop_reading(&mut self, id: StreamId, way: Way) {
        if let Some(stream) = self.streams.get_mut(&id) {
            let lane = stream.lane(way);
            lane.lost_from = Some(lane.arrived + 1);
        }
    }

    /// Nothing of an Envoy's moves until then.
    pub(crate) fn stand_still(&mut self, envoy: u64, until: Micros) {
        self.still.insert(envoy, until);
    }

    /// Nothing to a process or from it moves until then.
    pub(crate) fn process_stands_still(&mut self, process: u64, until: Micros) {
        self.still_processes.insert(process, until);
    }

    /// Everything moves again.
    pub(crate) fn move_again(&mut self) {
        self.still.clear();
        self.still_processes.clear();
    }
}

/// Until when nothing moves on a stream.
fn still_until(
    stream: &Stream,
    envoys: &BTreeMap<u64, Micros>,
    processes: &BTreeMap<u64, Micros>,
) -> Micros {
    let of_process = stream.process.and_then(|process| processes.get(&process));
    envoys.get(&stream.envoy).max(of_process).copied().unwrap_or(0)
}

impl Stream {
    fn lane(&mut self, way: Way) -> &mut Lane {
        match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        }
    }
}

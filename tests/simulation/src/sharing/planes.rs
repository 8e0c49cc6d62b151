//! Control planes begin, serve streams, and end.

use std::time::Duration;

use prost::Message as _;
use proto::decision::{ControlFrame, Decision, FilterFrame};
use tokio::sync::mpsc::unbounded_channel;

use super::{Event, News, World, plane::Plane, stream::Stream};
use crate::{
    edge::{SECOND, Sent},
    network::{StreamId, Way},
    oracle::Name,
    world::asked,
};

impl World {
    pub(super) fn begin_plane(&mut self) {
        self.begun += 1;
        self.beginning += 1;
        let number = self.begun;
        let (redis, settings) = (self.redis.clone(), (self.policy, self.config.clone()));
        let tell = self.tell.clone();
        tokio::spawn(async move {
            let began = Plane::start(redis, number, settings).await.map(Box::new);
            let _ = tell.send(News::Began(number, began));
        });
    }

    pub(super) fn hears(&mut self, news: News) {
        // What is told was decided before.
        self.read_calls();
        match news {
            News::Began(number, began) => self.has_begun(number, began),
            News::Sent(stream, sent) => self.is_sent(stream, sent),
            News::Refused(stream, why) => {
                self.edge.violated(format!("stream {stream} was refused: {why}"));
            }
            News::Wrote(write, is_done) => self.wrote(&write, is_done),
        }
    }

    fn has_begun(&mut self, number: u64, began: Result<Box<Plane>, String>) {
        self.beginning -= 1;
        match began {
            Ok(plane) => {
                self.edge.tell(|| format!("control plane {number} has begun"));
                plane.advance((crate::redis::WALL_US + self.edge.now) / 1_000);
                self.planes.insert(number, *plane);
                self.edge.processes.push(number);
            }
            Err(why) => {
                self.edge.tell(|| format!("control plane {number} does not begin: {why}"));
                let soon = self.edge.now + SECOND;
                self.edge.plan(soon, Event::Begin);
            }
        }
    }

    /// Something arrives at a control plane.
    pub(super) fn arrives(&mut self, stream: StreamId, sent: Sent) {
        let Some(leads_to) = self.edge.network.stream(stream).and_then(|of| of.process) else {
            return;
        };
        let name = (u128::from(self.edge.random.next()) << 64) | u128::from(stream);
        if let Sent::Frame(frame) = &sent {
            self.read_frame((stream, name), frame);
        }
        let stays = Duration::from_micros(self.edge.random.between(5 * SECOND, 60 * SECOND));
        let Some(plane) = self.planes.get_mut(&leads_to) else { return };
        if !plane.streams.contains_key(&stream) {
            if matches!(sent, Sent::End) || plane.closing.is_cancelled() {
                return;
            }
            let (to, arrives) = unbounded_channel();
            plane.streams.insert(stream, to);
            let serving = Stream {
                number: stream,
                name,
                stays,
                plane: plane.serving.clone(),
                closing: plane.closing.clone(),
                arrives,
                news: self.tell.clone(),
            };
            let task = tokio::spawn(serving.serve());
            plane.owns(task.abort_handle());
        }
        if let Some(to) = plane.streams.get(&stream) {
            // A stream that has ended reads nothing.
            let _ = to.send(sent);
        }
    }

    fn read_frame(&mut self, (stream, name): (StreamId, Name), frame: &[u8]) {
        let Ok(frame) = FilterFrame::decode(frame) else {
            return self.edge.violated("a worker sent a frame that is none".to_owned());
        };
        let Some(envoy) = self.edge.network.stream(stream).map(|stream| stream.envoy) else {
            return;
        };
        if let Some(hello) = &frame.hello {
            let known = <[u8; 16]>::try_from(hello.worker.as_slice()).map(u128::from_be_bytes);
            self.envoy_of.insert(known.unwrap_or(name), envoy);
        }
        for ask in &frame.asks {
            self.judge.asks(envoy, asked(ask));
        }
    }

    fn is_sent(&mut self, stream: StreamId, sent: Sent) {
        match &sent {
            Sent::Frame(bytes) => {
                if let Err(what) = self.tells_what_was_decided(stream, bytes) {
                    return self.edge.violated(what);
                }
            }
            Sent::End => {
                self.edge.network.stop_reading(stream, Way::Up);
                let process = self.edge.network.stream(stream).and_then(|of| of.process);
                if let Some(plane) = process.and_then(|of| self.planes.get_mut(&of)) {
                    plane.streams.remove(&stream);
                }
            }
        }
        self.edge.send(stream, Way::Down, sent);
    }

    /// What a worker is told is what the store decided, or what is decided without it.
    fn tells_what_was_decided(&mut self, stream: StreamId, bytes: &[u8]) -> Result<(), String> {
        let frame = ControlFrame::decode(bytes).map_err(|error| error.to_string())?;
        let Some(of) = self.edge.network.stream(stream) else { return Ok(()) };
        let (envoy, process) = (of.envoy, of.process);
        for verdict in &frame.verdicts {
            let id = verdict.id;
            self.edge.trace(&[4, envoy, id.into()]);
            match verdict.decision() {
                Decision::Admitted => {
                    self.edge.report.admitted += 1;
                    self.edge.admitted.insert((envoy, id));
                    let is_known = self.judge.was_admitted((envoy, id));
                    if !is_known && !self.decides_alone() {
                        return Err(format!(
                            "request {id} of Envoy {envoy} was admitted by control plane {process:?}, \
                             and not by the store"
                        ));
                    }
                    self.edge.report.decided_alone += u64::from(!is_known);
                }
                Decision::Unspecified => self.edge.report.unavailable += 1,
                _ => self.edge.report.refused += 1,
            }
        }
        Ok(())
    }

    pub(super) fn decides_alone(&self) -> bool {
        self.plan.without == super::Without::Local
    }

    /// A control plane is no more, from one moment to the next.
    pub(super) fn kill_plane(&mut self, number: u64) {
        let Some(plane) = self.planes.remove(&number) else { return };
        self.edge.tell(|| format!("control plane {number} is killed"));
        self.edge.report.restarts += 1;
        self.edge.processes.retain(|process| *process != number);
        self.redis.reach(number, |reach| reach.is_open = false);
        plane.kill();
        self.edge.lead_nowhere(number, 20_000);
        let again = self.edge.now + self.edge.random.between(SECOND / 5, 5 * SECOND);
        self.edge.plan(again, Event::Begin);
    }

    /// Health says that it takes no more streams; those that it has end a while later.
    pub(super) fn drain_plane(&mut self, number: u64) {
        let Some(plane) = self.planes.get_mut(&number) else { return };
        self.edge.tell(|| format!("control plane {number} drains"));
        plane.is_draining = true;
        self.edge.processes.retain(|process| *process != number);
        let closes = self.edge.now + SECOND;
        self.edge.plan(closes, Event::Over(super::Over::Draining(number)));
    }

    /// Its streams end now, and then itself.
    pub(super) fn closes(&mut self, number: u64) {
        let Some(plane) = self.planes.get_mut(&number) else { return };
        if !plane.closing.is_cancelled() {
            plane.closing.cancel();
            let ends = self.edge.now + 2 * SECOND;
            return self.edge.plan(ends, Event::Over(super::Over::Draining(number)));
        }
        self.kill_plane(number);
    }
}

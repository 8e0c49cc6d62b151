//! Everything at once, in any order: requests, ends, ticks, answers, broken and hung streams.
//!
//! A control plane that admits all keeps what each stream holds, as the real one does. When the
//! dust has settled, it must hold exactly the requests that are on their way.

use std::collections::{BTreeSet, HashMap, VecDeque};

use proptest::{collection::vec, prelude::*};
use proto::decision::{ControlFrame, Decision, FilterFrame, Verdict, Welcome};

use super::fake::{Bench, Fate};
use crate::host::{RequestId, StreamToken};

const TIMEOUT_MS: u64 = 250;
const TICK_MS: u64 = 20;

#[derive(Clone, Debug)]
enum Event {
    Request,
    /// The client or the upstream ends one of the requests in progress.
    End(prop::sample::Index),
    Tick,
    /// The control plane reads what has arrived and answers.
    Answer,
    BreakStream,
    Unreachable(bool),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => Just(Event::Request),
        5 => any::<prop::sample::Index>().prop_map(Event::End),
        6 => Just(Event::Tick),
        6 => Just(Event::Answer),
        1 => Just(Event::BreakStream),
        1 => any::<bool>().prop_map(Event::Unreachable),
    ]
}

/// The control plane's side of every stream that was ever opened.
#[derive(Debug, Default)]
struct ControlPlane {
    unread: HashMap<StreamToken, VecDeque<FilterFrame>>,
    held: HashMap<StreamToken, BTreeSet<RequestId>>,
    welcomed: BTreeSet<StreamToken>,
}

impl ControlPlane {
    fn receive(&mut self, bench: &mut Bench) {
        for (stream, frame) in std::mem::take(&mut bench.host.frames) {
            self.unread.entry(stream).or_default().push_back(frame);
        }
    }

    fn answer(&mut self, bench: &mut Bench) {
        self.receive(bench);
        let Some(stream) = bench.host.open.iter().copied().max() else { return };
        while let Some(frame) = self.unread.get_mut(&stream).and_then(VecDeque::pop_front) {
            let held = self.held.entry(stream).or_default();
            let verdicts: Vec<_> = frame
                .asks
                .iter()
                .map(|ask| {
                    assert!(held.insert(ask.id), "{} was asked for twice on one stream", ask.id);
                    Verdict {
                        id: ask.id,
                        decision: Decision::Admitted.into(),
                        ..Verdict::default()
                    }
                })
                .collect();
            for gone in frame.settles.iter().map(|settle| settle.id).chain(frame.cancels) {
                assert!(held.remove(&gone), "{gone} was given back without being held");
            }
            let welcome = self
                .welcomed
                .insert(stream)
                .then_some(Welcome { protocol_version: 1, ..Welcome::default() });
            assert_eq!(welcome.is_some(), frame.hello.is_some());
            if welcome.is_some() || !verdicts.is_empty() {
                bench.deliver(
                    stream,
                    &ControlFrame { welcome, verdicts, ..ControlFrame::default() },
                );
            }
            self.receive(bench);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_request_is_decided_once_in_time_and_every_charge_is_accounted_for(
        events in vec(event(), 1..300),
    ) {
        let mut bench = Bench::new("");
        let mut control_plane = ControlPlane::default();
        let mut in_progress: Vec<(RequestId, u64)> = Vec::new();
        let mut next_id = 0;

        for event in events {
            match event {
                Event::Request => {
                    next_id += 1;
                    bench.request(next_id);
                    in_progress.push((next_id, bench.now_us));
                }
                Event::End(index) if !in_progress.is_empty() => {
                    let (id, _) = in_progress.remove(index.index(in_progress.len()));
                    bench.end(id, true);
                }
                Event::Tick => bench.tick(TICK_MS),
                Event::Answer => control_plane.answer(&mut bench),
                Event::BreakStream if !bench.host.open.is_empty() => bench.break_stream(),
                Event::End(_) | Event::BreakStream => {}
                Event::Unreachable(unreachable) => bench.host.reachable = !unreachable,
            }
            control_plane.receive(&mut bench);
            for &(id, since_us) in &in_progress {
                let waited_ms = (bench.now_us - since_us) / 1_000;
                prop_assert!(
                    bench.fate(id).is_some() || waited_ms <= TIMEOUT_MS,
                    "request {} waits since {} ms", id, waited_ms
                );
            }
        }

        // The rest is undisturbed: everything is decided, and what was forwarded stays held.
        bench.host.reachable = true;
        for _ in 0..100 {
            bench.tick(TICK_MS);
            control_plane.answer(&mut bench);
        }
        for &(id, _) in &in_progress {
            prop_assert!(bench.fate(id).is_some(), "request {} was forgotten", id);
        }
        if let Some(stream) = bench.host.open.iter().max() {
            let held = control_plane.held.remove(stream).unwrap_or_default();
            let forwarded: BTreeSet<_> = in_progress.iter().map(|(id, _)| *id)
                .filter(|id| bench.fate(*id) == Some(&Fate::Resumed)).collect();
            prop_assert!(held.is_subset(&forwarded), "held {held:?} but forwarded {forwarded:?}");
        }
    }
}

//! When the end of a request is told: with what goes out anyway, or at once when it is waited for.

use proto::decision::{ControlFrame, Verdict};

use super::{super::*, ADMITTED, fake::Bench};

/// A request is admitted, its client left with too little for another one like it.
fn admit_short(bench: &mut Bench, id: RequestId) {
    bench.request(id);
    answer_short(bench, id);
}

fn answer_short(bench: &mut Bench, id: RequestId) {
    let verdict =
        Verdict { id, decision: ADMITTED.into(), settle_at_once: true, ..Verdict::default() };
    bench.deliver(bench.stream(), &ControlFrame { welcome: None, verdicts: vec![verdict] });
}

#[test]
fn an_end_that_its_client_waits_for_leaves_at_once() {
    let mut bench = Bench::open("");
    admit_short(&mut bench, 1);
    bench.end(1, true);
    assert_eq!(bench.settles().len(), 1, "before any tick");
}

#[test]
fn an_end_that_nobody_waits_for_costs_no_frame() {
    let mut bench = Bench::open("");
    bench.request(1);
    bench.answer(&[(1, ADMITTED, 0)]);
    bench.end(1, true);
    assert!(bench.settles().is_empty());
    bench.request(2);
    let (_, frame) = bench.host.frames.last().unwrap();
    assert_eq!((frame.settles.len(), frame.asks.len()), (1, 1), "it rides with the next ask");
}

#[test]
fn an_end_that_is_waited_for_leaves_with_the_asks_that_wait_for_an_answer() {
    let mut bench = Bench::open("");
    admit_short(&mut bench, 1);
    bench.request(2);
    bench.request(3);
    bench.end(1, true);
    assert!(bench.settles().is_empty(), "a frame is unanswered");
    bench.answer(&[(2, ADMITTED, 0)]);
    let (_, frame) = bench.host.frames.last().unwrap();
    assert_eq!((frame.settles.len(), frame.asks.len()), (1, 1));
}

#[test]
fn an_end_that_is_waited_for_leaves_with_the_answer_when_nothing_is_asked() {
    let mut bench = Bench::open("");
    admit_short(&mut bench, 1);
    bench.request(2);
    bench.end(1, true);
    assert!(bench.settles().is_empty(), "a frame is unanswered");
    bench.answer(&[(2, ADMITTED, 0)]);
    assert_eq!(bench.settles().len(), 1, "alone");
}

#[test]
fn an_end_is_told_once_however_often_the_host_tells_it() {
    let mut bench = Bench::open("");
    admit_short(&mut bench, 1);
    bench.end(1, true);
    bench.end(1, false);
    bench.tick(20);
    assert_eq!(bench.settles().len(), 1);
}

//! The worker without an Envoy.

mod access_log;
mod answers;
mod backlog;
mod control_plane;
mod ends;
mod fake;
mod identity;
mod limits;
mod mode;
mod response;
mod resume;
mod simulation;
mod stop;

use fake::{Bench, Fate};
use proto::decision::{ControlFrame, Decision, Outcome, Verdict, Welcome};

use super::*;
use crate::host::{Next, RequestId};

const ADMITTED: Decision = Decision::Admitted;

impl Worker {
    /// Whether nothing is kept of any request.
    fn holds_nothing(&self) -> bool {
        self.requests.are_none() && self.outbox.ends.is_empty() && self.outbox.is_empty()
    }
}

#[test]
fn the_first_request_opens_the_stream_at_the_next_tick_and_goes_out_once_it_is_welcomed() {
    let mut bench = Bench::new("");
    bench.tick(20);
    assert!(bench.host.frames.is_empty(), "no stream before it is needed");

    assert_eq!(bench.request(1), Next::Pause);
    bench.tick(20);
    let (_, frame) = &bench.host.frames[0];
    assert_eq!(frame.hello.as_ref().unwrap().protocol_version, 1);
    bench.answer(&[]);
    assert_eq!(bench.asked(1), [1]);

    bench.answer(&[(1, ADMITTED, 0)]);
    assert_eq!(bench.fate(1), Some(&Fate::Resumed));
    assert_eq!(bench.count("flowguard_stream.state=open"), 1);
    assert_eq!(bench.count("flowguard_stream.state=opening"), 0);
}

#[test]
fn what_arrives_while_a_frame_is_unanswered_leaves_as_one_frame() {
    let mut bench = Bench::open("");
    for id in 1..=4 {
        bench.request(id);
    }
    assert_eq!(bench.host.frames.len(), 1);
    assert_eq!(bench.asked(0), [1]);

    bench.answer(&[(1, ADMITTED, 0)]);
    assert_eq!(bench.asked(1), [2, 3, 4]);
}

#[test]
fn each_refusal_is_answered_as_the_contract_says() {
    let mut bench = Bench::open("");
    for (id, decision, wait_ms, status, error) in [
        (1, Decision::RpmExceeded, 1_500, 429, "rpm_exceeded"),
        (2, Decision::TpmExceeded, 0, 429, "tpm_exceeded"),
        (3, Decision::UnknownClient, 0, 403, "unknown_client"),
    ] {
        bench.request(id);
        bench.answer(&[(id, decision, wait_ms)]);
        assert_eq!(bench.fate(id), Some(&Fate::Replied(status)));
        assert!(bench.host.replies[&id].body.contains(error));
        bench.end(id, true);
    }
    bench.tick(20);
    assert!(bench.host.frames.iter().all(|(_, frame)| frame.settles.is_empty()), "nothing is held");
}

#[test]
fn an_admitted_request_is_settled_once_with_its_outcome_and_duration() {
    let mut bench = Bench::open("");
    for (id, completed) in [(1, true), (2, false)] {
        bench.request(id);
        bench.answer(&[(id, ADMITTED, 0)]);
        bench.now_us += 1_234;
        bench.end(id, completed);
        bench.end(id, completed);
    }
    bench.tick(20);
    let settles: Vec<_> =
        bench.host.frames.iter().flat_map(|(_, frame)| frame.settles.clone()).collect();
    let ends: Vec<_> =
        settles.iter().map(|settle| (settle.id, settle.outcome(), settle.duration_us)).collect();
    assert_eq!(ends, [(1, Outcome::Completed, 1_234), (2, Outcome::Aborted, 1_234)]);
}

#[test]
fn a_client_that_goes_away_while_it_waits_gets_its_charge_back() {
    let mut bench = Bench::open("");
    bench.request(1);
    bench.request(2);
    bench.end(1, false);
    bench.end(2, false);
    bench.answer(&[(1, ADMITTED, 0)]);
    bench.tick(20);

    assert_eq!(bench.cancels(), [1], "2 was never asked for");
    assert_eq!(bench.host.frames.iter().flat_map(|(_, frame)| &frame.asks).count(), 1);
    assert!(bench.host.fates.is_empty(), "nothing is asked of a request that has gone");
}

#[test]
fn the_wait_for_a_verdict_is_measured_from_the_headers_and_not_for_a_request_that_gave_up() {
    let mut bench = Bench::open(r#"{"decision_timeout_ms":100}"#);
    bench.request(1);
    bench.now_us += 300;
    bench.request(2);
    bench.now_us += 500;
    bench.answer(&[(1, ADMITTED, 0)]);
    bench.answer(&[(2, Decision::RpmExceeded, 1)]);
    bench.request(3);
    bench.tick(100);
    bench.answer(&[(3, ADMITTED, 0)]);
    assert_eq!(bench.host.waits_us, [800, 500]);
}

#[test]
fn a_request_waits_no_longer_than_its_timeout_and_then_meets_the_failure_mode() {
    for (mode, fate) in [("closed", Fate::Replied(503)), ("open", Fate::Resumed)] {
        let mut bench =
            Bench::open(&format!(r#"{{"failure_mode":"{mode}","decision_timeout_ms":100}}"#));
        bench.request(1);
        bench.request(2);
        bench.tick(99);
        assert!(bench.host.fates.is_empty());
        bench.tick(1);
        assert_eq!(bench.fate(1), Some(&fate));
        assert_eq!(bench.fate(2), Some(&fate));
        assert_eq!(bench.count("flowguard_failures.cause=timeout"), 2);
        // What was refused is given back when it was charged; what passed stays charged.
        let expected: &[RequestId] = if mode == "closed" { &[1] } else { &[] };
        assert_eq!(bench.cancels(), expected);

        // The verdict that comes late changes nothing.
        bench.answer(&[(1, Decision::RpmExceeded, 1)]);
        assert_eq!(bench.fate(1), Some(&fate));
    }
}

#[test]
fn no_call_decides_so_many_requests_that_the_vms_stack_overflows() {
    let mut bench = Bench::open(r#"{"decision_timeout_ms":100}"#);
    for id in 0..1_000 {
        bench.request(id);
    }
    bench.answer(&[(0, ADMITTED, 0)]);
    assert_eq!(bench.asked(1).len(), 64);

    let mut decided = bench.host.fates.len();
    bench.tick(100);
    while bench.host.fates.len() < 1_000 {
        assert_eq!(bench.host.pace, Some(Pace::Hurried));
        assert_eq!(bench.host.fates.len() - decided, 64);
        decided = bench.host.fates.len();
        bench.tick(1);
    }
    assert_eq!(bench.host.pace, Some(Pace::Usual));
}

#[test]
fn a_broken_stream_is_opened_again_and_its_open_asks_are_asked_again_in_order() {
    let mut bench = Bench::open("");
    bench.request(1);
    bench.request(2);
    bench.break_stream();
    bench.request(3);
    for _ in 0..3 {
        bench.tick(20);
    }
    let (_, frame) = bench.host.frames.last().unwrap();
    assert!(frame.hello.is_some());
    assert_eq!(frame.asks.iter().map(|ask| ask.id).collect::<Vec<_>>(), [1, 2, 3]);
    bench.answer(&[(1, ADMITTED, 0), (2, ADMITTED, 0), (3, Decision::RpmExceeded, 5)]);
    assert_eq!(bench.fate(1), Some(&Fate::Resumed));
    assert_eq!(bench.fate(3), Some(&Fate::Replied(429)));
    assert_eq!(bench.count("flowguard_failures.cause=stream_lost"), 1);
}

#[test]
fn what_an_old_stream_admitted_is_settled_on_a_new_one() {
    let mut bench = Bench::open("");
    bench.request(1);
    bench.answer(&[(1, ADMITTED, 0)]);
    bench.break_stream();
    for _ in 0..3 {
        bench.tick(20);
    }
    bench.answer(&[]);
    bench.end(1, true);
    bench.tick(20);
    let settled: Vec<_> = bench.settles().iter().map(|settle| settle.id).collect();
    assert_eq!(settled, [1]);
}

#[test]
fn an_unreachable_control_plane_is_tried_with_back_off_and_told_once() {
    let mut bench = Bench::new("");
    bench.host.reachable = false;
    bench.request(1);
    for _ in 0..100 {
        bench.tick(20);
    }
    assert_eq!(bench.fate(1), Some(&Fate::Replied(503)));
    assert_eq!(bench.count("flowguard_failures.cause=unreachable"), 1);
    assert_eq!(bench.host.log.len(), 1, "{:?}", bench.host.log);

    bench.host.reachable = true;
    let mut waited_ms = 0;
    while bench.host.open.is_empty() {
        bench.tick(20);
        waited_ms += 20;
    }
    assert!(waited_ms <= 280, "back after {waited_ms} ms");
}

#[test]
fn a_stream_that_hangs_is_half_closed_after_its_cancels_and_replaced() {
    let mut bench = Bench::open("");
    let hung = bench.stream();
    bench.request(1);
    for _ in 0..60 {
        bench.tick(20);
    }
    assert_eq!(bench.fate(1), Some(&Fate::Replied(503)));
    assert_eq!(bench.cancels_on(hung), [1]);
    assert_eq!(bench.host.half_closed, [hung]);
    assert_eq!(bench.count("flowguard_failures.cause=stream_hung"), 1);
    assert_ne!(bench.stream(), hung);
    assert_eq!(bench.cancels_on(bench.stream()), [1], "nobody knows what the old one delivers");

    // What the old stream still says is not for the new one.
    bench.deliver(hung, &ControlFrame { verdicts: vec![], ..ControlFrame::default() });
    assert!(bench.host.reset.is_empty());
}

#[test]
fn a_stream_that_hangs_before_it_is_welcomed_gets_its_cancels_too() {
    let mut bench = Bench::open("");
    bench.break_stream();
    bench.request(1);
    bench.tick(20);
    let hung = bench.stream();
    for _ in 0..60 {
        bench.tick(20);
    }
    assert_eq!(bench.fate(1), Some(&Fate::Replied(503)));
    assert_eq!(bench.asked(0), [1]);
    assert_eq!(bench.cancels_on(hung), [1], "a control plane that wakes up would keep the charge");
}

#[test]
fn streams_that_hang_for_ever_do_not_pile_up() {
    let mut bench = Bench::open("");
    for _ in 0..10 * 60 {
        bench.tick(20);
        bench.request(1_000 + u32::try_from(bench.host.frames.len()).unwrap());
        bench.host.fates.clear();
    }
    let alive = bench.host.half_closed.len() - bench.host.reset.len();
    assert!(bench.host.half_closed.len() > 6 && alive <= 4, "{alive} hung streams are kept");
}

#[test]
fn a_control_plane_of_another_version_is_refused_with_the_way_out() {
    let mut bench = Bench::new("");
    bench.request(1);
    bench.tick(20);
    let stream = bench.stream();
    let welcome = Some(Welcome { protocol_version: 2, worker: fake::NAME.to_vec() });
    bench.deliver(stream, &ControlFrame { welcome, ..ControlFrame::default() });
    assert_eq!(bench.host.reset, [stream]);
    assert!(bench.host.log[0].contains("speaks version 2"), "{:?}", bench.host.log);
}

#[test]
fn a_control_plane_that_gives_no_name_is_refused() {
    for worker in [&b""[..], &[7; 15], &[7; 17]] {
        let mut bench = Bench::new("");
        bench.request(1);
        bench.tick(20);
        let stream = bench.stream();
        let welcome = Some(Welcome { protocol_version: 1, worker: worker.to_vec() });
        bench.deliver(stream, &ControlFrame { welcome, ..ControlFrame::default() });
        assert_eq!(bench.host.reset, [stream]);
        assert_eq!(bench.count("flowguard_failures.cause=bad_frame"), 1);
    }
}

#[test]
fn a_filter_that_the_control_plane_refuses_says_how_to_mend_it() {
    let mut bench = Bench::new("");
    bench.request(1);
    bench.tick(20);
    let stream = bench.stream();
    bench.worker.on_stream_close(&mut bench.host, stream, 9, bench.now_us);
    assert!(bench.host.log[0].contains("filter.wasm of the same release"), "{:?}", bench.host.log);
}

#[test]
fn many_ends_are_reported_without_waiting_for_a_tick() {
    let mut bench = Bench::open("");
    for id in 1..=256 {
        bench.request(id);
        bench.answer(&[(id, ADMITTED, 0)]);
    }
    bench.host.frames.clear();
    for id in 1..=256 {
        bench.end(id, true);
    }
    let settles: usize = bench.host.frames.iter().map(|(_, frame)| frame.settles.len()).sum();
    assert_eq!(settles, 256);
}

#[test]
fn an_answer_that_cannot_be_understood_drops_the_stream_and_harms_nothing() {
    let verdict = |decision| Verdict { id: 1, decision, ..Verdict::default() };
    let mut bench = Bench::open("");
    bench.request(1);
    let stream = bench.stream();
    bench.worker.on_frame(&mut bench.host, stream, b"\xff\xff\xff", bench.now_us);
    assert_eq!(bench.host.reset, [stream]);

    let mut bench = Bench::open("");
    let stream = bench.stream();
    bench.deliver(stream, &ControlFrame { verdicts: vec![verdict(1)], ..ControlFrame::default() });
    assert_eq!(bench.host.reset, [stream], "nothing was asked");

    let mut bench = Bench::open("");
    bench.request(1);
    let stream = bench.stream();
    bench.deliver(stream, &ControlFrame { verdicts: vec![verdict(99)], ..ControlFrame::default() });
    assert_eq!(bench.fate(1), Some(&Fate::Replied(503)));
    assert_eq!(bench.count("flowguard_failures.cause=bad_frame"), 1);
}

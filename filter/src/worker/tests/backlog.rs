//! More requests than this worker gets answered: who is refused, and that no failure mode opens.

use proto::decision::{ControlFrame, Decision, Verdict, verdict::Wait};

use super::{
    super::lanes::LANE_LEN_MAX,
    ADMITTED,
    fake::{Bench, Fate, SPENT},
};
use crate::{
    header_map::headers,
    host::{Next, RequestId},
};

const OPEN: &str = r#"{"failure_mode":"open","decision_timeout_ms":100}"#;

fn ask(bench: &mut Bench, id: RequestId, client: &str) -> Next {
    let headers = headers(&[("x-client-id", client), ("x-token-estimate", "10")]);
    bench.worker.on_request(&mut bench.host, id, &headers, true, bench.now_us)
}

/// Answers the frame that is under way: everybody in it is refused and told to wait for 5 s.
fn refuse_all(bench: &mut Bench) {
    let (stream, frame) = bench.host.frames.last().unwrap();
    let stream = *stream;
    let verdicts = frame.asks.iter().map(|ask| Verdict {
        id: ask.id,
        decision: Decision::RpmExceeded.into(),
        wait: Some(Wait::RetryAfterMs(5_000)),
        requests: Some(SPENT),
        ..Verdict::default()
    });
    let answer = ControlFrame { verdicts: verdicts.collect(), ..ControlFrame::default() };
    bench.deliver(stream, &answer);
}

#[test]
fn a_request_that_its_own_workers_queue_held_up_is_refused_under_both_failure_modes() {
    for mode in ["open", "closed"] {
        let config = format!(r#"{{"failure_mode":"{mode}","decision_timeout_ms":100}}"#);
        let mut bench = Bench::open(&config);
        for id in 0..1_000 {
            ask(&mut bench, id, "flood");
        }
        // The stream answers all the time, and not as fast as requests came.
        for _ in 0..6 {
            bench.tick(20);
            refuse_all(&mut bench);
        }
        for _ in 0..20 {
            bench.tick(1);
        }
        assert_eq!(bench.fate(999), Some(&Fate::Replied(503)), "{mode}");
        assert_eq!(bench.count("flowguard_decisions.outcome=failed_open"), 0, "{mode}");
        assert!(bench.count("flowguard_failures.cause=backlog") > 0, "{mode}");
        assert_eq!(bench.count("flowguard_failures.cause=timeout"), 0, "{mode}");
    }
}

#[test]
fn a_request_behind_a_frame_that_is_never_answered_meets_the_failure_mode() {
    let mut bench = Bench::open(OPEN);
    for id in 0..200 {
        ask(&mut bench, id, "client");
    }
    for _ in 0..10 {
        bench.tick(20);
    }
    assert_eq!(bench.fate(199), Some(&Fate::Resumed));
    assert_eq!(bench.count("flowguard_failures.cause=backlog"), 0);
}

/// The loop of a busy worker stands still; what the control plane answered is still unread.
#[test]
fn a_worker_that_was_too_busy_to_look_takes_the_stream_for_alive() {
    let mut bench = Bench::open(r#"{"failure_mode":"open"}"#);
    ask(&mut bench, 1, "client");
    ask(&mut bench, 2, "client");
    bench.tick(500);
    assert_eq!(bench.fate(1), Some(&Fate::Replied(503)));
    assert_eq!(bench.count("flowguard_failures.cause=backlog"), 2);
}

#[test]
fn a_full_lane_is_refused_at_once_by_its_clients_last_refusal() {
    let mut bench = Bench::open("");
    for id in 0..2_000 {
        ask(&mut bench, id, "flood");
    }
    let no_refusal_yet = bench.count("flowguard_failures.cause=backlog");
    assert_eq!(no_refusal_yet, 2_000 - 1 - i64::try_from(LANE_LEN_MAX).unwrap());
    assert_eq!(bench.fate(1_999), Some(&Fate::Replied(503)));
    refuse_all(&mut bench);

    // One was answered and 64 more are under way: 65 fit before the lane is full again.
    bench.now_us += 40_000;
    for id in 10_000..10_100 {
        ask(&mut bench, id, "flood");
    }
    let last = &bench.host.replies[&10_099];
    assert_eq!(last.status, 429);
    let wait = last.headers.iter().find(|(name, _)| *name == "retry-after-ms").unwrap();
    assert_eq!(wait.1.as_str(), "4960", "what is left of it");
    assert_eq!(bench.count("flowguard_failures.cause=backlog"), no_refusal_yet);

    refuse_all(&mut bench);
    let drops: u32 = bench
        .host
        .frames
        .iter()
        .flat_map(|(_, frame)| &frame.drops)
        .map(|drop| {
            assert_eq!(
                (drop.client_id.as_str(), drop.decision()),
                ("flood", Decision::RpmExceeded)
            );
            drop.requests
        })
        .sum();
    let at_once = (10_000..10_100).filter(|id| bench.host.replies.contains_key(id)).count();
    assert!(at_once > 0);
    assert_eq!(usize::try_from(drops).unwrap(), at_once, "each is reported");
}

#[test]
fn a_full_lane_harms_nobody_in_another() {
    let mut bench = Bench::open("");
    for id in 0..3_000 {
        ask(&mut bench, id, "flood");
    }
    assert_eq!(ask(&mut bench, 5_000, "honest"), Next::Pause);
    assert_eq!(bench.fate(5_000), None, "it waits");
    refuse_all(&mut bench);
    let (_, frame) = bench.host.frames.last().unwrap();
    assert!(frame.asks.iter().any(|ask| ask.id == 5_000), "and is asked for with the next frame");
}

#[test]
fn a_new_id_for_each_request_fills_the_worker_and_harms_nobody_who_asks_little() {
    let mut bench = Bench::open("");
    for id in 0..12_000 {
        ask(&mut bench, id, &format!("made-up-{id}"));
    }
    assert_eq!(bench.count("flowguard_decisions.outcome=failed_closed"), 2_000);
    assert_eq!(ask(&mut bench, 50_000, "honest"), Next::Pause);
    assert_eq!(bench.fate(50_000), None, "somebody else made room");
    assert_eq!(bench.count("flowguard_decisions.outcome=failed_closed"), 2_001);
}

#[test]
fn a_new_id_for_each_request_is_not_waited_for_by_a_client_that_is_configured() {
    let mut bench = Bench::open("");
    ask(&mut bench, 50_000, "honest");
    let (stream, _) = *bench.host.frames.last().unwrap();
    let verdict =
        Verdict { id: 50_000, decision: ADMITTED.into(), configured: true, ..Verdict::default() };
    let answer = ControlFrame { verdicts: vec![verdict], ..ControlFrame::default() };
    bench.deliver(stream, &answer);
    assert_eq!(bench.fate(50_000), Some(&Fate::Resumed));

    for id in 0..9_000 {
        ask(&mut bench, id, &format!("made-up-{id}"));
    }
    ask(&mut bench, 50_001, "honest");
    refuse_all(&mut bench);
    let (_, frame) = bench.host.frames.last().unwrap();
    assert!(frame.asks.iter().any(|ask| ask.id == 50_001), "it is in the very next frame");
    assert_eq!(frame.asks.len(), 64, "and so are others");
}

#[test]
fn in_shadow_a_backlog_refuses_nobody() {
    let mut bench = Bench::open(r#"{"mode":"shadow"}"#);
    for id in 0..3_000 {
        ask(&mut bench, id, "flood");
    }
    assert_eq!(ask(&mut bench, 5_000, "flood"), Next::Continue);
}

#[test]
fn a_stream_that_is_known_to_be_down_is_not_waited_for() {
    let mut bench = Bench::open("");
    bench.break_stream();
    bench.host.reachable = false;
    bench.tick(20);
    bench.request(7);
    assert_eq!(bench.fate(7), None, "it may be back in a moment");
    for _ in 0..20 {
        bench.tick(20);
    }
    bench.host.counts.clear();
    bench.request(1);
    assert_eq!(bench.fate(1), Some(&Fate::Replied(503)), "at once");
    assert_eq!(bench.count("flowguard_failures.cause=unreachable"), 1);

    bench.host.reachable = true;
    for _ in 0..20 {
        bench.tick(20);
    }
    bench.answer(&[]);
    bench.request(2);
    assert_eq!(bench.fate(2), None, "the stream is back, and asked");
    bench.answer(&[(2, ADMITTED, 0)]);
    assert_eq!(bench.fate(2), Some(&Fate::Resumed));
}

/// A worker opens its stream for its first request, and may be too busy to come to it.
#[test]
fn a_stream_that_is_not_open_yet_opens_no_gate() {
    let mut bench = Bench::new(r#"{"failure_mode":"open"}"#);
    bench.request(1);
    bench.tick(400);
    assert_eq!(bench.fate(1), Some(&Fate::Replied(503)));
    bench.request(2);
    bench.tick(400);
    assert_eq!(bench.fate(2), Some(&Fate::Replied(503)), "its hello is not answered yet");
    assert_eq!(bench.count("flowguard_decisions.outcome=failed_open"), 0);
}

#[test]
fn a_control_plane_that_hangs_meets_the_failure_mode_until_it_welcomes_again() {
    let mut bench = Bench::open(r#"{"failure_mode":"open"}"#);
    for id in 1..=100 {
        bench.request(id);
        bench.tick(20);
    }
    for _ in 0..20 {
        bench.tick(20);
    }
    assert!(bench.count("flowguard_failures.cause=stream_hung") >= 1);
    for id in 1..=100 {
        assert_eq!(bench.fate(id), Some(&Fate::Resumed), "{id}");
    }
}

#[test]
fn a_control_plane_that_has_gone_meets_the_failure_mode() {
    let mut bench = Bench::open(r#"{"failure_mode":"open"}"#);
    bench.request(1);
    bench.break_stream();
    bench.host.reachable = false;
    bench.request(2);
    for _ in 0..15 {
        bench.tick(20);
    }
    assert_eq!(bench.fate(1), Some(&Fate::Resumed));
    assert_eq!(bench.fate(2), Some(&Fate::Resumed));
}

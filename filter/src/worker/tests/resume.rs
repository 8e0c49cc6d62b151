//! What a worker says on a new stream of what it holds, and what it sends until that is acknowledged.

use proto::{
    RESUMED_MAX,
    decision::{ControlFrame, Decision, FilterFrame, Hello, Outcome, Resume},
};

use super::{
    ADMITTED,
    fake::{Bench, Fate, NAME},
};
use crate::host::RequestId;

const OPEN: &str = r#"{"failure_mode":"open","decision_timeout_ms":100}"#;

/// The next stream is there. The frames on it.
fn reopen(bench: &mut Bench) -> Vec<FilterFrame> {
    bench.host.reachable = true;
    while bench.host.open.is_empty() {
        bench.tick(20);
    }
    let stream = bench.stream();
    let on_it = bench.host.frames.iter().filter(|(on, _)| *on == stream);
    on_it.map(|(_, frame)| frame.clone()).collect()
}

fn resumed(frames: &[FilterFrame]) -> Vec<RequestId> {
    frames
        .iter()
        .filter_map(|frame| frame.resume.as_ref())
        .flat_map(|part| &part.ids)
        .copied()
        .collect()
}

fn admit(bench: &mut Bench, ids: impl IntoIterator<Item = RequestId>) {
    for id in ids {
        bench.request(id);
        bench.answer(&[(id, ADMITTED, 0)]);
    }
}

#[test]
fn a_worker_without_a_name_says_hello_and_nothing_else() {
    let mut bench = Bench::new("");
    bench.request(1);
    bench.request(2);
    bench.tick(20);
    bench.tick(20);
    let hello = Hello {
        protocol_version: 1,
        node: "node".into(),
        stream: 1,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..Hello::default()
    };
    let hello = Some(hello);
    let bare = FilterFrame { hello, ..FilterFrame::default() };
    assert_eq!(bench.host.frames, [(bench.stream(), bare)]);
    bench.answer(&[]);
    assert_eq!(bench.asked(1), [1, 2]);
}

#[test]
fn a_worker_with_a_name_resumes_ends_and_asks_in_its_first_frame() {
    let mut bench = Bench::open("");
    admit(&mut bench, [1, 2, 3]);
    bench.request(4);
    bench.request(5);
    bench.end(1, true);
    bench.break_stream();
    bench.request(6);

    let frames = reopen(&mut bench);
    let [frame] = &frames[..] else { panic!("{frames:?}") };
    assert_eq!(frame.hello.as_ref().unwrap().worker, NAME);
    let ids = vec![1, 2, 3, 4];
    assert_eq!(frame.resume, Some(Resume { ids, more: false }), "5 and 6 were never asked for");
    assert_eq!(frame.settles.iter().map(|settle| settle.id).collect::<Vec<_>>(), [1]);
    assert_eq!(frame.asks.iter().map(|ask| ask.id).collect::<Vec<_>>(), [4, 5, 6]);
}

#[test]
fn a_worker_that_holds_nothing_says_so() {
    let mut bench = Bench::open("");
    bench.break_stream();
    let frames = reopen(&mut bench);
    assert_eq!(frames[0].resume, Some(Resume::default()));
}

#[test]
fn the_next_hello_has_the_name_that_was_given_last() {
    let mut bench = Bench::open("");
    bench.break_stream();
    reopen(&mut bench);
    let worker = vec![9; 16];
    let welcome = Some(proto::decision::Welcome { protocol_version: 1, worker: worker.clone() });
    bench.deliver(bench.stream(), &ControlFrame { welcome, ..ControlFrame::default() });
    bench.break_stream();
    assert_eq!(reopen(&mut bench)[0].hello.as_ref().unwrap().worker, worker);
}

#[test]
fn each_stream_of_a_worker_has_the_next_number() {
    let mut bench = Bench::open("");
    for number in 2..5 {
        bench.break_stream();
        assert_eq!(reopen(&mut bench)[0].hello.as_ref().unwrap().stream, number);
        bench.answer(&[]);
    }
}

#[test]
fn an_end_is_sent_again_on_each_stream_until_it_is_acknowledged() {
    let mut bench = Bench::open("");
    admit(&mut bench, [1]);
    bench.end(1, true);
    bench.tick(20);
    let first = bench.host.frames.last().unwrap().1.clone();
    for _ in 0..3 {
        bench.break_stream();
        let frames = reopen(&mut bench);
        assert_eq!(frames[0].settles, first.settles);
        assert_eq!(resumed(&frames), [1]);
        assert!(frames[0].number > first.number);
    }
    bench.answer(&[]);
    bench.break_stream();
    let frames = reopen(&mut bench);
    assert_eq!((frames[0].settles.len(), frames[0].number), (0, 0));
    assert!(resumed(&frames).is_empty());
}

#[test]
fn a_stream_that_its_control_plane_ends_is_opened_again_at_once_and_is_no_failure() {
    let mut bench = Bench::open("");
    admit(&mut bench, [1]);
    bench.request(2);
    bench.end_stream();
    let before = bench.host.frames.len();
    bench.tick(1);
    let frames: Vec<_> = bench.host.frames[before..].iter().map(|(_, f)| f.clone()).collect();
    let [frame] = &frames[..] else { panic!("{frames:?}") };
    assert_eq!((resumed(&frames), frame.asks.len()), (vec![1, 2], 1));
    assert_eq!(bench.count("flowguard_failures.cause=stream_lost"), 0);
    let warned = bench.host.log.iter().filter(|line| line.contains("is down")).count();
    assert_eq!(warned, 0, "{:?}", bench.host.log);
}

#[test]
fn what_could_not_be_sent_is_resumed_and_asked_again_on_the_next_stream() {
    let mut bench = Bench::open("");
    admit(&mut bench, [1]);
    bench.end(1, true);
    bench.host.open.clear();
    bench.request(2);
    assert_eq!(bench.count("flowguard_failures.cause=stream_lost"), 1);
    let frames = reopen(&mut bench);
    let [frame] = &frames[..] else { panic!("{frames:?}") };
    assert_eq!(resumed(&frames), [1, 2]);
    assert_eq!((frame.settles.len(), frame.asks.len()), (1, 1));
}

#[test]
fn an_acknowledgement_alone_answers_nothing() {
    let mut bench = Bench::open("");
    admit(&mut bench, [1]);
    bench.end(1, true);
    bench.request(2);
    bench.request(3);
    let frames = bench.host.frames.len();
    bench.acknowledge();
    assert_eq!(bench.host.frames.len(), frames, "2 is unanswered still, and 3 waits");
    bench.answer(&[(2, ADMITTED, 0)]);
    bench.acknowledge();
    assert!(bench.host.reset.is_empty(), "{:?}", bench.host.log);
    bench.answer(&[(3, ADMITTED, 0)]);
    assert_eq!(bench.fate(3), Some(&Fate::Resumed));
}

#[test]
fn a_request_that_goes_away_after_its_stream_was_lost_is_canceled_on_the_next_one() {
    for gone in [true, false] {
        let mut bench = Bench::open("");
        bench.host.reachable = false;
        bench.request(1);
        bench.request(2);
        bench.break_stream();
        if gone {
            bench.end(1, false);
            bench.end(2, false);
        } else {
            for _ in 0..13 {
                bench.tick(20);
            }
            assert_eq!(bench.fate(1), Some(&Fate::Replied(503)));
        }
        let frames = reopen(&mut bench);
        assert_eq!(resumed(&frames), [1], "2 was never asked for");
        assert_eq!(frames[0].cancels, [1]);
        assert!(frames[0].asks.is_empty());
    }
}

#[test]
fn a_request_that_passes_without_a_verdict_is_settled_if_it_was_ever_asked_for() {
    let mut bench = Bench::open(OPEN);
    bench.host.reachable = false;
    bench.request(1);
    bench.request(2);
    bench.break_stream();
    for _ in 0..6 {
        bench.tick(20);
    }
    assert_eq!([bench.fate(1), bench.fate(2)], [Some(&Fate::Resumed); 2]);
    let frames = reopen(&mut bench);
    assert_eq!(resumed(&frames), [1]);
    bench.answer(&[]);
    bench.end(1, true);
    bench.end(2, true);
    bench.tick(20);
    let settles: Vec<_> = bench.settles().iter().map(|end| (end.id, end.outcome())).collect();
    assert_eq!(settles, [(1, Outcome::Completed)]);
}

#[test]
fn a_verdict_that_comes_again_is_for_who_still_waits() {
    let mut bench = Bench::open("");
    bench.request(1);
    bench.break_stream();
    reopen(&mut bench);
    bench.end(1, false);
    bench.answer(&[(1, ADMITTED, 0)]);
    bench.tick(20);
    assert_eq!(bench.cancels(), [1]);
    assert!(bench.host.fates.is_empty());
}

#[test]
fn a_verdict_that_nobody_understands_leaves_no_charge_behind() {
    for (config, cancels, settles) in [("", vec![1], 0), (OPEN, vec![], 1)] {
        let mut bench = Bench::open(config);
        bench.request(1);
        bench.answer(&[(1, Decision::Unspecified, 0)]);
        bench.end(1, true);
        bench.tick(20);
        assert_eq!((bench.cancels(), bench.settles().len()), (cancels, settles), "{config}");
    }
}

#[test]
fn a_worker_with_much_to_resume_says_it_in_several_frames_and_then_ends_and_asks() {
    let resumed_max = u32::try_from(RESUMED_MAX).unwrap();
    let last = 2 * resumed_max + 1;
    let mut bench = Bench::open("");
    admit(&mut bench, 1..=last);
    bench.end(1, true);
    bench.break_stream();
    bench.request(last + 1);
    bench.host.frames.clear();

    let frames = reopen(&mut bench);
    let parts: Vec<_> = frames
        .iter()
        .map(|frame| {
            let part = frame.resume.as_ref().unwrap();
            (
                frame.hello.is_some(),
                part.ids.len(),
                part.more,
                frame.settles.len(),
                frame.asks.len(),
            )
        })
        .collect();
    let full = RESUMED_MAX;
    assert_eq!(
        parts,
        [(true, full, true, 0, 0), (false, full, true, 0, 0), (false, 1, false, 1, 0)]
    );
    assert_eq!(resumed(&frames), (1..=last).collect::<Vec<_>>());
    bench.answer(&[]);
    let (_, frame) = bench.host.frames.last().unwrap();
    assert_eq!(frame.asks.len(), 1, "with the welcome");
}

#[test]
fn a_stream_that_acknowledges_no_ends_is_given_up() {
    let mut bench = Bench::open("");
    let hung = bench.stream();
    admit(&mut bench, [1]);
    bench.end(1, true);
    for _ in 0..60 {
        bench.tick(20);
    }
    assert_eq!(bench.host.half_closed, [hung]);
    assert_eq!(bench.count("flowguard_failures.cause=stream_hung"), 1);
}

#[test]
fn ends_that_nobody_takes_for_long_are_forgotten_and_that_is_told_once() {
    let mut bench = Bench::open("");
    admit(&mut bench, 1..=100_010);
    bench.host.reachable = false;
    bench.break_stream();
    bench.host.log.clear();
    for ids in [1..=100_003, 100_004..=100_010] {
        for id in ids {
            bench.end(id, true);
        }
        bench.tick(20);
    }
    assert_eq!(bench.count("flowguard_failures.cause=end_forgotten"), 10);
    let told = bench.host.log.iter().filter(|line| line.contains("charged stands")).count();
    assert_eq!(told, 1, "{:?}", bench.host.log);
    assert_eq!(resumed(&reopen(&mut bench)).len(), 100_000);
}

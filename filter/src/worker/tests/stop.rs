//! The end of a worker that Envoy replaces.

use super::{ADMITTED, fake::Bench};

/// A worker that is told to stop when one request has just ended.
fn stopping() -> Bench {
    let mut bench = Bench::open("");
    bench.request(1);
    bench.answer(&[(1, ADMITTED, 0)]);
    bench.end(1, true);
    bench.worker.stop(&mut bench.host, bench.now_us);
    bench
}

#[test]
fn a_worker_that_stops_reports_what_is_left_and_closes_its_stream_when_that_is_acknowledged() {
    let mut bench = stopping();
    let stream = bench.stream();
    assert_eq!(bench.host.frames.last().unwrap().1.settles.len(), 1);
    assert!(!bench.worker.is_over());
    bench.acknowledge();
    assert!(bench.worker.is_over());
    assert_eq!(bench.host.half_closed, [stream]);
}

#[test]
fn a_worker_that_stops_is_counted_no_more_even_if_it_is_not_called_again() {
    let mut bench = stopping();
    assert_eq!(bench.count("flowguard_stream.state=open"), -1, "it was counted before");
    bench.break_stream();
    bench.tick(20);
    bench.answer(&[]);
    for state in ["down", "opening"] {
        assert_eq!(bench.count(&format!("flowguard_stream.state={state}")), 0, "{state}");
    }
    assert_eq!(bench.count("flowguard_stream.state=open"), -1);
}

#[test]
fn a_worker_that_has_nothing_to_tell_stops_at_once() {
    let mut bench = Bench::open("");
    let stream = bench.stream();
    bench.worker.stop(&mut bench.host, bench.now_us);
    assert!(bench.worker.is_over());
    assert_eq!(bench.host.half_closed, [stream]);

    let mut bench = Bench::new("");
    bench.worker.stop(&mut bench.host, bench.now_us);
    assert!(bench.worker.is_over(), "it never needed a stream");
}

#[test]
fn a_worker_whose_stream_is_lost_while_it_stops_tells_its_ends_on_the_next_one() {
    let mut bench = stopping();
    bench.break_stream();
    while bench.host.open.is_empty() {
        bench.tick(20);
    }
    let (_, frame) = bench.host.frames.last().unwrap();
    assert_eq!((frame.hello.is_some(), frame.settles.len()), (true, 1));
    assert!(!bench.worker.is_over());
    bench.answer(&[]);
    assert!(bench.worker.is_over());
}

#[test]
fn a_worker_that_nobody_acknowledges_stops_after_two_seconds() {
    let mut bench = stopping();
    for _ in 0..99 {
        bench.tick(20);
        assert!(!bench.worker.is_over());
    }
    bench.tick(20);
    assert!(bench.worker.is_over());
    assert!(bench.host.open.is_empty(), "its stream is closed");
}

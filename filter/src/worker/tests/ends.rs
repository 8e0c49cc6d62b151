//! When the end of a request is told: with what goes out anyway, or at once when it is waited for.

use proto::decision::{ControlFrame, FilterFrame, Verdict};

use super::{ADMITTED, fake::Bench};
use crate::host::{RequestId, ResponseBody};

/// A request is admitted, its client left with too little for another one like it.
fn admit_short(bench: &mut Bench, id: RequestId) {
    bench.request(id);
    answer_short(bench, id);
}

fn answer_short(bench: &mut Bench, id: RequestId) {
    let verdict =
        Verdict { id, decision: ADMITTED.into(), settle_at_once: true, ..Verdict::default() };
    bench.deliver(
        bench.stream(),
        &ControlFrame { verdicts: vec![verdict], ..ControlFrame::default() },
    );
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

fn respond_in_pieces(content_length: Option<&str>, pieces: &[&str]) -> Vec<ResponseBody> {
    let mut bench = Bench::open("");
    admit_short(&mut bench, 1);
    let mut headers = vec![(":status", "200"), ("content-type", "application/json")];
    headers.extend(content_length.map(|length| ("content-length", length)));
    bench.respond(1, &headers, "");
    pieces.iter().map(|piece| bench.worker.on_response_body(1, piece.as_bytes())).collect()
}

/// The host tells the end of a response after its last bytes have gone: too late for the client
/// that asks again as soon as it has them.
#[test]
fn a_response_of_a_known_length_is_over_before_its_last_bytes_are_sent() {
    use ResponseBody::{Over, Read};
    assert_eq!(respond_in_pieces(Some("4"), &["{", "}", " ", " "]), [Read, Read, Read, Over]);
    assert_eq!(respond_in_pieces(Some("2"), &["{}"]), [Over]);
    assert_eq!(respond_in_pieces(None, &["{}"]), [Read]);
    for no_length in ["", "-1", "2, 2", "0x2", "99999999999999999999999"] {
        assert_eq!(respond_in_pieces(Some(no_length), &["{}"]), [Read], "{no_length}");
    }
}

#[test]
fn a_response_that_is_not_read_is_over_before_its_last_bytes_are_sent_too() {
    let mut bench = Bench::open("");
    admit_short(&mut bench, 1);
    let headers =
        [(":status", "200"), ("content-type", "audio/mpeg"), ("content-length", "100000")];
    assert_eq!(bench.respond(1, &headers, ""), ResponseBody::Pass);
    assert_eq!(bench.worker.on_response_body_unread(1, 60_000), ResponseBody::Pass);
    assert_eq!(bench.worker.on_response_body_unread(1, 40_000), ResponseBody::Over);
}

/// See [`Worker::go_before_the_response`].
#[test]
fn the_stream_is_written_to_before_a_response_whose_end_is_waited_for_and_no_other() {
    for (settle_at_once, frames) in [(true, 1), (false, 0)] {
        let mut bench = Bench::open("");
        bench.request(1);
        let verdict =
            Verdict { id: 1, decision: ADMITTED.into(), settle_at_once, ..Verdict::default() };
        bench.deliver(
            bench.stream(),
            &ControlFrame { verdicts: vec![verdict], ..ControlFrame::default() },
        );
        bench.host.frames.clear();
        bench.respond(1, &[(":status", "200")], "");
        assert_eq!(bench.host.frames.len(), frames);
        assert!(bench.host.frames.iter().all(|(_, frame)| *frame == FilterFrame::default()));
    }
}

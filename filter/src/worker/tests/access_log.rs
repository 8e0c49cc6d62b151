//! What the access log is told of each request: its last word, and in few of them.

use proto::decision::Decision;

use super::{ADMITTED, fake::Bench};
use crate::{
    header_map::headers,
    host::{Next, RequestId},
};

/// The only thing that was told of a request.
fn told(bench: &Bench, id: RequestId) -> &str {
    let told = bench.host.told.get(&id).map(Vec::as_slice).unwrap_or_default();
    assert_eq!(told.len(), 1, "{told:?}");
    &told[0]
}

#[test]
fn an_admitted_request_is_told_at_its_end_with_what_it_used() {
    let mut bench = Bench::open(r#"{"access_log":true}"#);
    bench.request(1);
    bench.now_us += 300;
    bench.answer(&[(1, ADMITTED, 0)]);
    assert!(!bench.host.told.contains_key(&1), "its end is still to come");
    bench.respond(1, &[(":status", "200")], r#"{"usage":{"total_tokens":42}}"#);
    bench.end(1, true);
    assert_eq!(
        told(&bench, 1),
        r#"{"decision":"admitted","reserved":0,"decided_after_us":300,"outcome":"completed","usage":"completions","used":42}"#
    );
}

#[test]
fn how_a_response_ended_is_told_in_a_word() {
    for (status, completed, outcome) in [
        ("200", true, "completed"),
        ("200", false, "aborted"),
        ("503", true, "upstream_failed"),
        ("429", true, "upstream_refused"),
    ] {
        let mut bench = Bench::open(r#"{"access_log":true}"#);
        bench.request(1);
        bench.answer(&[(1, ADMITTED, 0)]);
        bench.respond(1, &[(":status", status)], "");
        bench.end(1, completed);
        let expected = format!(r#""outcome":"{outcome}","usage":"none"}}"#);
        assert!(told(&bench, 1).ends_with(&expected), "{}", told(&bench, 1));
    }
}

#[test]
fn a_refusal_is_told_with_its_verdict() {
    let mut bench = Bench::open(r#"{"access_log":true}"#);
    bench.request(1);
    bench.answer(&[(1, Decision::RpmExceeded, 1_500)]);
    bench.end(1, true);
    assert_eq!(
        told(&bench, 1),
        r#"{"decision":"rpm_exceeded","limit":"rpm","limit_per_minute":60,"limit_used":60,"wait_ms":1500,"reserved":0,"decided_after_us":0}"#
    );
}

#[test]
fn in_shadow_it_is_what_the_request_would_have_been_told() {
    let mut bench = Bench::open(r#"{"access_log":true,"mode":"shadow"}"#);
    bench.request(1);
    bench.answer(&[(1, Decision::TpmExceeded, 7)]);
    bench.end(1, true);
    assert!(told(&bench, 1).starts_with(r#"{"decision":"tpm_exceeded","mode":"shadow","#));
}

#[test]
fn what_nobody_decided_is_told_with_its_cause() {
    for (mode, decision) in [("closed", "failed_closed"), ("open", "failed_open")] {
        let config =
            format!(r#"{{"access_log":true,"failure_mode":"{mode}","decision_timeout_ms":100}}"#);
        let mut bench = Bench::open(&config);
        bench.request(1);
        bench.tick(100);
        let expected =
            format!(r#"{{"decision":"{decision}","cause":"timeout","decided_after_us":100000}}"#);
        assert_eq!(told(&bench, 1), expected);
    }
}

#[test]
fn one_that_passed_without_a_decision_is_told_again_with_what_it_used() {
    for (modes, first_words) in [
        (r#""failure_mode":"open""#, r#"{"decision":"failed_open","cause":"timeout","#),
        (
            r#""failure_mode":"closed","mode":"shadow""#,
            r#"{"decision":"failed_closed","mode":"shadow","cause":"timeout","#,
        ),
    ] {
        let config = format!(r#"{{"access_log":true,"decision_timeout_ms":100,{modes}}}"#);
        let mut bench = Bench::open(&config);
        bench.request(1);
        bench.tick(100);
        bench.respond(1, &[(":status", "200")], r#"{"usage":{"total_tokens":42}}"#);
        bench.end(1, true);
        let last = bench.host.told[&1].last().unwrap();
        assert!(last.starts_with(first_words), "{last}");
        assert!(last.ends_with(r#""usage":"completions","used":42}"#), "{last}");
    }
}

#[test]
fn what_is_not_asked_for_is_told_too() {
    let config = r#"{"access_log":true,"exempt_paths":["/health"]}"#;
    let mut bench = Bench::open(config);
    let health = headers(&[(":method", "GET"), (":path", "/health")]);
    let now_us = bench.now_us;
    let next = bench.worker.on_request(&mut bench.host, 1, &health, false, now_us);
    assert_eq!((next, told(&bench, 1)), (Next::Continue, r#"{"decision":"exempt"}"#));

    let bare = headers(&[(":method", "GET"), (":path", "/")]);
    let next = bench.worker.on_request(&mut bench.host, 2, &bare, false, now_us);
    assert_eq!((next, told(&bench, 2)), (Next::Pause, r#"{"decision":"missing_header"}"#));

    bench.request(3);
    bench.end(3, false);
    assert_eq!(told(&bench, 3), r#"{"decision":"canceled"}"#);
}

#[test]
fn without_an_access_log_nothing_is_told() {
    let mut bench = Bench::open("");
    for (id, decision) in [(1, ADMITTED), (2, Decision::RpmExceeded)] {
        bench.request(id);
        bench.answer(&[(id, decision, 1)]);
        bench.end(id, true);
    }
    assert!(bench.host.told.is_empty());
}

#[test]
fn each_of_our_own_answers_repeats_the_requests_id_and_nothing_that_could_end_a_line() {
    let mut bench = Bench::open("");
    for (id, request_id, repeated) in [
        (1, "4f9c".to_owned(), Some("4f9c")),
        (2, "a\r\nset-cookie: b".to_owned(), Some("aset-cookie: b")),
        (3, "x".repeat(5_000), Some(&*"x".repeat(128))),
        (4, String::new(), None),
    ] {
        bench.host.request_id = request_id.into();
        bench.request(id);
        bench.answer(&[(id, Decision::RpmExceeded, 1)]);
        let headers = &bench.host.replies[&id].headers;
        let told = headers.iter().find(|(name, _)| *name == "x-request-id");
        assert_eq!(told.map(|(_, value)| value.as_str()), repeated);
    }
}

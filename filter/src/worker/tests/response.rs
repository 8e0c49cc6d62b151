//! What the worker makes of a response: its report of the usage, and the client's headers.

use proto::decision::{Balance, ControlFrame, Decision, Outcome, UsageSource, Verdict};

use super::{
    ADMITTED,
    fake::{Bench, Fate},
};
use crate::{header_map::headers, host::ResponseBody};

const JSON: &[(&str, &str)] = &[(":status", "200"), ("content-type", "application/json")];
const USAGE: &str = r#"{"usage":{"prompt_tokens":30,"completion_tokens":12,"total_tokens":42}}"#;

/// How one admitted request is settled whose response was `headers` and `body`.
fn check_settled(
    headers: &[(&str, &str)],
    body: &str,
    completed: bool,
    expected: (Outcome, UsageSource, Option<u64>),
) {
    let mut bench = Bench::open("");
    bench.request(1);
    bench.answer(&[(1, ADMITTED, 0)]);
    if !headers.is_empty() {
        bench.respond(1, headers, body);
    }
    bench.end(1, completed);
    bench.tick(20);
    let settles: Vec<_> = bench
        .settles()
        .iter()
        .map(|settle| (settle.outcome(), settle.usage(), settle.used_tokens))
        .collect();
    assert_eq!(settles, [expected], "{headers:?} {body}");
}

#[test]
fn a_request_is_settled_with_what_its_response_told_in_every_ending() {
    let told = |outcome| (outcome, UsageSource::Completions, Some(42));
    let silent = |outcome| (outcome, UsageSource::None, None);
    check_settled(JSON, USAGE, true, told(Outcome::Completed));
    check_settled(JSON, USAGE, false, told(Outcome::Aborted));
    check_settled(JSON, "{}", true, silent(Outcome::Completed));
    check_settled(JSON, &USAGE[..40], false, silent(Outcome::Aborted));
    check_settled(&[], "", false, silent(Outcome::Aborted));
    for refusal in ["302", "304", "400", "404", "429", "499"] {
        check_settled(&[(":status", refusal)], "{}", true, silent(Outcome::UpstreamRefused));
    }
    check_settled(&[(":status", "404")], USAGE, true, told(Outcome::UpstreamRefused));
    check_settled(&[(":status", "204")], "", true, silent(Outcome::Completed));
    check_settled(&[(":status", "504")], "", true, silent(Outcome::UpstreamFailed));
    check_settled(&[(":status", "500")], "{}", true, silent(Outcome::UpstreamFailed));
    check_settled(&[(":status", "503")], "", true, silent(Outcome::UpstreamFailed));
    check_settled(&[(":status", "500")], USAGE, true, told(Outcome::UpstreamFailed));
    let encoded = [JSON, &[("content-encoding", "gzip")]].concat();
    check_settled(&encoded, USAGE, true, (Outcome::Completed, UsageSource::Encoded, None));
    let audio = [(":status", "200"), ("content-type", "audio/mpeg")];
    check_settled(&audio, USAGE, true, silent(Outcome::Completed));
}

#[test]
fn a_timeout_of_envoys_own_is_told_apart_from_an_upstream_that_says_so() {
    for (details, outcome) in [
        ("response_timeout", Outcome::TimedOut),
        ("upstream_response_timeout", Outcome::TimedOut),
        ("stream_idle_timeout", Outcome::TimedOut),
        ("upstream_max_stream_duration_reached", Outcome::TimedOut),
        ("via_upstream", Outcome::UpstreamFailed),
        ("", Outcome::UpstreamFailed),
    ] {
        let mut bench = Bench::open("");
        bench.request(1);
        bench.answer(&[(1, ADMITTED, 0)]);
        bench.host.code_details = details.into();
        bench.respond(1, &[(":status", "504")], "");
        bench.end(1, true);
        bench.tick(20);
        assert_eq!(bench.settles()[0].outcome(), outcome, "{details}");
    }
}

#[test]
fn the_upstreams_status_is_told_and_an_answer_in_its_place_has_none() {
    for (status, details, told) in [
        ("200", "", Some(200)),
        ("429", "via_upstream", Some(429)),
        ("500", "via_upstream", Some(500)),
        ("504", "via_upstream", Some(504)),
        ("999", "via_upstream", Some(999)),
        ("503", "upstream_reset_before_response_started{connection_termination}", None),
        ("504", "response_timeout", None),
        ("403", "rbac_access_denied", None),
    ] {
        let mut bench = Bench::open("");
        bench.request(1);
        bench.answer(&[(1, ADMITTED, 0)]);
        bench.host.code_details = details.into();
        bench.respond(1, &[(":status", status)], "");
        bench.end(1, true);
        bench.tick(20);
        assert_eq!(bench.settles()[0].upstream_status, told, "{status} {details}");
    }
}

#[test]
fn a_response_that_the_upstream_broke_off_is_told_apart_from_one_whose_client_left() {
    for (details, is_cut) in [
        ("upstream_reset_after_response_started{connection_termination}", true),
        ("stream_idle_timeout", true),
        ("downstream_remote_disconnect", false),
        ("", false),
    ] {
        let mut bench = Bench::open("");
        bench.request(1);
        bench.answer(&[(1, ADMITTED, 0)]);
        bench.respond(1, JSON, "{");
        bench.host.code_details = details.into();
        bench.end(1, false);
        bench.tick(20);
        let settle = &bench.settles()[0];
        assert_eq!((settle.outcome(), settle.cut_by_upstream), (Outcome::Aborted, is_cut));
        assert_eq!(settle.upstream_status, Some(200), "{details}");
    }
}

#[test]
fn a_response_of_which_a_piece_was_missed_tells_no_usage() {
    let mut bench = Bench::open("");
    bench.request(1);
    bench.answer(&[(1, ADMITTED, 0)]);
    // With the gap, the quote that the model wrote would close the string that it is in.
    bench.respond(1, JSON, r#"{"choices":[{"text":"say ""#);
    bench.worker.on_response_body_missed(1);
    bench.worker.on_response_body(1, format!(r#""}}],{}"#, &USAGE[1..]).as_bytes());
    bench.end(1, true);
    bench.tick(20);
    let settle = &bench.settles()[0];
    assert_eq!((settle.usage(), settle.used_tokens), (UsageSource::None, None));
    bench.worker.on_response_body_missed(1);
}

/// A request that was admitted with 9 of 10 requests and 90 of 100 tokens left.
fn admitted_with_standing(config: &str) -> Bench {
    let mut bench = Bench::open(config);
    bench.request(1);
    let verdict = Verdict {
        id: 1,
        decision: ADMITTED.into(),
        requests: Some(Balance {
            limit: 10,
            remaining: 9,
            full_in_ms: 6_000,
            used: 1,
            ..Balance::default()
        }),
        tokens: Some(Balance {
            limit: 100,
            remaining: 90,
            full_in_ms: 6_000,
            used: 10,
            ..Balance::default()
        }),
        ..Verdict::default()
    };
    bench.deliver(
        bench.stream(),
        &ControlFrame { verdicts: vec![verdict], ..ControlFrame::default() },
    );
    bench
}

#[test]
fn an_admitted_response_tells_the_client_where_it_stands() {
    let mut bench = admitted_with_standing("");
    bench.respond(1, JSON, USAGE);
    let [(1, edit)] = &bench.host.edits[..] else { panic!("{:?}", bench.host.edits) };
    let names: Vec<_> = edit.set.iter().map(|(name, _)| &name[..]).collect();
    assert_eq!(names.len(), 6, "{names:?}");
    assert!(names.iter().all(|name| name.starts_with("x-ratelimit-")), "{names:?}");
    assert!(edit.remove.is_empty());
}

#[test]
fn nothing_is_told_of_limits_that_are_not_enforced() {
    let mut bench = admitted_with_standing(r#"{"mode":"shadow"}"#);
    bench.respond(1, JSON, USAGE);
    assert!(bench.host.edits.is_empty());
    bench.end(1, true);
    bench.tick(20);
    assert_eq!(bench.settles()[0].used_tokens, Some(42), "but the usage is settled");
}

#[test]
fn a_response_that_passed_without_a_verdict_keeps_the_upstreams_headers() {
    let mut bench = Bench::open(r#"{"failure_mode":"open","decision_timeout_ms":100}"#);
    bench.request(1);
    for _ in 0..5 {
        bench.tick(20);
    }
    assert_eq!(bench.fate(1), Some(&Fate::Resumed));
    let upstreams = [(":status", "200"), ("x-ratelimit-remaining-tokens", "7")];
    bench.respond(1, &upstreams, "");
    assert!(bench.host.edits.is_empty(), "{:?}", bench.host.edits);
}

#[test]
fn the_responses_of_requests_that_nobody_admitted_are_left_alone() {
    let mut bench = Bench::open("");
    bench.request(1);
    bench.answer(&[(1, Decision::RpmExceeded, 5)]);
    assert_eq!(bench.respond(1, &[(":status", "429")], ""), ResponseBody::Pass);
    assert_eq!(bench.respond(77, JSON, USAGE), ResponseBody::Pass);
    assert!(bench.host.edits.is_empty());
}

#[test]
fn the_upstream_is_not_asked_for_an_encoded_response_unless_configured_so() {
    for (config, removed) in [("", 1), (r#"{"accept_encoding":"keep"}"#, 0)] {
        let mut bench = Bench::open(config);
        let headers = headers(&[
            ("x-client-id", "client"),
            ("x-token-estimate", "10"),
            ("accept-encoding", "gzip"),
        ]);
        bench.worker.on_request(&mut bench.host, 1, &headers, false, bench.now_us);
        assert_eq!(bench.host.removed.len(), removed, "{config}");
    }
}

#[test]
fn a_request_without_an_estimate_is_asked_for_without_one_where_it_is_learned() {
    let mut bench = Bench::open(r#"{"estimate":"learned"}"#);
    let headers = headers(&[("x-client-id", "client")]);
    bench.worker.on_request(&mut bench.host, 1, &headers, false, bench.now_us);
    assert_eq!(bench.host.frames[0].1.asks[0].tokens, None);
}

#[test]
fn to_read_a_stored_response_is_not_charged_as_if_it_were_made_again() {
    for (method, used) in [("POST", Some(42)), ("GET", None), ("HEAD", None), ("DELETE", None)] {
        let mut bench = Bench::open("");
        let headers =
            headers(&[(":method", method), ("x-client-id", "client"), ("x-token-estimate", "10")]);
        bench.worker.on_request(&mut bench.host, 1, &headers, false, bench.now_us);
        bench.answer(&[(1, ADMITTED, 0)]);
        bench.respond(1, JSON, USAGE);
        bench.end(1, true);
        bench.tick(20);
        assert_eq!(bench.settles()[0].used_tokens, used, "{method}");
    }
}

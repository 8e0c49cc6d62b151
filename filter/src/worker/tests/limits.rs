//! Limits beside a client's own two: what is asked for them, and what is told of them.

use proto::decision::{
    Ask, Balance, ControlFrame, Decision, Places, Verdict,
    verdict::{Shortage, Wait},
};

use super::{
    ADMITTED,
    fake::{Bench, Fate},
};
use crate::{
    header_map::headers,
    host::{Next, RequestId},
};

/// A request of Bedrock's, for this model.
fn ask_for(bench: &mut Bench, id: RequestId, model: &str) -> Next {
    let path = format!("/model/{model}/converse");
    let pairs = [("x-client-id", "client"), ("x-token-estimate", "10"), (":path", &path)];
    bench.worker.on_request(&mut bench.host, id, &headers(&pairs), true, bench.now_us)
}

fn spent(name: &str) -> Balance {
    Balance {
        limit: 1_000,
        remaining: 4,
        full_in_ms: 60_000,
        used: 996,
        name: name.to_owned(),
        ..Balance::default()
    }
}

/// A refusal of `id` by another limit, that tells a wait of 5 s.
fn refused(id: RequestId, shortage: Shortage) -> Verdict {
    Verdict {
        id,
        decision: Decision::LimitExceeded.into(),
        wait: Some(Wait::RetryAfterMs(5_000)),
        shortage: Some(shortage),
        ..Verdict::default()
    }
}

fn deliver(bench: &mut Bench, verdicts: Vec<Verdict>) {
    let frame = ControlFrame { verdicts, ..ControlFrame::default() };
    bench.deliver(bench.stream(), &frame);
}

/// What has been asked, in its order.
fn asked(bench: &Bench) -> Vec<&Ask> {
    bench.host.frames.iter().flat_map(|(_, frame)| &frame.asks).collect()
}

#[test]
fn an_ask_says_which_model_it_is_for() {
    for (config, model) in [
        ("", "p"),
        (r#"{"model_from":["path","header"]}"#, "p"),
        (r#"{"model_from":["header","path"]}"#, "h"),
        (r#"{"model_from":["header"],"model_header":"X-Other"}"#, ""),
    ] {
        let mut bench = Bench::open(config);
        let pairs = [
            ("x-client-id", "client"),
            ("x-token-estimate", "10"),
            (":path", "/v1beta/models/p:generateContent"),
            ("x-model", "h"),
        ];
        bench.worker.on_request(&mut bench.host, 1, &headers(&pairs), true, bench.now_us);
        assert_eq!(asked(&bench)[0].model, model, "{config}");
    }
    let mut bench = Bench::open("");
    bench.request(1);
    assert_eq!(asked(&bench)[0].model, "", "it names none");
    assert!(bench.host.removed.is_empty());
}

#[test]
fn a_refusal_by_another_limit_is_answered_with_its_name_and_counted() {
    let places = Places { name: "running".to_owned(), limit: 8 };
    for (shortage, error, limit) in [
        (Shortage::ShortOfRequests(spent("day")), "request_limit_exceeded", "day"),
        (Shortage::ShortOfTokens(spent("org")), "token_limit_exceeded", "org"),
        (Shortage::ShortOfPlaces(places), "concurrency_exceeded", "running"),
    ] {
        let mut bench = Bench::open("");
        ask_for(&mut bench, 1, "a");
        deliver(&mut bench, vec![refused(1, shortage)]);
        assert_eq!(bench.fate(1), Some(&Fate::Replied(429)));
        let body: serde_json::Value = serde_json::from_str(&bench.host.replies[&1].body).unwrap();
        assert_eq!((&body["error"], &body["limit"]), (&error.into(), &limit.into()));
        assert_eq!(bench.count("flowguard_decisions.outcome=limit_exceeded"), 1);
        bench.end(1, true);
        bench.tick(20);
        assert!(bench.settles().is_empty(), "nothing is held");
    }
}

#[test]
fn in_shadow_another_limit_refuses_nothing_either() {
    let mut bench = Bench::open(r#"{"mode":"shadow","access_log":true}"#);
    ask_for(&mut bench, 1, "a");
    deliver(&mut bench, vec![refused(1, Shortage::ShortOfTokens(spent("org")))]);
    assert_eq!(bench.fate(1), Some(&Fate::Resumed));
    assert_eq!(bench.count("flowguard_decisions.outcome=limit_exceeded"), 1);
    assert!(
        bench.host.told[&1][0].starts_with(
            r#"{"decision":"limit_exceeded","mode":"shadow","model":"a","limit":"org","#
        )
    );
}

#[test]
fn a_response_tells_of_the_tightest_limit_by_its_name() {
    let mut bench = Bench::open(r#"{"rate_limit_headers":"ietf"}"#);
    ask_for(&mut bench, 1, "a");
    let day = Balance { window_s: 86_400, ..spent("day") };
    let admitted = Verdict {
        id: 1,
        decision: ADMITTED.into(),
        requests: Some(day),
        tokens: Some(spent("")),
        ..Verdict::default()
    };
    deliver(&mut bench, vec![admitted]);
    bench.respond(1, &[(":status", "200")], "");
    let [(1, edit)] = &bench.host.edits[..] else { panic!("{:?}", bench.host.edits) };
    let values: Vec<_> =
        edit.set.iter().map(|(_, value)| String::from_utf8_lossy(value.as_bytes())).collect();
    assert_eq!(
        values,
        [r#""day";q=1000;w=86400, "tpm";q=1000;w=60"#, r#""day";r=4;t=60, "tpm";r=4;t=60"#]
    );
}

#[test]
fn the_access_log_tells_the_model_whatever_becomes_of_the_request() {
    let mut bench = Bench::open(r#"{"access_log":true,"decision_timeout_ms":100}"#);
    for id in 1..=3 {
        ask_for(&mut bench, id, "arn%3Aa%2Fb");
    }
    bench.answer(&[(1, ADMITTED, 0)]);
    bench.respond(1, &[(":status", "200")], "");
    bench.end(1, true);
    bench.end(2, false);
    bench.tick(100);
    for (id, decision) in [(1, "admitted"), (2, "canceled"), (3, "failed_closed")] {
        let told = bench.host.told[&id].last().unwrap();
        assert!(told.starts_with(&format!(r#"{{"decision":"{decision}""#)), "{told}");
        assert!(told.contains(r#""model":"arn:a/b""#), "{told}");
    }
}

#[test]
fn a_refusal_by_another_limit_speaks_for_the_same_model_alone_and_is_counted_for_its_limit() {
    let mut bench = Bench::open("");
    for id in 0..2_000 {
        ask_for(&mut bench, id, "large");
    }
    // One was answered and 64 more are under way: 65 fit before the lane is full again.
    deliver(&mut bench, vec![refused(0, Shortage::ShortOfTokens(spent("per-model")))]);
    for id in 10_000..10_065 {
        ask_for(&mut bench, id, "large");
    }
    ask_for(&mut bench, 20_000, "large");
    ask_for(&mut bench, 20_001, "small");
    assert_eq!(bench.fate(20_000), Some(&Fate::Replied(429)));
    assert!(bench.host.replies[&20_000].body.contains("per-model"));
    assert_eq!(bench.fate(20_001), Some(&Fate::Replied(503)), "nobody refused it");

    let frames = bench.host.frames.len();
    let asked = bench.asked(frames - 1)[0];
    bench.answer(&[(asked, ADMITTED, 0)]);
    let drops: Vec<_> =
        bench.host.frames[frames..].iter().flat_map(|(_, frame)| &frame.drops).collect();
    let [drop] = drops[..] else { panic!("{drops:?}") };
    assert_eq!((drop.decision(), &*drop.limit), (Decision::LimitExceeded, "per-model"));
    assert!(drop.requests >= 1, "{drop:?}");
}

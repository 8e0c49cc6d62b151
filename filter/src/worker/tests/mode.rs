//! What each mode does, and how its workers are counted.

use proto::decision::{Decision, Mode};

use super::fake::{Bench, Fate};
use crate::{
    header_map::{HeaderMap, headers},
    host::{Next, ResponseBody},
};

#[test]
fn shadow_asks_and_counts_and_lets_everything_pass() {
    let mut bench = Bench::open(r#"{"mode":"shadow"}"#);
    bench.request(1);
    bench.answer(&[(1, Decision::RpmExceeded, 5)]);
    assert_eq!(bench.fate(1), Some(&Fate::Resumed));
    assert_eq!(bench.count("flowguard_decisions.outcome=rpm_exceeded"), 1);

    bench.request(2);
    bench.tick(250);
    assert_eq!(bench.fate(2), Some(&Fate::Resumed), "no decision in time");
    let invalid =
        bench.worker.on_request(&mut bench.host, 3, &HeaderMap::default(), false, bench.now_us);
    assert_eq!(invalid, Next::Continue);
    assert_eq!(bench.count("flowguard_decisions.outcome=invalid_headers"), 1);
}

#[test]
fn off_checks_the_headers_and_never_asks() {
    let mut bench = Bench::new(r#"{"mode":"off"}"#);
    assert_eq!(bench.request(1), Next::Continue);
    assert_eq!(
        bench.worker.on_request(&mut bench.host, 2, &HeaderMap::default(), false, bench.now_us),
        Next::Pause
    );
    assert_eq!(bench.fate(2), Some(&Fate::Replied(400)));
    bench.tick(20);
    assert!(bench.host.open.is_empty());
}

#[test]
fn pass_lets_through_what_every_other_mode_would_refuse_and_touches_nothing() {
    let mut bench = Bench::new(r#"{"mode":"pass"}"#);
    bench.host.reachable = false;
    assert!(!bench.worker.looks_at_requests());
    let wrong = [
        HeaderMap::default(),
        headers(&[("x-client-id", "a")]),
        headers(&[("x-client-id", "not an id"), ("x-token-estimate", "1")]),
        headers(&[("x-client-id", "a"), ("x-token-estimate", "1"), ("accept-encoding", "br")]),
    ];
    for (id, headers) in (1..).zip(&wrong) {
        let next = bench.worker.on_request(&mut bench.host, id, headers, true, bench.now_us);
        assert_eq!(next, Next::Continue, "{headers:?}");
        let response = [(":status", "200"), ("x-ratelimit-limit-tokens", "7")];
        assert_eq!(bench.respond(id, &response, "{}"), ResponseBody::Pass);
        bench.end(id, true);
    }
    bench.tick(20);
    let host = &bench.host;
    assert!(host.removed.is_empty() && host.edits.is_empty() && host.fates.is_empty());
    assert!(host.frames.is_empty() && host.log.is_empty(), "{:?}", host.log);
    let mut counts: Vec<_> = host.counts.iter().map(|(name, count)| (*name, *count)).collect();
    counts.sort_unstable();
    assert_eq!(
        counts,
        [("flowguard_decisions.outcome=passed", 4), ("flowguard_workers.mode=pass", 1)]
    );
}

#[test]
fn a_worker_is_counted_by_its_mode_from_its_first_request_until_it_stops() {
    for mode in ["enforce", "shadow", "pass", "off"] {
        let stat = format!("flowguard_workers.mode={mode}");
        let mut bench = Bench::new(&format!(r#"{{"mode":"{mode}"}}"#));
        bench.tick(20);
        assert_eq!(bench.count(&stat), 0, "{mode}: Envoy's main thread never has a request");
        bench.request(1);
        bench.request(2);
        assert_eq!(bench.count(&stat), 1, "{mode}");
        bench.worker.stop(&mut bench.host, bench.now_us);
        bench.worker.stop(&mut bench.host, bench.now_us);
        assert_eq!(bench.count(&stat), 0, "{mode}");
    }
}

#[test]
fn hello_says_whether_the_worker_is_in_shadow_and_which_release_its_filter_is() {
    for (config, mode) in [("", Mode::Enforce), (r#"{"mode":"shadow"}"#, Mode::Shadow)] {
        let mut bench = Bench::new(config);
        bench.request(1);
        bench.tick(20);
        let hello = bench.host.frames[0].1.hello.as_ref().unwrap();
        assert_eq!((hello.mode(), &*hello.version), (mode, env!("CARGO_PKG_VERSION")));
    }
}

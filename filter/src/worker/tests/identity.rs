//! Who asks, where no header is believed: what the control plane is asked, what the upstream is told,
//! and that nobody passes who is not known.

use proto::decision::{ControlFrame, Decision, IdentityKind, Verdict, ask::Who, verdict::Wait};

use super::{
    super::lanes::LANE_LEN_MAX,
    ADMITTED,
    fake::{Bench, Fate, SPENT},
};
use crate::{
    header_map::{HeaderMap, headers},
    host::{Next, RequestId},
};

const KEY: &str = "fgk_abcDEF123456_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG_1a2B3c";
const OTHER_KEY: &str = "fgk_other0123456_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG_1a2B3c";
const SPIFFE: &str = "spiffe://cluster.local/ns/a/sa/b";

impl Bench {
    /// A worker of `config`, whose stream is open.
    fn knowing(config: &str) -> Self {
        let mut bench = Self::new(config);
        let uri = "connection/uri_san_peer_certificate".to_owned();
        bench.host.properties.insert(uri, SPIFFE.into());
        bench.ask_with(u32::MAX, &headers(&[("api-key", KEY)]));
        bench.tick(20);
        bench.answer(&[]);
        bench.decide(u32::MAX, ADMITTED, "client");
        bench.end(u32::MAX, true);
        bench.tick(20);
        bench.acknowledge();
        let host = &mut bench.host;
        host.frames.clear();
        host.fates.clear();
        host.counts.clear();
        host.given.clear();
        host.removed.clear();
        host.told.clear();
        bench
    }

    fn ask_with(&mut self, id: RequestId, headers: &HeaderMap) -> Next {
        self.worker.on_request(&mut self.host, id, headers, false, self.now_us)
    }

    fn by_key(&mut self, id: RequestId) -> Next {
        self.ask_with(id, &headers(&[("authorization", &*format!("Bearer {KEY}"))]))
    }

    /// The verdict on a request of `client`.
    fn decide(&mut self, id: RequestId, decision: Decision, client: &str) {
        let verdict = Verdict {
            id,
            decision: decision.into(),
            client_id: client.to_owned(),
            wait: Some(Wait::RetryAfterMs(5_000)),
            requests: Some(SPENT),
            ..Verdict::default()
        };
        let answer = ControlFrame { verdicts: vec![verdict], ..ControlFrame::default() };
        self.deliver(self.stream(), &answer);
    }

    fn asked_by(&self, frame: usize) -> Option<&Who> {
        self.host.frames[frame].1.asks[0].who.as_ref()
    }

    fn told_to_the_upstream(&self) -> Vec<(RequestId, &str, &str)> {
        let given = self.host.given.iter();
        given.map(|(id, name, value)| (*id, &**name, str::from_utf8(value).unwrap())).collect()
    }
}

const BY_KEY: &str = r#"{"identity":"api-key"}"#;
const BY_CERTIFICATE: &str = r#"{"identity":"mtls"}"#;

#[test]
fn who_shows_a_key_is_asked_for_by_its_digest_and_named_to_the_upstream_by_the_verdict() {
    let mut bench = Bench::knowing(BY_KEY);
    let sent = [("x-api-key", KEY), ("x-client-id", "victim"), ("x-client-id", "other")];
    assert_eq!(bench.ask_with(1, &headers(&sent)), Next::Pause);
    let Some(Who::Key(digest)) = bench.asked_by(0) else { panic!("{:?}", bench.asked_by(0)) };
    assert_eq!(digest.len(), 32);
    assert_eq!(bench.host.frames[0].1.asks[0].tokens, None, "no estimate is needed");
    let removed: Vec<_> = bench.host.removed.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(removed, ["x-api-key", "x-client-id"]);
    assert!(bench.host.given.is_empty(), "nobody is named before it is known");

    bench.decide(1, ADMITTED, "client");
    assert_eq!(bench.told_to_the_upstream(), [(1, "x-client-id", "client")]);
    assert_eq!(bench.fate(1), Some(&Fate::Resumed));
}

#[test]
fn who_has_a_certificate_is_asked_for_by_its_name() {
    let mut bench = Bench::knowing(BY_CERTIFICATE);
    let sent = [("x-client-id", "victim"), ("x_client_id", "victim"), ("x-token-estimate", "7")];
    assert_eq!(bench.ask_with(1, &headers(&sent)), Next::Pause);
    assert_eq!(bench.asked_by(0), Some(&Who::Identity(SPIFFE.to_owned())));
    assert_eq!(bench.host.frames[0].1.asks[0].tokens, Some(7));
    let removed: Vec<_> = bench.host.removed.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(removed, ["x-client-id", "x_client_id"]);
    bench.decide(1, ADMITTED, "b");
    assert_eq!(bench.told_to_the_upstream(), [(1, "x-client-id", "b")]);
}

#[test]
fn a_hello_says_by_what_clients_are_known() {
    for (config, kind) in [
        ("{}", IdentityKind::Header),
        (BY_KEY, IdentityKind::ApiKey),
        (BY_CERTIFICATE, IdentityKind::Mtls),
    ] {
        let mut bench = Bench::new(config);
        bench.host.properties.insert("connection/uri_san_peer_certificate".into(), SPIFFE.into());
        bench.ask_with(
            1,
            &headers(&[("x-api-key", KEY), ("x-client-id", "a"), ("x-token-estimate", "1")]),
        );
        bench.tick(20);
        assert_eq!(bench.host.frames[0].1.hello.as_ref().unwrap().identity(), kind, "{config}");
    }
}

#[test]
fn who_is_not_known_is_refused_in_every_mode_and_told_how_to_be() {
    for mode in ["enforce", "shadow"] {
        let config = format!(
            r#"{{"identity":"api-key","mode":"{mode}","failure_mode":"open","access_log":true}}"#
        );
        let mut bench = Bench::knowing(&config);
        let nothing = headers(&[("x-client-id", "client"), ("x-token-estimate", "1")]);
        assert_eq!(bench.ask_with(1, &nothing), Next::Pause);
        let twice = headers(&[("api-key", KEY), ("api-key", OTHER_KEY)]);
        assert_eq!(bench.ask_with(2, &twice), Next::Pause);
        assert_eq!(bench.by_key(3), Next::Pause);
        bench.decide(3, Decision::Unauthenticated, "");
        for (id, code) in
            [(1, "missing_credential"), (2, "invalid_api_key"), (3, "invalid_api_key")]
        {
            assert_eq!(bench.fate(id), Some(&Fate::Replied(401)), "{id} in {mode}");
            let reply = &bench.host.replies[&id];
            assert!(reply.body.contains(code), "{}", reply.body);
            assert!(reply.headers.iter().any(|(name, value)| {
                *name == "www-authenticate" && value.as_str() == "Bearer"
            }));
            assert!(!format!("{reply:?}").contains("fgk_"));
            let told = &bench.host.told[&id][0];
            assert!(told.contains(code) && !told.contains("shadow"), "{told}");
        }
        assert_eq!(bench.count("flowguard_decisions.outcome=unauthenticated"), 3);
        assert!(bench.host.given.is_empty());
    }
}

#[test]
fn a_key_that_stands_where_the_access_log_tells_it_is_taken_off() {
    let path = format!("/{KEY}/v1?x=1");
    let shown = [(":path", &*path), ("x-client-id", KEY), ("x-request-id", OTHER_KEY)];
    for (config, by_key) in [("{}", None), (r#"{"identity":"api-key"}"#, Some(KEY))] {
        let mut bench = Bench::new(config);
        bench.ask_with(1, &headers(&shown));
        let removed = |bench: &Bench, id| {
            let of_it = bench.host.removed.iter().filter(|(request, _)| *request == id);
            of_it.map(|(_, name)| name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(removed(&bench, 1), ["x-client-id", "x-request-id"], "{config}");
        assert!(matches!(bench.fate(1), Some(Fate::Replied(400 | 401))), "{config}");
        let cut = (1, ":path".to_owned(), b"/fgk_abcDEF123456_".to_vec());
        assert_eq!(bench.host.given, [cut], "{config}");
        // The path of a request that may pass is the upstream's.
        if let Some(key) = by_key {
            bench.ask_with(2, &headers(&[&shown[..], &[("x-api-key", key)]].concat()));
            assert!(removed(&bench, 2).contains(&"x-request-id".to_owned()));
            assert_eq!(bench.host.given.len(), 1);
        }
    }
}

#[test]
fn an_identity_that_can_be_nobodys_is_refused_in_every_mode() {
    for mode in ["enforce", "shadow"] {
        let mut bench = Bench::knowing(&format!(r#"{{"identity":"mtls","mode":"{mode}"}}"#));
        bench.ask_with(1, &HeaderMap::default());
        bench.decide(1, Decision::InvalidIdentity, "");
        assert_eq!(bench.fate(1), Some(&Fate::Replied(403)));
        let uri = "connection/uri_san_peer_certificate".to_owned();
        bench.host.properties.insert(uri, b"spiffe://a\nb".to_vec());
        assert_eq!(bench.ask_with(2, &HeaderMap::default()), Next::Pause);
        assert_eq!(bench.fate(2), Some(&Fate::Replied(403)));
        assert!(bench.host.replies[&2].body.contains("invalid_identity"));
        assert_eq!(bench.count("flowguard_decisions.outcome=invalid_identity"), 2);
    }
}

#[test]
fn a_key_that_could_not_be_checked_passes_in_no_mode() {
    for config in [
        r#"{"identity":"api-key","failure_mode":"open","decision_timeout_ms":100}"#,
        r#"{"identity":"api-key","mode":"shadow","decision_timeout_ms":100}"#,
        r#"{"identity":"api-key","mode":"shadow","failure_mode":"open","decision_timeout_ms":100}"#,
    ] {
        let mut bench = Bench::knowing(config);
        bench.by_key(1);
        bench.by_key(2);
        bench.tick(100);
        for id in [1, 2] {
            assert_eq!(bench.fate(id), Some(&Fate::Replied(503)), "{id} under {config}");
        }
        assert_eq!(bench.count("flowguard_decisions.outcome=failed_open"), 0);
        assert_eq!(bench.cancels(), [1], "what it may have been charged comes back");

        // A verdict that names nobody is no verdict.
        bench.answer(&[]);
        bench.by_key(3);
        bench.decide(3, ADMITTED, "");
        assert_eq!(bench.fate(3), Some(&Fate::Replied(503)), "{config}");
    }
}

#[test]
fn a_key_that_was_checked_meets_the_failure_mode_where_the_limits_could_not_be() {
    let mut bench = Bench::knowing(r#"{"identity":"api-key","failure_mode":"open"}"#);
    bench.by_key(1);
    bench.decide(1, Decision::Unspecified, "client");
    assert_eq!(bench.fate(1), Some(&Fate::Resumed));
    assert_eq!(bench.told_to_the_upstream(), [(1, "x-client-id", "client")]);
}

#[test]
fn a_verified_identity_meets_the_failure_mode_and_is_then_named_to_nobody() {
    let config = r#"{"identity":"mtls","failure_mode":"open","decision_timeout_ms":100}"#;
    let mut bench = Bench::knowing(config);
    bench.ask_with(1, &headers(&[("x-client-id", "victim")]));
    bench.tick(100);
    assert_eq!(bench.fate(1), Some(&Fate::Resumed));
    assert_eq!(bench.host.removed, [(1, "x-client-id".to_owned())]);
    assert!(bench.host.given.is_empty());
}

#[test]
fn shadow_lets_pass_who_is_known_and_only_those() {
    let mut bench = Bench::knowing(r#"{"identity":"api-key","mode":"shadow"}"#);
    bench.by_key(1);
    bench.decide(1, Decision::RpmExceeded, "client");
    let wrong = [("api-key", KEY), ("x-token-estimate", "wrong")];
    assert_eq!(bench.ask_with(2, &headers(&wrong)), Next::Pause);
    bench.decide(2, ADMITTED, "client");
    assert_eq!(bench.fate(1), Some(&Fate::Resumed));
    assert_eq!(bench.fate(2), Some(&Fate::Resumed));
    assert_eq!(bench.count("flowguard_decisions.outcome=invalid_headers"), 1);
    let named = [(1, "x-client-id", "client"), (2, "x-client-id", "client")];
    assert_eq!(bench.told_to_the_upstream(), named);
}

#[test]
fn a_refused_client_is_named_in_the_log() {
    let mut bench = Bench::knowing(BY_KEY);
    bench.by_key(1);
    bench.decide(1, Decision::RpmExceeded, "client");
    assert_eq!(bench.told_to_the_upstream(), [(1, "x-client-id", "client")]);
    assert_eq!(bench.fate(1), Some(&Fate::Replied(429)));
}

#[test]
fn an_exempt_request_carries_neither_a_key_nor_a_name() {
    let config = r#"{"identity":"api-key","exempt_paths":["/health"]}"#;
    let mut bench = Bench::knowing(config);
    let path = format!("/health?key={KEY}");
    let sent = [(":method", "GET"), (":path", &*path), ("api-key", KEY), ("x-client-id", "victim")];
    assert_eq!(bench.ask_with(1, &headers(&sent)), Next::Continue);
    let removed: Vec<_> = bench.host.removed.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(removed, ["api-key", "x-client-id"]);
    assert_eq!(bench.told_to_the_upstream(), [(1, ":path", "/health")]);
}

#[test]
fn what_a_full_lane_refuses_is_counted_for_the_client_that_the_verdict_named() {
    let mut bench = Bench::knowing(BY_KEY);
    for id in 0..2_000 {
        bench.by_key(id);
    }
    bench.decide(0, Decision::RpmExceeded, "client");
    for id in 10_000..10_100 {
        bench.by_key(id);
    }
    assert_eq!(bench.fate(10_099), Some(&Fate::Replied(429)));
    let other = headers(&[("api-key", OTHER_KEY)]);
    bench.ask_with(20_000, &other);
    assert_ne!(bench.fate(20_000), Some(&Fate::Replied(429)), "another key is another client");
    bench.tick(20);
    bench.decide(1, Decision::RpmExceeded, "client");
    let drops: Vec<_> = bench.host.frames.iter().flat_map(|(_, frame)| &frame.drops).collect();
    assert!(!drops.is_empty() && drops.iter().all(|drop| drop.client_id == "client"), "{drops:?}");
    let dropped: usize = drops.iter().map(|drop| usize::try_from(drop.requests).unwrap()).sum();
    assert!(dropped > 0 && dropped < LANE_LEN_MAX);
}

#[test]
fn a_header_that_is_believed_stays_as_it_came() {
    let mut bench = Bench::open("{}");
    bench.request(1);
    bench.decide(1, ADMITTED, "somebody");
    assert_eq!(bench.fate(1), Some(&Fate::Resumed));
    assert!(bench.host.removed.is_empty() && bench.host.given.is_empty());
}

//! Who asks: keys, identities and ids, and the client that a verdict names.

use std::sync::Arc;

use flowguard::{
    clients::{ClientConfig, Identities, Identity, Limits},
    credentials::{ClientKey, Digest, PublicPart, Secret, SecretKind, UnixSeconds, Validity},
    decisions::Greeting,
    ledger::{Ledger, ManualClock, Policy, UnknownClients, UnknownSnapshot},
};
use limiter::{ClientId, PerMinute, UnixMillis};
use proto::{
    decision::{Ask, Decision, FilterFrame, Hello, IdentityKind, Verdict, ask::Who},
    plugin_config,
};
use tonic::Code;

use crate::world::{NOW, Session, ask, asks, back, hello, ledger_with, settle};

fn by(id: u32, who: Who) -> Ask {
    Ask { who: Some(who), ..ask(id, "", 1) }
}

fn by_key(id: u32, digest: Digest) -> Ask {
    by(id, Who::Key(digest.as_bytes().to_vec()))
}

fn by_identity(id: u32, text: &str) -> Ask {
    by(id, Who::Identity(text.to_owned()))
}

/// A key of `client`, for as long as `expires` says.
fn put_key(ledger: &Ledger, client: &str, expires: Option<u32>) -> (Digest, PublicPart) {
    let secret = Secret::new(SecretKind::Key);
    let (digest, public) = (secret.digest(), secret.public_part());
    let client = ClientId::try_from(client).unwrap();
    let expires = expires.map(|at| UnixSeconds::new(at).unwrap());
    let validity = Validity { created: UnixSeconds::at(NOW), expires };
    ledger.put_key(ClientKey { public, digest, client, validity });
    (digest, public)
}

fn put_client(ledger: &Ledger, id: &str, identities: &[&str]) {
    let identities = identities.iter().map(|text| Identity::try_from(*text).unwrap()).collect();
    let limits = Limits { rpm: PerMinute::new(2).ok(), tpm: PerMinute::new(100).ok() };
    let config = ClientConfig::new(ClientId::try_from(id).unwrap(), limits);
    ledger.configure(&ClientConfig { identities: Identities::new(identities).unwrap(), ..config });
}

fn start(unknown_clients: UnknownClients) -> (Session, Arc<Ledger>) {
    let ledger = ledger_with(unknown_clients, ManualClock::at(NOW));
    let session = Session::start_on(&ledger, &hello()).unwrap();
    (session, ledger)
}

impl Session {
    fn verdicts(&mut self, asked: &[Ask]) -> Vec<Verdict> {
        self.answer(asks(asked)).unwrap().unwrap().verdicts
    }

    fn verdict(&mut self, asked: Ask) -> (Decision, String) {
        let verdict = self.verdicts(&[asked]).remove(0);
        (verdict.decision(), verdict.client_id)
    }
}

fn named(decision: Decision, client: &str) -> (Decision, String) {
    (decision, client.to_owned())
}

#[test]
fn a_key_is_asked_for_by_its_digest_and_the_verdict_names_its_client() {
    let (mut session, ledger) = start(UnknownClients::Deny);
    let (first, _) = put_key(&ledger, "client", None);
    let (second, public) = put_key(&ledger, "client", None);
    assert_eq!(session.verdict(by_key(1, first)), named(Decision::Admitted, "client"));
    assert_eq!(session.verdict(by_key(2, second)), named(Decision::Admitted, "client"));
    assert_eq!(session.verdict(by_key(3, first)), named(Decision::RpmExceeded, "client"));

    ledger.keys().remove("client", public);
    assert_eq!(session.verdict(by_key(4, second)), named(Decision::Unauthenticated, ""));
    let nobodys = Digest::of(b"another");
    assert_eq!(session.verdict(by_key(5, nobodys)), named(Decision::Unauthenticated, ""));
    assert_eq!(session.record().rpm_dropped, 1, "nobody was charged for what nobody asked");
}

#[test]
fn a_key_that_has_expired_is_nobodys() {
    let clock = ManualClock::at(NOW);
    let ledger = ledger_with(UnknownClients::Deny, clock.clone());
    let mut session = Session::start_on(&ledger, &hello()).unwrap();
    let in_a_minute = u32::try_from(NOW.0 / 1_000).unwrap() + 60;
    let (key, _) = put_key(&ledger, "client", Some(in_a_minute));
    assert_eq!(session.verdict(by_key(1, key)), named(Decision::Admitted, "client"));
    clock.set(UnixMillis(u64::from(in_a_minute) * 1_000));
    assert_eq!(session.verdict(by_key(2, key)), named(Decision::Unauthenticated, ""));
}

#[test]
fn an_identity_is_the_client_that_lists_it_or_the_client_of_that_id() {
    let (mut session, ledger) = start(UnknownClients::DEFAULT);
    put_client(&ledger, "listed", &["spiffe://a/b", "auth0|7 of 9"]);
    for (id, text, client) in [
        (1, "spiffe://a/b", "listed"),
        (2, "auth0|7 of 9", "listed"),
        (3, "client", "client"),
        (4, "nobody", "nobody"),
        // By its id alone it is nobody.
        (5, "listed", "unknown"),
    ] {
        assert_eq!(
            session.verdict(by_identity(id, text)),
            named(Decision::Admitted, client),
            "{text}"
        );
    }
    assert_eq!(
        session.verdict(by_identity(6, "spiffe://a/b")),
        named(Decision::RpmExceeded, "listed")
    );
    for text in ["", "two words", "a\nb", "\u{e9}", ".."] {
        let verdict = session.verdict(by_identity(7, text));
        assert_eq!(verdict, named(Decision::InvalidIdentity, ""), "{text}");
    }
}

#[test]
fn a_client_that_lists_identities_is_reached_by_these_alone() {
    let (mut session, ledger) = start(UnknownClients::Deny);
    put_client(&ledger, "client", &["spiffe://a/b"]);
    assert_eq!(session.verdict(ask(1, "client", 1)), named(Decision::UnknownClient, ""));
    let verdict = session.verdict(by_identity(2, "client"));
    assert_eq!(verdict, named(Decision::UnknownClient, "unknown"));
    let (key, _) = put_key(&ledger, "client", None);
    assert_eq!(session.verdict(by_key(3, key)), named(Decision::Admitted, "client"));

    put_client(&ledger, "client", &[]);
    assert_eq!(session.verdict(ask(4, "client", 1)), named(Decision::Admitted, ""));
}

#[test]
fn what_came_of_a_keys_requests_is_told_with_the_key() {
    let (mut session, ledger) = start(UnknownClients::Deny);
    let (key, public) = put_key(&ledger, "client", None);
    let (_, unused) = put_key(&ledger, "client", None);
    session.verdicts(&[by_key(1, key), by_key(2, key), by_key(3, key)]);
    let settles = vec![settle(1, 30), settle(2, 20)];
    session.answer(FilterFrame { settles, number: 1, ..Default::default() }).unwrap();
    let stats = ledger.keys().get("client", public).unwrap().1;
    assert_eq!((stats.admitted, stats.dropped, stats.tokens_used), (2, 1, 50));
    assert!(stats.last_used.is_some());
    let stats = ledger.keys().get("client", unused).unwrap().1;
    assert_eq!((stats.admitted, stats.last_used), (0, None));
}

/// Its worker never heard that it was admitted, and asks again.
#[test]
fn what_a_key_was_charged_comes_back_where_it_was_revoked_before_it_was_told() {
    let (mut session, ledger) = start(UnknownClients::Deny);
    let (key, public) = put_key(&ledger, "client", None);
    let answer = session.answer(asks(&[by_key(1, key)])).unwrap().unwrap();
    let worker = answer.welcome.unwrap().worker;
    assert_eq!(session.left(), (1, 99));
    session.close();
    ledger.keys().remove("client", public);
    let mut session =
        Session::start_on(&ledger, back(&worker, &[1]).hello.as_ref().unwrap()).unwrap();
    let frame = FilterFrame { asks: vec![by_key(1, key)], ..back(&worker, &[1]) };
    let verdict = session.answer(frame).unwrap().unwrap().verdicts.remove(0);
    assert_eq!(verdict.decision(), Decision::Unauthenticated);
    assert_eq!(session.left(), (2, 100));
    assert_eq!(ledger.held(), 0);
}

#[test]
fn an_ask_says_who_asks_in_one_way() {
    let (mut session, _) = start(UnknownClients::Deny);
    for who in [None, Some(Who::Key(vec![0; 31])), Some(Who::Identity("a".repeat(513)))] {
        let refused = session.answer(asks(&[Ask { who, ..ask(7, "", 1) }])).unwrap_err();
        assert!(refused.message().starts_with("ask 7: it is by "), "{refused}");
    }
}

#[test]
fn each_stranger_that_is_verified_has_buckets_of_its_own_and_all_are_counted_as_one() {
    let (rpm, tpm) = (PerMinute::new(2).unwrap(), PerMinute::new(100).unwrap());
    let (mut session, ledger) = start(UnknownClients::Each { rpm, tpm });
    let by = |id, text: &str| Ask { tokens: Some(60), ..by_identity(id, text) };
    assert_eq!(session.verdict(by(1, "x")), named(Decision::Admitted, "x"));
    assert_eq!(session.verdict(by(2, "x")), named(Decision::TpmExceeded, "x"));
    assert_eq!(session.verdict(by(3, "y")), named(Decision::Admitted, "y"));
    assert_eq!(session.verdict(by(4, "y")), named(Decision::TpmExceeded, "y"));

    // What it gets back is its own.
    let settles = vec![settle(1, 10)];
    session.answer(FilterFrame { settles, number: 1, ..Default::default() }).unwrap();
    assert_eq!(session.verdict(by(5, "x")), named(Decision::Admitted, "x"));
    assert_eq!(session.verdict(by(6, "y")), named(Decision::TpmExceeded, "y"));
    let UnknownSnapshot::Shared(unknown) = ledger.unknown_snapshot() else { panic!("one client") };
    assert_eq!((unknown.record.admitted, unknown.record.tpm_dropped), (3, 3));
    assert_eq!(unknown.record.tokens_used, 10);
    assert_eq!(unknown.standing.tokens.unwrap().remaining(), 100, "that is nobody's");
}

const IDENTITIES: [(plugin_config::Identity, IdentityKind); 4] = [
    (plugin_config::Identity::Header, IdentityKind::Header),
    (plugin_config::Identity::ApiKey, IdentityKind::ApiKey),
    (plugin_config::Identity::Jwt, IdentityKind::Jwt),
    (plugin_config::Identity::Mtls, IdentityKind::Mtls),
];

fn hello_of(kind: IdentityKind) -> Hello {
    Hello { identity: kind.into(), ..hello() }
}

/// A filter that believes `X-Client-ID` was welcomed by a control plane of keys.
#[test]
fn a_filter_that_knows_clients_by_something_else_is_refused_with_the_way_out() {
    for (ours, _) in IDENTITIES {
        for (theirs, kind) in IDENTITIES {
            let checked = Greeting::read(Some(&hello_of(kind))).unwrap().check_identity(ours);
            if ours == theirs || ours == plugin_config::Identity::Header {
                checked.unwrap();
                continue;
            }
            let refused = checked.unwrap_err();
            let (theirs, ours) = (theirs.word(), ours.word());
            assert_eq!(refused.code(), Code::FailedPrecondition);
            let sides = format!("clients by {theirs}, and this control plane by {ours}: ");
            assert!(refused.message().contains(&sides), "{refused}");
            assert!(refused.message().contains("FLOWGUARD_IDENTITY=header takes all"), "{refused}");
        }
    }
}

/// Asks by an id were admitted by a control plane of keys, whatever the hello had said.
#[test]
fn an_ask_of_another_kind_than_the_control_planes_is_refused_before_anybody_is_charged() {
    for (ours, kind) in IDENTITIES {
        let policy = Policy { identity: ours, ..Policy::default() };
        let ledger = Arc::new(Ledger::new(policy, ManualClock::at(NOW)));
        put_client(&ledger, "client", &[]);
        let (key, _) = put_key(&ledger, "client", None);
        for (who, fits) in [
            (ask(7, "client", 1), [].as_slice()),
            (by_key(7, key), &[IdentityKind::ApiKey]),
            (by_identity(7, "client"), &[IdentityKind::Jwt, IdentityKind::Mtls]),
        ] {
            let mut session = Session::start_on(&ledger, &hello_of(kind)).unwrap();
            let before = session.left();
            let answer = session.answer(asks(&[who]));
            if ours == plugin_config::Identity::Header || fits.contains(&kind) {
                assert_eq!(answer.unwrap().unwrap().verdicts.len(), 1);
                continue;
            }
            let refused = answer.unwrap_err();
            assert_eq!(refused.code(), Code::InvalidArgument);
            let said = format!("ask 7: it says who asks in another way than by {}", ours.word());
            assert!(refused.message().starts_with(&said), "{refused}");
            assert_eq!(session.left(), before);
        }
    }
}

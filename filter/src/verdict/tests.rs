use super::*;

fn left(name: &str) -> decision::Balance {
    decision::Balance {
        limit: 10,
        remaining: 1,
        full_in_ms: 54_000,
        used: 9,
        name: name.to_owned(),
        window_s: 0,
        burst: 0,
    }
}

fn refused(decision: Decision, shortage: Option<verdict::Shortage>) -> decision::Verdict {
    decision::Verdict {
        id: 1,
        decision: decision.into(),
        wait: Some(verdict::Wait::RetryAfterMs(7)),
        requests: None,
        tokens: Some(left("")),
        reserved_tokens: 2,
        settle_at_once: false,
        shortage,
        configured: true,
        client_id: String::new(),
    }
}

fn refusal(verdict: decision::Verdict) -> Option<Refusal> {
    match Verdict::try_from(verdict) {
        Ok(Verdict::Deny(Deny::Refused(refusal))) => Some(*refusal),
        Ok(other) => panic!("it is a refusal, and not {other:?}"),
        Err(NotUnderstood) => None,
    }
}

const OWN: Balance = Balance::own(10, 1, 9, 54_000);

#[test]
fn a_refusal_by_one_of_a_clients_own_has_its_balance() {
    let by_tokens = refusal(refused(Decision::TpmExceeded, None)).unwrap();
    let tightest = Tightest { requests: None, tokens: Some(OWN) };
    let shortage = Shortage::Tokens(OWN);
    let wait = Wait::Millis(7);
    assert_eq!(by_tokens, Refusal { shortage, tightest, wait, requested_tokens: 2 });
    assert_eq!(by_tokens.shortage.limit(), Limit::Own(Dimension::Tpm));
    assert_eq!(refusal(refused(Decision::RpmExceeded, None)), None, "that of the other limit");
}

#[test]
fn where_another_limit_is_tighter_the_refusal_still_has_its_own_balance() {
    let tighter = decision::Verdict {
        tokens: Some(left("org")),
        ..refused(Decision::TpmExceeded, Some(verdict::Shortage::ShortOfTokens(left(""))))
    };
    let told = refusal(tighter.clone()).unwrap();
    assert_eq!(told.shortage, Shortage::Tokens(OWN));
    assert_eq!(told.tightest.tokens.unwrap().name.unwrap().as_str(), "org");
    assert_eq!(refusal(decision::Verdict { shortage: None, ..tighter }), None);
}

#[test]
fn a_refusal_by_another_limit_says_which_and_what_it_lacks() {
    let by = |shortage| refusal(refused(Decision::LimitExceeded, Some(shortage))).unwrap().shortage;
    let day = decision::Balance { window_s: 86_400, burst: 3, ..left("day") };
    let requests = by(verdict::Shortage::ShortOfRequests(day.clone()));
    assert_eq!((requests.limit().as_str(), requests.measure()), ("day", "requests"));
    assert!(matches!(
        &requests,
        Shortage::Requests(Balance { window_s: 86_400, limit: 10, burst: 3, .. })
    ));
    let tokens = by(verdict::Shortage::ShortOfTokens(day));
    assert_eq!((tokens.limit().as_str(), tokens.measure()), ("day", "tokens"));
    let running = decision::Places { name: "running".to_owned(), limit: 8 };
    let places = by(verdict::Shortage::ShortOfPlaces(running));
    assert_eq!((places.limit().as_str(), places.measure()), ("running", "concurrent"));
    assert!(matches!(places, Shortage::Places { places: 8, .. }));
}

#[test]
fn a_refusal_that_contradicts_itself_is_not_understood() {
    use verdict::Shortage::{ShortOfPlaces, ShortOfRequests, ShortOfTokens};
    let places = |name: &str| ShortOfPlaces(decision::Places { name: name.to_owned(), limit: 8 });
    for (decision, shortage) in [
        (Decision::LimitExceeded, None),
        (Decision::LimitExceeded, Some(ShortOfTokens(left("")))),
        (Decision::LimitExceeded, Some(places(""))),
        (Decision::TpmExceeded, Some(ShortOfTokens(left("org")))),
        (Decision::TpmExceeded, Some(ShortOfRequests(left("")))),
        (Decision::RpmExceeded, Some(places("running"))),
    ] {
        assert_eq!(
            refusal(refused(decision, shortage.clone())),
            None,
            "{decision:?}: {shortage:?}"
        );
    }
}

#[test]
fn a_name_that_could_not_stand_in_a_header_is_not_understood() {
    for name in ["a\"b", "a b", "A", "a_b", "a\r\nb", "caf\u{e9}", &"a".repeat(65)] {
        let tightest = decision::Verdict {
            decision: Decision::Admitted.into(),
            tokens: Some(left(name)),
            ..decision::Verdict::default()
        };
        assert_eq!(Verdict::try_from(tightest), Err(NotUnderstood), "{name:?}");
        let places = decision::Places { name: name.to_owned(), limit: 8 };
        let shortage = Some(verdict::Shortage::ShortOfPlaces(places));
        assert_eq!(refusal(refused(Decision::LimitExceeded, shortage)), None, "{name:?}");
    }
}

#[test]
fn a_refusal_without_a_wait_is_not_understood() {
    let never = Some(verdict::Wait::Never(true));
    let by_tokens = refused(Decision::TpmExceeded, None);
    let told = refusal(decision::Verdict { wait: never, ..by_tokens.clone() }).unwrap();
    assert_eq!(told.wait, Wait::Never);
    assert_eq!(refusal(decision::Verdict { wait: None, ..by_tokens }), None);
}

#[test]
fn a_decision_of_another_version_is_not_understood() {
    for decision in [Decision::Unspecified.into(), 99] {
        let unknown = decision::Verdict { decision, ..refused(Decision::TpmExceeded, None) };
        assert_eq!(Verdict::try_from(unknown), Err(NotUnderstood), "{decision}");
    }
}

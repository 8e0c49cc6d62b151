//! What a worker's hello says of its filter: how refusals are counted, and what is shown of it.

use flowguard::{
    decisions::StreamMetrics,
    ledger::{ManualClock, RefusedInShadow, UnknownSnapshot},
};
use prometheus::{Registry, TextEncoder};
use proto::decision::{Decision, Hello, Mode};

use crate::world::{NOW, Session, ask, asks, decisions_of, hello, ledger};

fn hello_of(mode: Mode, version: &str) -> Hello {
    Hello { mode: mode.into(), version: version.to_owned(), ..hello() }
}

#[test]
fn in_shadow_what_is_refused_counts_as_what_passed_and_nothing_as_dropped() {
    let mut session = Session::start(&hello_of(Mode::Shadow, "1.0.0")).unwrap();
    let frame = asks(&[
        ask(1, "client", 101),
        ask(2, "client", 1),
        ask(3, "client", 1),
        ask(4, "client", 1),
        ask(5, "nobody", 1),
    ]);
    let answer = session.answer(frame).unwrap().unwrap();
    let decided: Vec<_> = decisions_of(&answer).iter().map(|(_, decision, _)| *decision).collect();
    // What was decided is told as ever.
    assert_eq!(
        decided,
        [
            Decision::TpmExceeded,
            Decision::Admitted,
            Decision::Admitted,
            Decision::RpmExceeded,
            Decision::UnknownClient
        ]
    );
    let record = session.record();
    assert_eq!((record.admitted, record.rpm_dropped, record.tpm_dropped), (4, 0, 0));
    assert_eq!(record.refused_in_shadow, RefusedInShadow { rpm: 1, tpm: 1, limit: 0 });
    assert_eq!(session.left(), (0, 98), "a refusal costs nothing");
    let unknown = session.ledger.unknown_snapshot();
    assert!(matches!(unknown, UnknownSnapshot::Denied { refused: 0, in_shadow: 1 }), "{unknown:?}");
}

#[test]
fn a_worker_in_shadow_and_one_that_enforces_share_the_books() {
    let ledger = ledger(ManualClock::at(NOW));
    let mut shadow = Session::start_on(&ledger, &hello_of(Mode::Shadow, "1.0.0")).unwrap();
    let mut enforce = Session::start_on(&ledger, &hello()).unwrap();
    for session in [&mut shadow, &mut enforce] {
        session.answer(asks(&[ask(1, "client", 101)])).unwrap();
    }
    let record = shadow.record();
    assert_eq!((record.admitted, record.tpm_dropped), (1, 1));
}

/// The lines of a page that tell of filters.
fn shown(registry: &Registry) -> Vec<String> {
    let page = TextEncoder.encode_to_string(&registry.gather()).unwrap();
    let lines = page.lines().filter(|line| line.starts_with("flowguard_filters{"));
    lines.map(str::to_owned).collect()
}

#[test]
fn workers_are_counted_by_mode_and_release_while_they_have_a_stream() {
    let registry = Registry::new();
    let metrics = StreamMetrics::register(&registry).unwrap();
    let ledger = ledger(ManualClock::at(NOW));
    let open = |mode, version: &str| {
        Session::start_with(&ledger, &metrics, &hello_of(mode, version)).unwrap()
    };
    let sessions = [
        open(Mode::Enforce, "0.1.0"),
        open(Mode::Enforce, "0.1.0"),
        open(Mode::Shadow, "0.2.0-rc.1+build"),
    ];
    assert_eq!(
        shown(&registry),
        [
            r#"flowguard_filters{mode="enforce",version="0.1.0"} 2"#,
            r#"flowguard_filters{mode="shadow",version="0.2.0-rc.1+build"} 1"#,
        ]
    );
    sessions.into_iter().for_each(Session::close);
    assert_eq!(shown(&registry), [""; 0], "nothing is left of a release that is nowhere");
}

#[test]
fn no_release_that_a_hello_invents_makes_more_than_a_few_series() {
    let registry = Registry::new();
    let metrics = StreamMetrics::register(&registry).unwrap();
    let ledger = ledger(ManualClock::at(NOW));
    let long = "1".repeat(33);
    let odd = ["", "1 0", "1\n", "é", r#"""#, long.as_str()];
    let many: Vec<_> = (0..100).map(|number| format!("1.{number}")).collect();
    let versions = odd.into_iter().chain(many.iter().map(String::as_str));
    let sessions: Vec<_> = versions
        .map(|version| {
            Session::start_with(&ledger, &metrics, &hello_of(Mode::Enforce, version)).unwrap()
        })
        .collect();
    let shown_now = shown(&registry);
    assert_eq!(shown_now.len(), 8, "{shown_now:?}");
    assert!(
        shown_now.contains(&r#"flowguard_filters{mode="enforce",version="other"} 99"#.to_owned())
    );
    sessions.into_iter().for_each(Session::close);
    assert_eq!(shown(&registry), [""; 0]);
}

//! A worker's session by itself.

use flowguard::ledger::{ManualClock, UnknownClients};
use limiter::PerMinute;
use proto::decision::{
    Ask, Balance, Decision, Drop, FilterFrame, Hello, Outcome, Settle, UsageSource,
};
use tonic::Code;

use crate::world::{NEVER, NOW, Session, ask, asks, decisions_of, hello, ledger_with, settle};

#[test]
fn every_ask_has_one_verdict_in_order() {
    let mut session = Session::new();
    let frame = asks(&[
        ask(1, "client", 60),
        ask(2, "client", 60),
        ask(3, "nobody", 1),
        ask(4, "client", 101),
        ask(5, "client", 0),
        ask(6, "client", 0),
    ]);
    let answer = session.answer(frame).unwrap().unwrap();
    assert_eq!(
        decisions_of(&answer),
        [
            (1, Decision::Admitted, 0),
            // 20 tokens are missing, 100 a minute come back: 12 s.
            (2, Decision::TpmExceeded, 12_000),
            (3, Decision::UnknownClient, 0),
            (4, Decision::TpmExceeded, NEVER),
            (5, Decision::Admitted, 0),
            (6, Decision::RpmExceeded, 30_000),
        ]
    );
}

#[test]
fn a_verdict_says_whether_its_client_is_configured() {
    let limit = PerMinute::new(100).unwrap();
    let shared = UnknownClients::Shared { rpm: limit, tpm: limit };
    for unknown_clients in [UnknownClients::Deny, UnknownClients::Allow, shared] {
        let ledger = ledger_with(unknown_clients, ManualClock::at(NOW));
        let mut session = Session::start_on(&ledger, &hello()).unwrap();
        // The second one of each is refused.
        let frame = asks(&[
            ask(1, "client", 60),
            ask(2, "client", 60),
            ask(3, "nobody", 60),
            ask(4, "nobody", 101),
        ]);
        let answer = session.answer(frame).unwrap().unwrap();
        let configured: Vec<_> = answer.verdicts.iter().map(|verdict| verdict.configured).collect();
        assert_eq!(configured, [true, true, false, false]);
    }
}

#[test]
fn the_first_answer_welcomes_and_a_report_has_no_answer() {
    let mut session = Session::new();
    let hello = FilterFrame { hello: Some(hello()), ..FilterFrame::default() };
    assert!(session.answer(hello).unwrap().unwrap().welcome.is_some());
    assert!(session.answer(asks(&[ask(1, "client", 1)])).unwrap().unwrap().welcome.is_none());

    let settle = Settle {
        id: 1,
        outcome: Outcome::Completed.into(),
        duration_us: 2_000,
        ..Settle::default()
    };
    let report = FilterFrame { settles: vec![settle, settle], ..FilterFrame::default() };
    assert_eq!(session.answer(report).unwrap(), None);
    assert_eq!(session.record().durations.count(), 1, "settled twice is settled once");
}

#[test]
fn a_cancel_gives_the_charge_back_once() {
    let mut session = Session::new();
    session.answer(asks(&[ask(1, "client", 100)])).unwrap();
    let cancels = FilterFrame { cancels: vec![1, 1, 7], ..FilterFrame::default() };
    session.answer(cancels).unwrap();
    assert_eq!(session.left(), (2, 100));
}

#[test]
fn what_a_frame_gives_back_is_there_for_what_it_asks() {
    let mut session = Session::new();
    session.answer(asks(&[ask(1, "client", 60)])).unwrap();
    let settle = settle(1, 14);
    let frame = FilterFrame { settles: vec![settle], ..asks(&[ask(2, "client", 60)]) };
    let answer = session.answer(frame).unwrap().unwrap();
    assert_eq!(decisions_of(&answer), [(2, Decision::Admitted, 0)]);
}

#[test]
fn a_verdict_says_when_the_same_request_would_have_to_wait_for_this_ones_end() {
    for (tokens, at_once) in [(0, false), (50, false), (51, true), (100, true)] {
        let mut session = Session::new();
        let answer = session.answer(asks(&[ask(1, "client", tokens)])).unwrap().unwrap();
        assert_eq!(answer.verdicts[0].settle_at_once, at_once, "{tokens} of 100");
    }
}

#[test]
fn a_frame_with_more_than_it_may_have_is_refused_before_anything_of_it_is_charged() {
    let too_many_asks: Vec<_> = (0..65).map(|id| ask(id, "client", 1)).collect();
    let too_many_reports = FilterFrame {
        settles: vec![settle(1, 1); 1_000],
        cancels: vec![1; 24],
        drops: vec![drop_of("client", 1)],
        ..asks(&[ask(1, "client", 1)])
    };
    let wrong_last = asks(&[ask(1, "client", 1), ask(2, "client", u64::MAX)]);
    let wrong_drop = FilterFrame {
        drops: vec![Drop { decision: Decision::Admitted.into(), ..drop_of("client", 1) }],
        ..asks(&[ask(1, "client", 1)])
    };
    let drops_beyond_what_can_be =
        FilterFrame { drops: vec![drop_of("client", u32::MAX)], ..asks(&[ask(1, "client", 1)]) };
    let no_limits_name = FilterFrame {
        drops: vec![Drop { decision: Decision::LimitExceeded.into(), ..drop_of("client", 1) }],
        ..asks(&[ask(1, "client", 1)])
    };
    let wrong = [asks(&too_many_asks), too_many_reports, wrong_last, wrong_drop, no_limits_name];
    for frame in wrong.into_iter().chain([drops_beyond_what_can_be]) {
        let mut session = Session::new();
        let status = session.answer(frame).unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{}", status.message());
        assert_eq!(session.record().admitted, 0, "{}", status.message());
    }
}

#[test]
fn a_model_is_taken_as_the_filter_takes_it_and_nothing_else_is() {
    let of_model = |model: &str| {
        let ask = Ask { model: model.to_owned(), ..ask(1, "client", 1) };
        Session::new().answer(asks(&[ask]))
    };
    for model in ["", "gpt-4o", "@cf/meta/llama-3.1-8b-instruct", &"m".repeat(128)] {
        let answer = of_model(model).unwrap().unwrap();
        assert_eq!(decisions_of(&answer), [(1, Decision::Admitted, 0)], "{model}");
    }
    for model in ["a b", "a\"b", "a\nb", "caf\u{e9}", &"m".repeat(129)] {
        let status = of_model(model).unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(
            status.message(),
            "ask 1: a model has 1 to 128 of A-Z a-z 0-9 . _ : @ + = ~ / -"
        );
    }
}

fn drop_of(client_id: &str, requests: u32) -> Drop {
    let decision = Decision::TpmExceeded.into();
    Drop { client_id: client_id.into(), decision, requests, ..Drop::default() }
}

#[test]
fn requests_that_the_filter_dropped_are_counted_as_the_clients() {
    let mut session = Session::new();
    let frame = FilterFrame {
        drops: vec![drop_of("client", 7), drop_of("nobody", 3)],
        ..FilterFrame::default()
    };
    assert_eq!(session.answer(frame).unwrap().map(|answer| answer.verdicts.len()), Some(0));
    let after = session.record();
    assert_eq!((after.tpm_dropped, after.rpm_dropped, after.admitted), (7, 0, 0));
    assert_eq!(session.left(), (2, 100));
}

#[test]
fn figures_beyond_what_can_be_spoil_no_counter() {
    let mut session = Session::new();
    session.answer(asks(&[ask(1, "client", 60)])).unwrap();
    let settle = Settle { duration_us: u64::MAX, observed_tokens: u64::MAX, ..settle(1, u64::MAX) };
    let frame = FilterFrame { settles: vec![settle], ..FilterFrame::default() };
    session.answer(frame).unwrap();
    let after = session.record();
    assert_eq!(after.tokens_used, 60, "it told no usage: its estimate");
    assert_eq!(after.durations.count(), 0);
}

#[test]
fn hello_is_said_once() {
    let mut session = Session::new();
    let frame = FilterFrame { hello: Some(hello()), ..FilterFrame::default() };
    assert!(session.answer(frame.clone()).unwrap().is_some());
    assert_eq!(session.answer(frame).unwrap_err().code(), Code::InvalidArgument);
}

#[test]
fn a_node_with_a_name_that_would_fill_the_log_is_refused() {
    let hello = Hello { node: "a".repeat(900_000), ..hello() };
    let refused = Session::start(&hello).err().expect("refused");
    assert_eq!(refused.code(), Code::InvalidArgument);
}

#[test]
fn a_verdict_tells_what_is_left_and_when_all_of_it_is_back() {
    let mut session = Session::new();
    let frame = asks(&[ask(1, "client", 60), ask(2, "client", 60), ask(3, "nobody", 1)]);
    let verdicts = session.answer(frame).unwrap().unwrap().verdicts;
    let requests =
        Balance { limit: 2, remaining: 1, full_in_ms: 30_000, used: 1, ..Balance::default() };
    let tokens =
        Balance { limit: 100, remaining: 40, full_in_ms: 36_000, used: 60, ..Balance::default() };
    for verdict in &verdicts[..2] {
        let told = (verdict.requests.as_ref(), verdict.tokens.as_ref());
        assert_eq!(told, (Some(&requests), Some(&tokens)));
        assert_eq!(verdict.reserved_tokens, 60);
    }
    assert_eq!((&verdicts[2].requests, &verdicts[2].tokens), (&None, &None));
}

#[test]
fn a_client_in_debt_has_used_more_than_its_limit() {
    let mut session = Session::new();
    session.answer(asks(&[ask(1, "client", 60)])).unwrap();
    let settles = vec![Settle { usage: UsageSource::Anthropic.into(), ..settle(1, 150) }];
    let frame = FilterFrame { settles, ..asks(&[ask(2, "client", 1)]) };
    let verdicts = session.answer(frame).unwrap().unwrap().verdicts;
    let tokens =
        Balance { limit: 100, remaining: 0, full_in_ms: 90_000, used: 150, ..Balance::default() };
    assert_eq!(verdicts[0].decision(), Decision::TpmExceeded);
    assert_eq!(verdicts[0].tokens, Some(tokens));
}

#[test]
fn a_settle_gives_back_or_charges_further_once() {
    for (used_tokens, left) in [(20, 80), (100, 0), (150, -50), (100_000_000, -1_000)] {
        let mut session = Session::new();
        session.answer(asks(&[ask(1, "client", 60)])).unwrap();
        let settle = Settle { usage: UsageSource::Anthropic.into(), ..settle(1, used_tokens) };
        let frame = FilterFrame { settles: vec![settle, settle], ..FilterFrame::default() };
        session.answer(frame).unwrap();
        assert_eq!(session.left(), (1, left), "{used_tokens} used");
    }
}

#[test]
fn a_figure_without_a_source_is_not_believed() {
    for usage in [UsageSource::None as i32, UsageSource::Encoded as i32, 77] {
        let mut session = Session::new();
        session.answer(asks(&[ask(1, "client", 60)])).unwrap();
        let outcome = Outcome::Completed.into();
        let settle = Settle {
            id: 1,
            outcome,
            duration_us: 1,
            usage,
            used_tokens: Some(5),
            ..Settle::default()
        };
        let frame = FilterFrame { settles: vec![settle], ..FilterFrame::default() };
        session.answer(frame).unwrap();
        assert_eq!(session.left(), (1, 40));
    }
}

#[test]
fn an_ask_out_of_range_is_refused_with_its_number() {
    let status = Session::new().answer(asks(&[ask(9, "client", u64::MAX)])).unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("ask 9"), "{}", status.message());
}

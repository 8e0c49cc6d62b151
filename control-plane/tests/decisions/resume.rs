//! A worker comes back on a new stream: every request ends once.

use flowguard::{decisions::Greeting, ledger::ManualClock};
use futures_util::FutureExt as _;
use limiter::UnixMillis;
use proto::decision::{Ask, Decision, FilterFrame, Hello, Resume, Settle};
use tonic::Code;

use crate::world::{NOW, Session, ask, asks, back, decisions_of, hello, ledger, settle};

/// A session whose worker has its name, and the name.
fn named() -> (Session, Vec<u8>) {
    let mut session = Session::new();
    let frame = FilterFrame { hello: Some(hello()), ..FilterFrame::default() };
    let worker = session.answer(frame).unwrap().unwrap().welcome.unwrap().worker;
    assert_eq!(worker.len(), 16);
    (session, worker)
}

/// The worker's next session, after its first frame.
fn back_on(session: Session, worker: &[u8], ids: &[u32]) -> Session {
    let ledger = session.ledger.clone();
    session.close();
    let first = back(worker, ids);
    let mut next = Session::start_on(&ledger, first.hello.as_ref().unwrap()).unwrap();
    let answer = next.answer(first).unwrap().unwrap();
    assert_eq!(answer.welcome.unwrap().worker, worker, "it keeps its name");
    next
}

fn settles(number: u64, settles: &[Settle]) -> FilterFrame {
    FilterFrame { number, settles: settles.to_vec(), ..FilterFrame::default() }
}

#[test]
fn two_workers_have_two_names() {
    assert_ne!(named().1, named().1);
}

#[test]
fn what_was_admitted_on_one_stream_is_settled_on_the_next() {
    let (mut session, worker) = named();
    session.answer(asks(&[ask(1, "client", 60)])).unwrap();
    session.session.told();
    let mut session = back_on(session, &worker, &[1]);
    assert_eq!(session.left(), (1, 40));
    session.answer(settles(1, &[settle(1, 10)])).unwrap();
    assert_eq!(session.left(), (1, 90));
    assert_eq!(session.ledger.held(), 0);
}

#[test]
fn asked_again_it_is_answered_with_what_was_decided_and_charged_once() {
    let (mut session, worker) = named();
    let frame = asks(&[ask(1, "client", 60), ask(2, "client", 60), ask(3, "nobody", 1)]);
    let first = session.answer(frame.clone()).unwrap().unwrap();
    let mut session = back_on(session, &worker, &[1, 2, 3]);
    let again = session.answer(frame).unwrap().unwrap();
    assert_eq!(decisions_of(&again), decisions_of(&first));
    assert_eq!(session.left(), (1, 40));
    let after = session.record();
    assert_eq!((after.admitted, after.tpm_dropped), (1, 1), "counted once");
}

#[test]
fn a_refusal_that_was_never_told_is_repeated_also_where_nothing_is_held() {
    let (mut session, worker) = named();
    let frame = asks(&[ask(1, "client", 101)]);
    let first = session.answer(frame.clone()).unwrap().unwrap();
    let mut session = back_on(session, &worker, &[1]);
    let again = session.answer(frame).unwrap().unwrap();
    assert_eq!(decisions_of(&again), decisions_of(&first));
    assert_eq!(session.record().tpm_dropped, 1, "counted once");
}

#[test]
fn a_refusal_is_repeated_however_often_its_stream_is_lost_before_it_is_told() {
    let (mut session, worker) = named();
    let frame = asks(&[ask(1, "client", 101), ask(2, "nobody", 1)]);
    let first = session.answer(frame.clone()).unwrap().unwrap();
    // The second stream is lost before it asks, the third one after it was answered.
    let session = back_on(session, &worker, &[1, 2]);
    let mut session = back_on(session, &worker, &[1, 2]);
    session.answer(frame.clone()).unwrap();
    let mut session = back_on(session, &worker, &[1, 2]);
    let again = session.answer(frame).unwrap().unwrap();
    assert_eq!(decisions_of(&again), decisions_of(&first));
    assert_eq!(session.record().tpm_dropped, 1, "counted once");
}

#[test]
fn of_many_lost_streams_the_newest_refusals_are_repeated_and_the_oldest_decided_anew() {
    let (mut session, worker) = named();
    let ids: Vec<u32> = (1..=17 * 64).collect();
    let frames: Vec<Vec<_>> =
        ids.chunks(64).map(|ids| ids.iter().map(|id| ask(*id, "client", 101)).collect()).collect();
    for frame in &frames {
        session.answer(asks(frame)).unwrap();
        session = back_on(session, &worker, &[]);
    }
    let mut dropped_after = |frames: &[Vec<Ask>]| {
        for frame in frames {
            session.answer(asks(frame)).unwrap();
            session.session.told();
        }
        session.record().tpm_dropped
    };
    assert_eq!(dropped_after(&frames[1..]), 17 * 64, "counted once");
    assert_eq!(dropped_after(&frames[..1]), 18 * 64, "counted anew");
}

#[test]
fn a_request_that_was_refused_and_told_so_is_another_one_when_it_asks_later() {
    let (mut session, worker) = named();
    session.answer(asks(&[ask(1, "client", 101)])).unwrap();
    session.session.told();
    let mut session = back_on(session, &worker, &[]);
    let answer = session.answer(asks(&[ask(1, "client", 100)])).unwrap().unwrap();
    assert_eq!(decisions_of(&answer), [(1, Decision::Admitted, 0)]);
}

#[test]
fn an_end_that_is_told_twice_takes_effect_once() {
    let (mut session, worker) = named();
    session.answer(asks(&[ask(1, "client", 60)])).unwrap();
    session.answer(settles(1, &[settle(1, 10)])).unwrap();
    let mut session = back_on(session, &worker, &[1]);
    session.answer(settles(2, &[settle(1, 10)])).unwrap();
    assert_eq!(session.left(), (1, 90));
    assert_eq!(session.record().tokens_used, 10);
}

#[test]
fn what_a_worker_does_not_name_is_given_back_where_it_was_never_told() {
    let (mut session, worker) = named();
    session.answer(asks(&[ask(1, "client", 60)])).unwrap();
    session.session.told();
    session.answer(asks(&[ask(2, "client", 30)])).unwrap();
    let session = back_on(session, &worker, &[]);
    assert_eq!(session.left(), (1, 40), "the first one stands");
    assert_eq!(session.ledger.held(), 0);
    assert_eq!(session.record().tokens_used, 60);
}

#[test]
fn what_a_worker_holds_waits_a_minute_for_it_and_then_stands() {
    let clock = ManualClock::at(NOW);
    let ledger = ledger(clock.clone());
    let mut session = Session::start_on(&ledger, &hello()).unwrap();
    session.answer(asks(&[ask(1, "client", 100)])).unwrap();
    session.close();
    let give_up = || ledger.give_up_on_absent_workers().now_or_never().expect("ready at once");

    clock.set(UnixMillis(NOW.0 + 59_999));
    assert_eq!(give_up(), []);
    assert_eq!(ledger.held(), 1);
    clock.set(UnixMillis(NOW.0 + 60_000));
    assert_eq!(give_up().len(), 1);
    assert_eq!(ledger.held(), 0);
    assert_eq!(ledger.snapshot("client").unwrap().record.tokens_used, 100, "and counts as used");
}

#[test]
fn a_worker_that_is_back_is_not_given_up() {
    let clock = ManualClock::at(NOW);
    let ledger = ledger(clock.clone());
    let mut session = Session::start_on(&ledger, &hello()).unwrap();
    session.answer(asks(&[ask(1, "client", 100)])).unwrap();
    let first = FilterFrame { hello: Some(hello()), ..FilterFrame::default() };
    let mut other = Session::start_on(&ledger, &hello()).unwrap();
    other.answer(first).unwrap();
    clock.set(UnixMillis(NOW.0 + 3_600_000));
    assert_eq!(ledger.give_up_on_absent_workers().now_or_never(), Some(vec![]));
    assert_eq!(ledger.held(), 1, "its stream is open");
}

#[test]
fn ends_are_acknowledged_by_the_next_answer_or_by_themselves() {
    let (mut session, _) = named();
    session.answer(asks(&[ask(1, "client", 1), ask(2, "client", 1)])).unwrap();
    assert_eq!(session.answer(settles(7, &[settle(1, 1)])).unwrap(), None);
    assert!(session.session.owes_acknowledgement());
    let answer = session.answer(asks(&[ask(3, "nobody", 1)])).unwrap().unwrap();
    assert_eq!(answer.acknowledged, 7);
    assert!(!session.session.owes_acknowledgement());

    session.answer(settles(8, &[settle(2, 1)])).unwrap();
    let alone = session.session.acknowledge().now_or_never().flatten().unwrap();
    assert_eq!((alone.acknowledged, alone.welcome, alone.verdicts), (8, None, vec![]));
    assert!(!session.session.owes_acknowledgement());
}

#[test]
fn a_worker_with_much_says_it_in_several_frames() {
    let (mut session, worker) = named();
    session.answer(asks(&[ask(1, "client", 60)])).unwrap();
    session.session.told();
    let ledger = session.ledger.clone();
    session.close();
    let mut first = back(&worker, &[5_000]);
    first.resume.as_mut().unwrap().more = true;
    let mut session = Session::start_on(&ledger, first.hello.as_ref().unwrap()).unwrap();
    assert!(session.answer(first).unwrap().unwrap().welcome.is_some());
    assert_eq!(ledger.held(), 1, "it has not said all yet");
    let rest = FilterFrame { hello: None, ..back(&worker, &[1]) };
    assert_eq!(session.answer(rest).unwrap(), None);
    assert_eq!(ledger.held(), 1, "it was named");
}

#[test]
fn a_resume_out_of_place_is_refused() {
    let (_, worker) = named();
    let resume = |ids: Vec<u32>, more| Some(Resume { ids, more });
    let unnamed = FilterFrame { hello: Some(hello()), ..FilterFrame::default() };
    for (case, first, second) in [
        ("no name", FilterFrame { resume: resume(vec![1], false), ..unnamed.clone() }, None),
        ("no resume", FilterFrame { resume: None, ..back(&worker, &[]) }, None),
        ("too many", back(&worker, &vec![1; 4_097]), None),
        (
            "asks too early",
            FilterFrame {
                resume: resume(vec![1], true),
                asks: vec![ask(1, "client", 1)],
                ..back(&worker, &[])
            },
            None,
        ),
        (
            "said twice",
            back(&worker, &[]),
            Some(FilterFrame { resume: resume(vec![], false), ..FilterFrame::default() }),
        ),
    ] {
        let hello = first.hello.clone().unwrap();
        let mut session = Session::start(&hello).unwrap();
        let refused = match second {
            None => session.answer(first),
            Some(second) => {
                session.answer(first).unwrap();
                session.answer(second)
            }
        };
        assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument, "{case}");
        assert_eq!(session.record().admitted, 0, "{case}");
    }
}

#[test]
fn a_name_of_another_length_is_refused() {
    for bytes in [1, 15, 17] {
        let hello = Hello { worker: vec![7; bytes], ..hello() };
        let refused = Session::start(&hello).err().expect("refused");
        assert_eq!(refused.code(), Code::InvalidArgument);
    }
}

#[test]
fn a_stream_that_comes_after_a_newer_one_of_its_worker_is_refused() {
    let (session, worker) = named();
    let ledger = session.ledger.clone();
    let stream = |stream| {
        let hello = Hello { stream, ..back(&worker, &[]).hello.unwrap() };
        Greeting::read(Some(&hello)).unwrap().check_newest(&ledger)
    };
    assert!(stream(3).is_ok());
    assert_eq!(stream(2).unwrap_err().code(), Code::Aborted);
    session.close();
    assert_eq!(stream(2).unwrap_err().code(), Code::Aborted, "also when the newer one has ended");
    assert!(stream(4).is_ok());
}

//! Whatever a filter sends, its frame is taken whole or refused whole, and no balance is ever beyond
//! what it can be.

use proptest::{collection::vec, option, prelude::*};
use prost::Message as _;
use proto::decision::{Ask, Drop, FilterFrame, Hello, Settle, ask::Who};

use crate::world::Session;

/// Few ids, so that frames speak of the same requests.
const IDS: u32 = 6;

/// Mostly what can be, and what cannot.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..200_u64, any::<u64>(), Just(1_000_000_000_000), Just(u64::MAX)]
}

fn client() -> impl Strategy<Value = String> {
    prop_oneof![Just("client".to_owned()), Just(String::new()), "\\PC{0,12}"]
}

fn who() -> impl Strategy<Value = Option<Who>> {
    let digest = prop_oneof![9 => vec(any::<u8>(), 32), 1 => vec(any::<u8>(), 0..40)];
    prop_oneof![
        8 => client().prop_map(|id| Some(Who::ClientId(id))),
        2 => client().prop_map(|text| Some(Who::Identity(text))),
        2 => digest.prop_map(|digest| Some(Who::Key(digest))),
        1 => Just(None),
    ]
}

prop_compose! {
    fn ask()(
        id in 0..IDS,
        who in who(),
        tokens in option::of(prop_oneof![0..200_u64, Just(1_000_000_000_000)]),
        kind in -1..5_i32,
        model in prop_oneof![Just(String::new()), Just("a/b:c".to_owned()), "\\PC{0,3}"],
    ) -> Ask {
        Ask { id, who, tokens, kind, model }
    }
}

prop_compose! {
    fn settle()(
        id in 0..IDS,
        outcome in -1..8_i32,
        duration_us in number(),
        usage in -1..13_i32,
        used_tokens in option::of(number()),
        observed_tokens in number(),
        upstream_status in option::of(0..1_100_u32),
        cut_by_upstream: bool,
    ) -> Settle {
        Settle {
            id,
            outcome,
            duration_us,
            usage,
            used_tokens,
            observed_tokens,
            upstream_status,
            cut_by_upstream,
        }
    }
}

prop_compose! {
    fn drop_report()(
        client_id in client(),
        decision in -1..7_i32,
        requests in 0..20_u32,
        limit in prop_oneof![Just(String::new()), Just("org".to_owned()), "\\PC{0,3}"],
    ) -> Drop {
        Drop { client_id, decision, requests, limit }
    }
}

prop_compose! {
    fn frame()(
        hello in prop_oneof![9 => Just(None), 1 => Just(Some(Hello::default()))],
        asks in vec(ask(), 0..4),
        settles in vec(settle(), 0..4),
        cancels in vec(0..IDS, 0..4),
        drops in vec(drop_report(), 0..2),
    ) -> FilterFrame {
        FilterFrame { hello, asks, settles, cancels, drops, ..FilterFrame::default() }
    }
}

/// What a client of 2 requests and 100 tokens can have, ten minutes of debt included.
fn check_balance(session: &Session) -> Result<(), TestCaseError> {
    let (requests, tokens) = session.left();
    prop_assert!((0..=2).contains(&requests), "{requests} requests");
    prop_assert!((-1_000..=100).contains(&tokens), "{tokens} tokens");
    Ok(())
}

proptest! {
    #[test]
    fn any_frames_leave_a_balance_that_can_be(frames in vec(frame(), 1..20)) {
        let mut session = Session::new();
        for frame in frames {
            let (asks, before) = (frame.asks.len(), session.record().admitted);
            if let Ok(answer) = session.answer(frame) {
                prop_assert_eq!(answer.map_or(0, |answer| answer.verdicts.len()), asks);
            } else {
                prop_assert_eq!(session.record().admitted, before, "a part was charged");
            }
            check_balance(&session)?;
        }
    }

    #[test]
    fn any_bytes_that_are_a_frame_are_answered_or_refused(
        start in frame(),
        edits in vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
    ) {
        let mut bytes = start.encode_to_vec();
        for (at, byte) in edits {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        let mut session = Session::new();
        if let Ok(frame) = FilterFrame::decode(&*bytes) {
            // Refused or not, the next frame is taken.
            let _ = session.answer(frame);
        }
        prop_assert!(session.answer(FilterFrame::default()).is_ok());
        check_balance(&session)?;
    }
}

//! What is read and written, and what a batch takes.

use std::num::NonZeroU64;

use fastrand::Rng;
use flowguard::store::shared::{
    BUCKETS_MAX, Batch, BatchError, CHARGES_MAX, Decide, Demand, Exact, NOTE_LEN_MAX, Opening,
    Operation, RawReply, Reply, Told, UnreadableValue, VALUE_LEN, Value, Wanted,
};
use harness::random::with_a_new_seed;
use limiter::{Tokens, UnixMillis};

use crate::{chance::quota, world::exact};

fn told(chance: &mut Rng) -> Told {
    let (epoch, revision) = (exact(chance.u64(..1 << 53)), chance.u32(..));
    Told { epoch, revision, since: exact(0), quota: quota(chance) }
}

/// A bucket of which something was taken, perhaps more than it had.
fn value(chance: &mut Rng) -> Value {
    let mut value = Value::full(&told(chance), UnixMillis(chance.u64(..1 << 53)));
    let used = Tokens::new(chance.u64(..=limiter::AMOUNT_MAX)).expect("at most the largest");
    let nothing = limiter::Charge::of(Tokens::ZERO, NonZeroU64::MIN, 0);
    value.bucket.settle(nothing, used, value.bucket.level().refilled_at);
    value
}

#[test]
fn a_bucket_is_read_as_it_was_written() {
    let chance = &mut with_a_new_seed();
    for _ in 0..2_000 {
        let value = value(chance);
        assert_eq!(Value::try_from(value.to_bytes().as_slice()), Ok(value));
    }
}

#[test]
fn bytes_that_are_no_bucket_are_told_from_one() {
    let chance = &mut with_a_new_seed();
    let bytes = value(chance).to_bytes();
    for len in (0..VALUE_LEN).chain([VALUE_LEN + 1]) {
        let cut: Vec<_> = bytes.iter().copied().cycle().take(len).collect();
        assert_eq!(Value::try_from(cut.as_slice()), Err(UnreadableValue::Length(len)));
    }
    for format in (0..=u8::MAX).filter(|format| *format != 1) {
        let mut other = bytes;
        other[0] = format;
        assert_eq!(Value::try_from(other.as_slice()), Err(UnreadableValue::Format(format)));
    }
    for double in [f64::NAN, f64::INFINITY, -1.0, 0.5, 9_007_199_254_740_992.0] {
        for place in 0..6 {
            let mut other = bytes;
            other[1 + 8 * place..][..8].copy_from_slice(&double.to_le_bytes());
            assert_eq!(Value::try_from(other.as_slice()), Err(UnreadableValue::Numbers));
        }
    }
}

#[test]
fn any_bytes_are_an_answer_or_none_and_those_that_are_read_are_replayed() {
    let chance = &mut with_a_new_seed();
    let mut batch = Batch::default();
    let bucket = batch.bucket(b"bucket", told(chance), None).expect("room");
    let wanted = Wanted::Tokens(bucket, Tokens::ONE);
    let demands = [Demand { wanted, is_watched: false }].into_iter().collect();
    batch.push(Operation::Decide(Decide { demands, ..Decide::default() })).expect("room");
    let right = RawReply {
        now: 1_700_000_000_000,
        verdicts: vec![1, 1, 0],
        before: vec![0; VALUE_LEN],
        after: value(chance).to_bytes().to_vec(),
        ..RawReply::default()
    };
    assert!(Reply::read(&right, &batch).is_ok());
    for _ in 0..5_000 {
        let mut raw = right.clone();
        let parts = [&mut raw.verdicts, &mut raw.before, &mut raw.after, &mut raw.taken];
        for part in parts {
            match chance.u8(..6) {
                0 => part.truncate(chance.usize(..=part.len())),
                1 => part.push(chance.u8(..)),
                2..4 if !part.is_empty() => {
                    let place = chance.usize(..part.len());
                    part[place] = chance.u8(..);
                }
                _ => {}
            }
        }
        if chance.bool() {
            raw.now = chance.i64(..);
        }
        if let Ok(reply) = Reply::read(&raw, &batch) {
            // Whether it is equal or not: it is told, and nothing panics.
            let replay = flowguard::store::shared::Replay::of(&batch, &reply);
            let _ = replay.and_then(flowguard::store::shared::Replay::finish);
        }
    }
}

#[test]
fn a_number_that_a_double_does_not_hold_is_refused() {
    assert!(Exact::try_from((1_u64 << 53) - 1).is_ok());
    assert_eq!(
        Exact::try_from(1_u64 << 53).expect_err("too large").to_string(),
        "must be an integer from 0 to 9007199254740991"
    );
}

#[test]
fn a_call_has_bounds_and_what_is_beyond_them_is_for_the_next_one() {
    let chance = &mut with_a_new_seed();
    let told = told(chance);
    let mut batch = Batch::default();
    let mut buckets = Vec::new();
    for number in 0..BUCKETS_MAX {
        buckets.push(batch.bucket(format!("{number}").as_bytes(), told, None).expect("room"));
    }
    assert_eq!(batch.bucket(b"one more", told, None), Err(BatchError::Full));
    assert_eq!(batch.bucket(b"0", told, None), Ok(buckets[0]), "it is listed already");

    let ask = |count: usize| {
        let demands = buckets.iter().take(count).map(|bucket| Demand {
            wanted: Wanted::Tokens(*bucket, Tokens::ONE),
            is_watched: false,
        });
        Operation::Decide(Decide { demands: demands.collect(), ..Decide::default() })
    };
    assert_eq!(batch.push(ask(17)), Err(BatchError::Demands));
    for _ in 0..CHARGES_MAX / 16 {
        batch.push(ask(16)).expect("room");
    }
    assert_eq!(batch.push(ask(1)), Err(BatchError::Full));
}

#[test]
fn an_operation_is_of_distinct_buckets_of_its_own_batch() {
    let chance = &mut with_a_new_seed();
    let (one, two) = (told(chance), told(chance));
    let mut batch = Batch::default();
    let bucket = batch.bucket(b"one", one, None).expect("room");
    let demand = Demand { wanted: Wanted::Tokens(bucket, Tokens::ONE), is_watched: false };
    let twice = Decide { demands: [demand, demand].into_iter().collect(), ..Decide::default() };
    assert_eq!(batch.push(Operation::Decide(twice)), Err(BatchError::Demands));

    let mut other = Batch::default();
    other.bucket(b"one", one, None).expect("room");
    let foreign = other.bucket(b"two", two, None).expect("room");
    let charge = Operation::Charge { bucket: foreign, tokens: Tokens::ONE };
    assert_eq!(batch.push(charge), Err(BatchError::NotListed));

    let worker = batch.worker(b"worker", Exact::from(1)).expect("room");
    let opening = |len| Some(Opening { worker, request: 1, note: vec![0; len] });
    let long = Decide { opening: opening(NOTE_LEN_MAX + 1), ..Decide::default() };
    assert_eq!(batch.push(Operation::Decide(long)), Err(BatchError::TooLong));
    let longest = Decide { opening: opening(NOTE_LEN_MAX), ..Decide::default() };
    assert_eq!(batch.push(Operation::Decide(longest)), Ok(()));
}

//! Any bytes as the answer of a shared store's script: they are read or refused, and what is read is
//! replayed to its end, equal or not.

use std::num::NonZeroU64;

use flowguard::store::shared::{
    Batch, Correction, Decide, Demand, End, Exact, Opening, Operation, RawReply, Replay, Reply,
    Told, VALUE_LEN, Value, Wanted,
};
use limiter::{Charge, Quota, Tokens, UnixMillis, Window};

const BUCKETS: usize = 2;
const OPERATIONS: usize = 3;

/// Takes the parts of an answer from `bytes`, each as long as it has to be while there are any.
pub fn check(bytes: &[u8]) {
    let batch = batch();
    let mut left = bytes;
    let mut take = |len: usize| {
        let (part, rest) = left.split_at(len.min(left.len()));
        left = rest;
        part.to_vec()
    };
    let now = take(8);
    let raw = RawReply {
        now: now.first_chunk().map_or(0, |now| i64::from_le_bytes(*now)),
        verdicts: take(3 * OPERATIONS),
        before: take(VALUE_LEN * BUCKETS),
        after: take(VALUE_LEN * BUCKETS),
        taken: take(8),
        news: take(1),
    };
    let Ok(reply) = Reply::read(&raw, &batch) else { return };
    for value in reply.before.iter().flatten().chain(&reply.after) {
        let read = Value::try_from(value.to_bytes().as_slice());
        assert_eq!(read, Ok(*value), "a bucket that was read is written as it was");
        // A line, a wait and a balance are made of it.
        let _ = value.bucket.balance(reply.now).full_in_ms();
    }
    let Ok(mut again) = Replay::of(&batch, &reply) else { return };
    while let Some(step) = again.step() {
        if step.is_err() {
            return;
        }
    }
    let _ = again.finish();
}

/// One of each operation, over one of each thing that they can be on.
fn batch() -> Batch {
    let quota = |amount| Quota::new(amount, Window::MINUTE, Some(7)).expect("a quota");
    let told = |amount, revision| Told {
        epoch: Exact::from(1),
        revision,
        since: Exact::from(5),
        quota: quota(amount),
    };
    let mut batch = Batch::default();
    let one = batch.bucket(b"one", told(10, 3), None).expect("room");
    let seen = Value::full(&told(10, 2), UnixMillis(7));
    let other = batch.bucket(b"other", told(1_000, 1), Some(seen)).expect("room");
    let most = NonZeroU64::MIN;
    let word = batch.word(b"places", most, b"worker", (Exact::from(1), 0)).expect("room");
    let worker = batch.worker(b"open", Exact::from(1)).expect("room");
    let demand = |wanted, is_watched| Demand { wanted, is_watched };
    let demands = [
        demand(Wanted::Tokens(one, Tokens::of::<3>()), false),
        demand(Wanted::Tokens(other, Tokens::ONE), true),
        demand(Wanted::Place(word), false),
    ];
    let opening = Some(Opening { worker, request: 1, note: Vec::new() });
    let demands = demands.into_iter().collect();
    let burst = NonZeroU64::new(5).expect("not 0");
    let correction = Correction {
        bucket: other,
        charge: Charge::of(Tokens::of::<4>(), burst, 0),
        epoch: Exact::from(1),
        used: Tokens::ONE,
    };
    let corrections = [correction].into_iter().collect();
    for operation in [
        Operation::Decide(Decide { demands, opening }),
        Operation::End(End { worker, request: 2, corrections }),
        Operation::Charge { bucket: one, tokens: Tokens::of::<9>() },
    ] {
        batch.push(operation).expect("room");
    }
    batch
}

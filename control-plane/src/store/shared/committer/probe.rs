//! A request of nobody: whether a store does what any other asks of it.

use std::num::NonZeroU64;

use limiter::{Quota, Tokens, Window};
use smallvec::SmallVec;

use crate::store::shared::{Batch, Decide, Demand, End, Exact, Opening, Operation, Told, Wanted};

/// The request of this number, which ends at once. Its keys end with the name of whoever asks.
pub(super) fn batch(number: u32, name: &[u8; 16]) -> Option<Batch> {
    let mut batch = Batch::default();
    let zero = Exact::default();
    // Any would do: nothing is taken of it.
    let quota = Quota::new(1, Window::MINUTE, None).ok()?;
    let told = Told { epoch: zero, revision: 0, since: zero, quota };
    let bucket = batch.bucket(b"probe:bucket", told, None).ok()?;
    let said = Exact::try_from(u64::from(number)).ok()?;
    batch.word(b"probe:places", NonZeroU64::MIN, name, (said, 0)).ok()?;
    let worker = batch.worker(&[b"probe:open:".as_slice(), name].concat(), zero).ok()?;
    let request = number;
    let wanted = Wanted::Tokens(bucket, Tokens::ZERO);
    let decide = Decide {
        demands: [Demand { wanted, is_watched: false }].into_iter().collect(),
        opening: Some(Opening { worker, request, note: Vec::new() }),
    };
    batch.push(Operation::Decide(decide)).ok()?;
    let corrections = SmallVec::new();
    batch.push(Operation::End(End { worker, request, corrections })).ok()?;
    Some(batch)
}

//! A call by which a worker's requests are taken over, read once more by what its script's comments say.

use super::call::worker_of;
use crate::redis::{Call, Reply};

/// A worker, and the number of the stream on which it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Takeover {
    pub(super) worker: u128,
    pub(super) stream: u64,
}

impl Takeover {
    /// Reads a call of that script; `None`: it is another's, or came too late.
    pub(super) fn read(call: &Call) -> Option<Self> {
        let ([whereabouts, open], [stream, _, _, _], Reply::List(_)) =
            (&*call.keys, &*call.arguments, &call.reply)
        else {
            return None;
        };
        let name = whereabouts.len().checked_sub(16)?;
        if !whereabouts[..name].ends_with(b"at:") {
            return None;
        }
        let stream = f64::from_le_bytes(stream.as_slice().try_into().ok()?);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a stream's number is small"
        )]
        let stream = stream as u64;
        Some(Self { worker: worker_of(open), stream })
    }
}

//! The store that any number of control planes share: one script on Redis or Valkey decides, whoever
//! asks, and each control plane explains to itself what it decided.
//!
//! What is asked together is a [`Batch`]: buckets, places, open requests and tallies, and operations
//! on them in order. The script carries it out whole, under the server's time, and answers with what
//! it found and what it left ([`Reply`]). [`Replay`] does the same once more with `limiter`, which
//! knows the waits that a script need not compute, and finds the two equal to the unit.
//!
//! Nothing here knows whose limits these are, and only [`client`] knows how a server is spoken to.

pub mod client;
pub mod script;

mod batch;
mod exact;
mod operation;
mod replay;
mod reply;
mod value;
mod wire;

pub use batch::{BUCKETS_MAX, Batch, BatchError, CHARGES_MAX, NOTE_LEN_MAX, OPERATIONS_MAX};
pub use exact::{Exact, Inexact};
pub use operation::{
    BucketIndex, Correction, CounterIndex, Decide, Demand, End, Opening, Operation, Tallies, Tally,
    Wanted, WordIndex, WorkerIndex,
};
pub use replay::{Charged, Mismatch, Replay, Step};
pub use reply::{RawReply, Reply, ReplyError, Verdict};
pub use value::{Told, UnreadableValue, VALUE_LEN, Value};

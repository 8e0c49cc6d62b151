//! The store that any number of control planes share: one script on Redis or Valkey decides, whoever
//! asks, and each control plane explains to itself what it decided.

pub mod client;
pub mod script;

mod batch;
mod clock;
mod committer;
mod config;
mod configuration;
mod counted;
mod exact;
mod keys;
mod lineage;
mod link;
mod local;
mod look;
mod metrics;
mod operation;
mod presence;
mod receipt;
mod replay;
mod reply;
mod seen;
mod space;
mod store;
mod sweep;
mod takeover;
mod unreadable;
mod url;
mod url_error;
mod value;
mod wire;
mod wish;

pub use batch::{BUCKETS_MAX, Batch, BatchError, CHARGES_MAX, NOTE_LEN_MAX, OPERATIONS_MAX};
pub use clock::ClockDifference;
pub use committer::Committer;
pub use config::{Config, StoreFailureMode};
pub use configuration::SharedConfiguration;
pub use counted::GONE;
pub use exact::{Exact, Inexact};
pub use keys::{LIMIT_TALLIES_KEY, TALLIES_KEY};
pub use lineage::Lineage;
pub use link::Link;
pub use look::Looked;
pub use metrics::StoreMetrics;
pub use operation::{
    BucketIndex, Correction, Decide, Demand, End, Opening, Operation, Wanted, WordIndex,
    WorkerIndex,
};
pub use presence::{Name, Presence};
pub use receipt::{Receipt, Receipts};
pub use replay::{Charged, Mismatch, Replay, Step};
pub use reply::{RawReply, Reply, ReplyError, Verdict};
pub use space::{Import, SpaceError, Standing};
pub use store::SharedStore;
pub use sweep::STEP_INTERVAL;
pub use takeover::{TakenOver, Takeover};
pub use url::{Server, StoreUrl, Topology};
pub use url_error::StoreUrlError;
pub use value::{Told, UnreadableValue, VALUE_LEN, Value};
pub use wish::{
    ChargeWish, DecideWish, Decided, DemandWish, Done, EndWish, Hold, RequestName, Stands, Thing,
    Unavailable, Wish, WorkerName,
};

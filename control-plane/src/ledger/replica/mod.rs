//! The ledger of a process that shares its balances with others: the store decides, and what it decided
//! is explained here.
//!
//! What applies to a request, what it costs and how it is answered is this process' to know; what is
//! left of each bucket is not. A request that is admitted is kept by the store until it ends, so that
//! its worker may come back to any of the processes.

mod asked;
mod decide;
mod end;
mod everywhere;
mod explain;
mod limit_tallies;
mod move_in;
mod names;
mod note;
mod outlook;
mod refresh;
mod renamed;
mod resume;
mod sweep;
mod tallies;

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use smallvec::SmallVec;

pub use move_in::MovedIn;

use super::{Worker, WorkerId};
use crate::store::shared::{Hold, SharedStore, WorkerName};
use limit_tallies::ToldOfLimits;
use renamed::Renamed;
use tallies::Untold;

/// What a process knows that has its balances in a shared store.
#[derive(Debug)]
pub(super) struct Replica {
    store: SharedStore,
    /// Whether a request passes that the store does not decide.
    fails_open: bool,
    /// What open requests hold there.
    holds: Mutex<HashMap<(WorkerId, u32), Holds>>,
    /// This process' own name among those that share the store.
    name: Vec<u8>,
    untold: Mutex<Untold>,
    told_of_limits: Mutex<ToldOfLimits>,
    renamed: Mutex<Renamed>,
}

/// What a request holds, as if all of it were given back.
type Holds = SmallVec<[(Of, Hold); 2]>;

/// Whether a charge is of requests or of tokens, for that decides how it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Requests,
    Tokens,
    Places,
}

impl Replica {
    pub(super) fn new(store: SharedStore, fails_open: bool) -> Self {
        let name = rand::random::<u128>().to_be_bytes().to_vec();
        Self {
            store,
            fails_open,
            holds: Mutex::default(),
            name,
            untold: Mutex::default(),
            told_of_limits: Mutex::default(),
            renamed: Mutex::default(),
        }
    }
}

/// A worker as the store knows it.
fn worker_name(worker: &Worker) -> Arc<WorkerName> {
    let name = worker.id().0.to_be_bytes();
    let mut key = b"w:".to_vec();
    key.extend(name);
    Arc::new(WorkerName { key, name, stream: worker.newest_stream() })
}

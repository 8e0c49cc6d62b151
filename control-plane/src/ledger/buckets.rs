//! What the ledger tells of a limit's buckets.
//!
//! What the operator's calls need of the ledger besides clients: `put_rules` puts all limits and
//! models in force at once, `limits` and `models` hand out what was put there last, `limit_stats`
//! tells of a limit and a few of its buckets, and a client's snapshot of the limits that apply to it.
//!
//! A write of clients and limits at once comes as the rules first and then client by client. Until the
//! last of them a client of before can have more buckets than either configuration gives it.

use limiter::ClientId;

use crate::limits::{Group, Limit, ModelName, Name};

/// Which of a limit's buckets is meant: by the values of what it has one for each of. They are in the
/// order of their clients, groups, plans and models.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct BucketOf {
    /// Of which client.
    pub client: Option<ClientId>,
    /// Of which group.
    pub group: Option<Group>,
    /// Of which plan.
    pub plan: Option<Name>,
    /// For which model.
    pub model: Option<ModelName>,
}

/// How one bucket of a limit stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketStanding {
    /// Which one.
    pub of: BucketOf,
    /// Whole requests, tokens or places that are left.
    pub remaining: u64,
    /// The same of the number on trial; `None`: there is none.
    pub trial_remaining: Option<u64>,
}

/// How a limit stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitStats {
    /// As it is configured.
    pub limit: Limit,
    /// Requests that it refused.
    pub refused: u64,
    /// Requests that it would have refused in shadow or by the number on trial.
    pub would_refuse: u64,
    /// Some of its buckets.
    pub buckets: Vec<BucketStanding>,
}

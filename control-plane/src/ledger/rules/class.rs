//! Clients that are under the same limits.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use arc_swap::{ArcSwap, Guard};
use limiter::ClientId;

use super::Applied;
use crate::limits::{Group, Name, Subject};

/// What clients of one class have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::ledger) struct ClassKey {
    pub(in crate::ledger) group: Option<Group>,
    pub(in crate::ledger) plan: Option<Name>,
    /// A client that some limit is for is a class by itself, and so is the one that stands for all
    /// that are not configured.
    pub(super) client: Option<ClientId>,
}

/// A class, and which limits apply to its clients' requests.
#[derive(Debug)]
pub(in crate::ledger) struct Class {
    pub(super) key: Arc<ClassKey>,
    applied: ArcSwap<Applied>,
    /// Whether any limit does. Most classes have none, and to look at the list costs as much as the
    /// decision over one bucket.
    is_limited: AtomicBool,
}

impl ClassKey {
    pub(super) fn of(subject: &Subject<'_>, is_named: bool) -> Self {
        let is_by_itself = is_named || subject.client.is_reserved();
        Self {
            group: subject.group.cloned(),
            plan: subject.plan.cloned(),
            client: is_by_itself.then(|| subject.client.clone()),
        }
    }

    /// What its clients' requests are known by; `nobody` stands for a client that no limit is for.
    pub(super) fn subject<'a>(&'a self, nobody: &'a ClientId) -> Subject<'a> {
        Subject {
            client: self.client.as_ref().unwrap_or(nobody),
            group: self.group.as_ref(),
            plan: self.plan.as_ref(),
        }
    }
}

impl Class {
    pub(super) fn new(key: ClassKey, applied: Applied) -> Self {
        let is_limited = AtomicBool::new(!applied.is_empty());
        Self { key: Arc::new(key), applied: ArcSwap::from_pointee(applied), is_limited }
    }

    /// What requests of `client`, which is one of them, are known by.
    pub(in crate::ledger) fn subject<'a>(&'a self, client: &'a ClientId) -> Subject<'a> {
        let ClassKey { group, plan, client: _ } = &*self.key;
        Subject { client, group: group.as_ref(), plan: plan.as_ref() }
    }

    /// What its clients have in common.
    pub(in crate::ledger) fn key(&self) -> Arc<ClassKey> {
        Arc::clone(&self.key)
    }

    /// Which limits apply now, to be kept for as long as a store takes to answer.
    pub(in crate::ledger) fn applied_now(&self) -> Arc<Applied> {
        self.applied.load_full()
    }

    /// Which limits apply now; `None`: none does.
    #[inline]
    pub(in crate::ledger) fn applied(&self) -> Option<Guard<Arc<Applied>>> {
        self.is_limited.load(Ordering::Acquire).then(|| self.applied.load())
    }

    pub(super) fn apply(&self, applied: Applied) {
        let is_limited = !applied.is_empty();
        self.applied.store(Arc::new(applied));
        self.is_limited.store(is_limited, Ordering::Release);
    }
}

//! What the store keeps of an open request, so that any control plane can end it.

use std::{borrow::Cow, num::NonZeroU64};

use limiter::{Charge, ClientId, Quota, Tokens, Window};
use serde::{Deserialize, Serialize};

use super::{Holds, Of};
use crate::{
    ledger::RequestKind,
    store::shared::{Exact, Hold, Thing, Told},
};

/// What is kept of a request.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Note<'a> {
    format: u8,
    #[serde(borrow)]
    pub(super) client: Cow<'a, str>,
    kind: u8,
    reserved: u64,
    #[serde(borrow)]
    demands: Vec<NotedDemand<'a>>,
}

const FORMAT: u8 = 1;

/// One limit of it, whether it was charged or not.
#[derive(Debug, Serialize, Deserialize)]
struct NotedDemand<'a> {
    of: u8,
    #[serde(borrow)]
    key: Cow<'a, [u8]>,
    /// `None`: a place.
    told: Option<NotedTold>,
    /// The tokens, or how many places there are.
    amount: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct NotedTold {
    epoch: u64,
    revision: u32,
    since: u64,
    amount: u64,
    burst: u64,
    window_s: u32,
}

impl<'a> Note<'a> {
    pub(super) fn of(
        client: &'a ClientId,
        kind: RequestKind,
        reserved: Tokens,
        demands: impl Iterator<Item = (Of, &'a Thing)>,
    ) -> Self {
        let demands = demands.map(|(of, thing)| {
            let (key, told, amount) = match thing {
                Thing::Tokens(key, told, cost) => (key, Some(NotedTold::of(told)), cost.get()),
                Thing::Place(key, max) => (key, None, max.get()),
            };
            let of = match of {
                Of::Requests => 0,
                Of::Tokens => 1,
                Of::Places => 2,
            };
            NotedDemand { of, key: Cow::Borrowed(key), told, amount }
        });
        Self {
            format: FORMAT,
            client: Cow::Borrowed(client.as_str()),
            kind: match kind {
                RequestKind::Generates => 0,
                RequestKind::Reads => 1,
                RequestKind::Counts => 2,
            },
            reserved: reserved.get(),
            demands: demands.collect(),
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        // It writes to memory, and knows all that a note is made of.
        postcard::to_allocvec(self).unwrap_or_default()
    }

    /// The note in these bytes; `None`: it is of a version that is not known here.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok().filter(|note: &Self| note.format == FORMAT)
    }

    pub(super) fn kind(&self) -> Option<RequestKind> {
        match self.kind {
            0 => Some(RequestKind::Generates),
            1 => Some(RequestKind::Reads),
            2 => Some(RequestKind::Counts),
            _ => None,
        }
    }

    pub(super) fn reserved(&self) -> Option<Tokens> {
        Tokens::new(self.reserved).ok()
    }

    /// What the request holds, of which demands `charged` has a bit each.
    pub(super) fn holds(&self, charged: u16) -> Option<Holds> {
        let is_charged = |index: usize| index < 16 && charged & (1 << index) != 0;
        let demands = self.demands.iter().enumerate().filter(|(index, _)| is_charged(*index));
        demands.map(|(_, demand)| demand.hold()).collect()
    }
}

impl NotedDemand<'_> {
    fn hold(&self) -> Option<(Of, Hold)> {
        let of = match self.of {
            0 => Of::Requests,
            1 => Of::Tokens,
            2 => Of::Places,
            _ => return None,
        };
        let key = (*self.key).into();
        let Some(told) = &self.told else {
            return Some((of, Hold::Place(key, NonZeroU64::new(self.amount)?)));
        };
        let told = told.told()?;
        let tokens = Tokens::new(self.amount).ok()?;
        let charge = Charge::of(tokens, NonZeroU64::new(told.quota.burst())?, told.revision);
        let epoch = told.epoch;
        Some((of, Hold::Tokens { key, told, charge, epoch, used: tokens }))
    }
}

impl NotedTold {
    fn of(told: &Told) -> Self {
        Self {
            epoch: told.epoch.get(),
            revision: told.revision,
            since: told.since.get(),
            amount: told.quota.amount(),
            burst: told.quota.burst(),
            window_s: told.quota.window().secs(),
        }
    }

    fn told(&self) -> Option<Told> {
        let window = Window::from_secs(self.window_s).ok()?;
        Some(Told {
            epoch: Exact::try_from(self.epoch).ok()?,
            revision: self.revision,
            since: Exact::try_from(self.since).ok()?,
            quota: Quota::new(self.amount, window, Some(self.burst)).ok()?,
        })
    }
}

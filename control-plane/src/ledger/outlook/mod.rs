//! What would be decided over a request now, and why: read of the same buckets and judged by the same
//! rule as a request that comes. Nothing is charged, counted, noted or made by it.

mod here;
mod judge;
mod standing;

use limiter::{Balance, Places, Tokens, Wait};

use super::{Ask, BucketOf, Refusal, RequestKind, UnknownClients};
use crate::limits::{Each, LimitKey, LimitMode, Match, Measure, ModelName};
pub(super) use here::model_of;
pub(super) use judge::Seen;
pub(super) use standing::Standing;

/// A request that nobody makes: one that generates tokens, by a filter that enforces.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The client's id, as the request would have it.
    pub client: &'a str,
    /// Its own estimate, if it had one.
    pub tokens: Option<Tokens>,
    /// The model that it would name.
    pub model: Option<&'a str>,
}

/// What would be decided over it.
#[derive(Clone, Debug)]
pub struct Outlook {
    /// As whom it would count.
    pub asker: Asker,
    /// The model that it would be for.
    pub model: ModelName,
    /// The tokens that it would reserve; `None`: it is denied before that is known.
    pub reserves: Option<Tokens>,
    /// Whether it would pass.
    pub verdict: Verdict,
    /// The limits that apply to it, also those that refuse nothing: in the order in which a refusal
    /// names them.
    pub limits: Vec<LimitOutlook>,
}

/// As whom a request counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// As a client that is configured.
    Configured {
        /// Whether it is limited.
        is_enabled: bool,
    },
    /// As one of those that are not.
    Unknown(UnknownClients),
}

/// What would become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It would pass.
    Passes,
    /// Limits would refuse it, of which one is named. It would wait so long if nobody else asked.
    Refused(Refusal),
    /// The id is not configured, and such clients are denied.
    Denied,
}

/// One limit of the request, or its number on trial.
#[derive(Clone, Debug)]
pub struct LimitOutlook {
    /// What it is called.
    pub limit: LimitKey,
    /// What it limits, and to how much.
    pub measure: Measure,
    /// Whether it is in force. A client's own limits are off while the client is not enabled.
    pub mode: LimitMode,
    /// Whether this is the limit's second number, which refuses nothing.
    pub is_trial: bool,
    /// By which rule it applies.
    pub applies: Applies,
    /// What is left; `None`: nobody keeps that of a limit that is off.
    pub left: Option<LimitLeft>,
    /// How long the request would have to wait if this were its only limit, and refused; `None`: it is
    /// covered, or the limit is off.
    pub wait: Option<Wait>,
}

/// What is left of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitLeft {
    /// Of a window.
    Window(Balance),
    /// Of requests at a time.
    Places(Places),
}

/// Why a limit applies to a request, and which of its buckets it draws on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applies {
    /// It is the client's own.
    Own,
    /// It is of all together who are not configured.
    Unknown,
    /// The request matches it.
    Rule {
        /// Which requests it is for.
        matches: Match,
        /// Which of them share a bucket.
        each: Each,
        /// Which of its buckets it is.
        bucket: BucketOf,
    },
}

impl Question<'_> {
    fn ask(&self) -> Ask<'_> {
        let Self { client, tokens, model } = *self;
        Ask { id: 0, client, estimate: tokens, kind: RequestKind::Generates, model }
    }
}

impl LimitOutlook {
    /// Whether it refuses requests.
    pub fn is_enforced(&self) -> bool {
        self.mode == LimitMode::Enforce && !self.is_trial
    }

    /// Whether it covers the request; `None`: it is off.
    pub fn covers(&self) -> Option<bool> {
        (self.mode != LimitMode::Off).then_some(self.wait.is_none())
    }
}

impl LimitLeft {
    /// Whole requests, tokens or places, rounded down: negative when in debt, or when there are more
    /// requests than places since there are fewer of these.
    pub fn whole(self) -> i64 {
        match self {
            Self::Window(balance) => balance.whole(),
            Self::Places(places) => {
                let whole = |number| i64::try_from(number).unwrap_or(i64::MAX);
                whole(places.max().get()).saturating_sub(whole(places.taken()))
            }
        }
    }

    /// How many requests have a place; `None`: there are none to have.
    pub fn taken(self) -> Option<u64> {
        match self {
            Self::Window(_) => None,
            Self::Places(places) => Some(places.taken()),
        }
    }
}

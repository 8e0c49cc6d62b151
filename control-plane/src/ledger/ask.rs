//! What a request asks, and what it is answered.

use limiter::{Balance, Tokens, Wait};

use crate::limits::LimitKey;

/// One request, as it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask<'a> {
    /// The request's number among those of its worker. Asked again while the request is under way, it
    /// is answered with what was decided.
    pub id: u32,
    /// The client's id, as the request has it.
    pub client: &'a str,
    /// The request's own estimate, when it has one.
    pub estimate: Option<Tokens>,
    /// What it is for.
    pub kind: RequestKind,
    /// The model that it names, as the request has it.
    pub model: Option<&'a str>,
}

/// What a request is for, as its method and path tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// It may use tokens.
    Generates,
    /// It reads, lists or deletes what is there.
    Reads,
    /// It counts the tokens that another request would use.
    Counts,
}

/// The answer to one ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It passes, and was charged.
    Admitted {
        /// The tokens that it reserved.
        reserved: Tokens,
        /// Whether its end is waited for. Where there are too many, its charge stands.
        is_followed: bool,
        /// Whether the client is configured, and has limits of its own.
        is_configured: bool,
        /// How little is left now.
        tightest: Tightest,
        /// Whether what is left would not pay for the same request again.
        is_short: bool,
    },
    /// It does not pass, and was not charged.
    Refused {
        /// Why, and for how long.
        refusal: Refusal,
        /// The tokens that would have been reserved.
        reserved: Tokens,
        /// Whether the client is configured, and has limits of its own.
        is_configured: bool,
        /// How little is left.
        tightest: Tightest,
    },
    /// The id is not configured, and such clients are denied.
    UnknownClient,
    /// Nobody knows what is left, since the store that holds the balances did not answer. Balances
    /// of this process always do.
    Unavailable,
}

/// Why a request does not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The limit that is named.
    pub limit: LimitKey,
    /// What there is too little of, and how that limit stands.
    pub shortage: Shortage,
    /// How long until all limits admit the same request: if nobody else spends, or, where those who
    /// wait are told a moment each, if they keep to it.
    pub wait: Wait,
}

/// What a limit has too little of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortage {
    /// Requests in a window.
    Requests(Balance),
    /// Tokens in a window.
    Tokens(Balance),
    /// Requests at a time, of which there can be so many.
    Places(u64),
}

/// Where a client's own limits stand at one moment; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Requests per minute.
    pub requests: Option<Balance>,
    /// Tokens per minute.
    pub tokens: Option<Balance>,
}

/// The tightest of a request's limits, of each measure: the one with the least left, of equal ones that
/// with the shortest window. `None`: nothing limits it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tightest {
    /// Requests in a window.
    pub requests: Option<Left>,
    /// Tokens in a window.
    pub tokens: Option<Left>,
}

/// A limit and what is left of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Which one.
    pub limit: LimitKey,
    /// What is left.
    pub balance: Balance,
}

impl Tightest {
    /// Whether what is left would not pay for as many tokens again.
    pub(super) fn is_short(&self, cost: Tokens) -> bool {
        self.tokens.as_ref().is_some_and(|tokens| tokens.balance.remaining() < cost.get())
    }
}

impl Left {
    /// Whether a limit with this balance is tighter.
    pub(super) fn is_looser(&self, than: &Balance) -> bool {
        let tightness = |balance: &Balance| (balance.remaining(), balance.quota().window());
        tightness(than) < tightness(&self.balance)
    }
}

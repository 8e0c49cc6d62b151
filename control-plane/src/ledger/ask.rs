//! What a request asks, and what it is answered.

use limiter::{Balance, Dimension, Tokens, Wait};

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
        /// Where the client stands now.
        standing: Standing,
    },
    /// It does not pass, and was not charged.
    Refused {
        /// Why, and for how long.
        refusal: Refusal,
        /// The tokens that would have been reserved.
        reserved: Tokens,
        /// Whether the client is configured, and has limits of its own.
        is_configured: bool,
        /// Where the client stands.
        standing: Standing,
    },
    /// The id is not configured, and such clients are denied.
    UnknownClient,
    /// Nobody knows what is left, since the store that holds the balances did not answer. Balances
    /// of this process always do.
    Unavailable,
}

/// Why a request does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The limit that is named.
    pub limit: Dimension,
    /// How long until all limits admit the same request: if nobody else spends, or, where those who
    /// wait are told a moment each, if they keep to it.
    pub wait: Wait,
}

/// Where a client stands at one moment; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Requests per minute.
    pub requests: Option<Balance>,
    /// Tokens per minute.
    pub tokens: Option<Balance>,
}

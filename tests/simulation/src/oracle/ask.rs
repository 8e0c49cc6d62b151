//! What is asked, answered and ended, in the oracle's words.

use super::{Balance, Decision, Limit, Name};
use crate::upstream::{Kind, Truth};

/// A request that asks.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    /// Its number among those of its worker.
    pub(crate) id: u32,
    /// Its client.
    pub(crate) client: String,
    /// What it calls its model; empty: nothing.
    pub(crate) model: String,
    /// Its estimate.
    pub(crate) estimate: u64,
    /// What it is for.
    pub(crate) kind: Kind,
}

/// What it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Whether it passes.
    pub(crate) decision: Decision,
    /// The tokens that it reserves, or would.
    pub(crate) reserved: u64,
    /// How little is left then; `None`: that is of no account, since it was decided before.
    pub(crate) left: Option<Left>,
}

/// How little is left of the limits that apply to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    /// The tightest limit of requests.
    pub(crate) requests: Option<(Limit, Balance)>,
    /// And of tokens.
    pub(crate) tokens: Option<(Limit, Balance)>,
    /// What the limit has that is named, which refuses the request.
    pub(crate) shortage: Option<Shortage>,
    /// Whether the same request again might have to wait for this one.
    pub(crate) is_short: bool,
}

/// What a limit has too little of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shortage {
    Requests(Balance),
    Tokens(Balance),
    /// Of so many places.
    Places(u64),
}

/// What becomes of a request, and which limits refuse it.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    pub(crate) decision: Decision,
    pub(crate) refusing: Vec<Limit>,
    /// How long it waits for windows alone, of which it is known when they let it pass.
    pub(crate) windows_ms: u64,
    /// Whether it waits for places.
    pub(crate) waits_for_places: bool,
}

/// How a request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It was forwarded and came to this.
    Settled(Truth),
    /// It was never forwarded.
    Canceled,
    /// Nobody will know.
    Lost,
}

/// A request that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Its worker.
    pub(crate) worker: Name,
    /// Its number.
    pub(crate) id: u32,
    /// How.
    pub(crate) end: End,
}

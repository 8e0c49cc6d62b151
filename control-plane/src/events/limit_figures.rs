//! What is left of a client's limit, in JSON: the same in an event and in statistics.

use limiter::{Balance, Dimension};
use serde::Serialize;

use crate::ledger::{LimitStanding, Remainder};

/// A limit, how much it is, and what is left of it now.
#[derive(Serialize)]
pub(crate) struct LimitFigures<'a> {
    name: &'a str,
    measure: &'static str,
    limit: u64,
    /// What a full bucket holds, where that is not all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    burst: Option<u64>,
    remaining: u64,
    /// Where tokens are owed: below 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    balance: Option<i64>,
    /// Until when it refills evenly, if nobody spends; places do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    full_in_ms: Option<u64>,
    /// Where it does not refuse.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
}

impl LimitFigures<'static> {
    /// One of a client's own two.
    pub(super) fn own(of: Dimension, balance: Balance) -> Self {
        let measure = match of {
            Dimension::Rpm => "requests",
            Dimension::Tpm => "tokens",
        };
        let left = Remainder::from(balance);
        Self {
            name: of.word(),
            measure,
            limit: balance.limit(),
            burst: None,
            remaining: left.remaining,
            balance: left.debt(),
            full_in_ms: left.full_in_ms(),
            mode: None,
        }
    }
}

impl<'a> From<&'a LimitStanding> for LimitFigures<'a> {
    fn from(limit: &'a LimitStanding) -> Self {
        let LimitStanding { name, measure, mode, left, would_refuse: _, refused: _ } = limit;
        Self {
            name: name.as_str(),
            measure: measure.word(),
            limit: measure.amount(),
            burst: measure.burst_below_amount(),
            remaining: left.remaining,
            balance: left.debt(),
            full_in_ms: left.full_in_ms(),
            mode: mode.word_if_not_enforced(),
        }
    }
}

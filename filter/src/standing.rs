//! Where a client stands, as the control plane tells it with each verdict.

/// What is left of one limit, in whole requests or whole tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Per minute; what the full bucket holds.
    pub limit: u64,
    /// What could be spent now; 0 for a client in debt.
    pub remaining: u64,
    /// Milliseconds until the bucket is full, if nobody spends.
    pub full_in_ms: u64,
    /// What is owed; 0 while anything is left.
    pub debt: u64,
}

impl Balance {
    /// What is missing from the full bucket: more than the limit for a client in debt.
    pub fn used(self) -> u64 {
        self.limit.saturating_sub(self.remaining).saturating_add(self.debt)
    }
}

/// A client's balances; `None` where no limit is in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Requests per minute.
    pub requests: Option<Balance>,
    /// Tokens per minute.
    pub tokens: Option<Balance>,
}

//! Settings of what the control plane tells a request that is refused. Their defaults stand in
//! `ledger/policy.rs`.

use super::rows;
use crate::settings::field::field;

rows! {
    RETRY_AFTER {
        fills: field!(policy.retry_after),
        meaning: "When those who are refused are told to come back: exact (when it would pass if nobody else asked, which is the same moment for all who wait), or spread (a moment each, within a minute)",
    }
}

//! Settings of what outlives a process or a stream. Their defaults stand in `store/data_dir.rs` and
//! `ledger/policy.rs`.

use super::rows;
use crate::settings::field::field;

rows! {
    DATA_DIR {
        fills: field!(data_dir),
        flag: "data-dir" PATH,
        meaning: "The folder that keeps clients, balances and open requests, or memory: they end with the process",
    }
    RESUME_TIMEOUT_MS {
        fills: field!(policy.resume.timeout_ms as 1..=3_600_000),
        meaning: "How long what an Envoy worker's requests hold waits for the worker when its stream is lost, before it stands as charged",
    }
}

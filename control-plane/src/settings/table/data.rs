//! Settings of what outlives a process or a stream, and of what is kept while it runs. Their defaults
//! stand in `store/data_dir.rs`, `ledger/policy.rs` and `ledger/past/mod.rs`.

use super::rows;
use crate::{
    ledger::DecisionsKept,
    settings::{field::field, notation::OptionalPath},
};

rows! {
    DATA_DIR {
        fills: field!(data_dir),
        flag: "data-dir" PATH,
        meaning: "The folder that keeps clients, balances and open requests, or memory: they end with the process",
    }
    AUDIT_FILE {
        fills: field!(audit_file as OptionalPath("the path of a file, or nothing")),
        flag: "audit-file" PATH,
        meaning: "The file in which it is written down who changes what; without it audit.jsonl in DATA_DIR",
    }
    DECISIONS_KEPT {
        fills: field!(decisions_kept.max as 0..=DecisionsKept::MAX),
        meaning: "How many decisions are kept in memory, to be told, and so that a preview can decide them again under other limits; 0: none",
    }
    RESUME_TIMEOUT_MS {
        fills: field!(policy.resume.timeout_ms as 1..=3_600_000),
        meaning: "How long what an Envoy worker's requests hold waits for the worker when its stream is lost, before it stands as charged",
    }
}

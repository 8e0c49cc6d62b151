//! Settings of clients that are not configured, and of those that are there at first. Their defaults
//! stand in `ledger/policy.rs` and, of the demo clients, in `settings/mod.rs`.

use super::rows;
use crate::{
    ledger::UnknownClients,
    settings::{field::field, notation::OptionalPath},
};

rows! {
    UNKNOWN_CLIENTS {
        fills: field!(policy.unknown_clients),
        meaning: "A client that is not configured: shared (all of them draw on one pair of buckets), each (each has a pair of its own, where it is verified who asks), deny (403) or allow (no limit)",
    }
    // These two come after the choice that they belong to: they fill what it has put there.
    UNKNOWN_CLIENT_RPM {
        fills: field!(rpm of policy.unknown_clients is UnknownClients::Shared { rpm, .. } | UnknownClients::Each { rpm, .. }),
        meaning: "Requests per minute of that pair",
    }
    UNKNOWN_CLIENT_TPM {
        fills: field!(tpm of policy.unknown_clients is UnknownClients::Shared { tpm, .. } | UnknownClients::Each { tpm, .. }),
        meaning: "Tokens per minute of that pair",
    }
    DEMO_CLIENTS {
        fills: field!(demo_clients),
        meaning: "Whether a first start adds three demo clients; with DATA_DIR=memory every start is one",
    }
    CONFIG_FILE {
        fills: field!(config_file as OptionalPath("the path of a file of clients, or nothing")),
        flag: "config-file" PATH,
        meaning: "A file of clients (YAML or JSON), which alone can change them",
    }
}

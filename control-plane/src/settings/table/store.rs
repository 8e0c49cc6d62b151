//! Settings of a store that several control planes share. Their defaults stand in
//! `store/shared/config.rs`.

use super::rows;
use crate::settings::{
    field::field,
    notation::{Optional, OptionalPath, StorePrefix},
};

rows! {
    STORE_URL {
        fills: field!(store.url as Optional("a URL such as redis://host:6379, rediss://user:password@host, redis+sentinel://host-1,host-2/service or redis+cluster://host-1,host-2, or nothing")),
        flag: "store-url" URL,
        meaning: "The Redis or Valkey that any number of control planes share, in place of DATA_DIR",
        echo: WithoutSecrets,
    }
    STORE_PASSWORD_FILE {
        fills: field!(store.password_file as OptionalPath("the path of a file, or nothing")),
        meaning: "The file of the store's password, where STORE_URL does not say it",
    }
    STORE_CA_FILE {
        fills: field!(store.ca_file as OptionalPath("the path of a file of PEM certificates, or nothing")),
        meaning: "The certificates that are trusted for a rediss store, in place of those of the system",
    }
    STORE_PREFIX {
        fills: field!(store.prefix as StorePrefix),
        meaning: "What the store's keys begin with; control planes that share it share all limits",
    }
    STORE_TIMEOUT_MS {
        fills: field!(store.timeout_ms as 1..=10_000),
        meaning: "How many milliseconds a decision waits for the store",
    }
    STORE_WAIT {
        fills: field!(store.wait as 0..=8),
        meaning: "How many replicas of the store have to have a charge before it is told",
    }
    STORE_FAILURE_MODE {
        fills: field!(store.failure_mode),
        meaning: "A request that the store does not decide in time: local (decided by this control plane's part of the limits), closed (it has no decision, and meets FAILURE_MODE) or open (it passes)",
    }
}

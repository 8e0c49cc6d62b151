//! Settings of what outlives the process. Their defaults stand in `store/data_dir.rs`.

use super::rows;
use crate::settings::field::field;

rows! {
    DATA_DIR {
        fills: field!(data_dir),
        flag: "data-dir" PATH,
        meaning: "The folder that keeps the configured clients, or memory: they end with the process",
    }
}

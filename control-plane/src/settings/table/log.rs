//! Settings of the log. Their defaults stand in `logging.rs`.

use super::rows;
use crate::settings::field::field;

rows! {
    LOG_LEVEL {
        fills: field!(log.level),
        flag: "log-level" LEVEL,
        meaning: "The least severe level that is logged",
    }
    LOG_FORMAT {
        fills: field!(log.format),
        meaning: "How a log record is written: text or json",
    }
}

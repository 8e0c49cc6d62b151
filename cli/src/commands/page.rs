//! A part of a list, whatever it is of.

use clap::Args;
use serde_json::Value;

use crate::{call::Call, json::shown};

/// Which part is meant.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many, 1 to 1000 [default: 100]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub limit: Option<String>,
    /// Where to go on, as the answer before told
    #[arg(long, value_name = "CURSOR")]
    pub cursor: Option<String>,
}

impl Page {
    /// The call of a list, for this part of it.
    pub(super) fn of(self, call: Call) -> Call {
        call.query("limit", self.limit).query("cursor", self.cursor)
    }
}

/// Where a list goes on, if there is more of it.
pub(super) fn more(page: &Value) -> String {
    let cursor = page.get("next_cursor");
    cursor.map(|cursor| format!("\nmore: --cursor {}\n", shown(Some(cursor)))).unwrap_or_default()
}

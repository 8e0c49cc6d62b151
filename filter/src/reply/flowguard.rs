//! Bodies of FlowGuard's own form, section 2 of docs/contract.md.

use serde::Serialize;

use super::{Denial, json};

#[derive(Serialize)]
struct Body {
    error: &'static str,
    message: &'static str,
}

pub(super) fn body(denial: &Denial) -> String {
    json(&Body { error: denial.code(), message: denial.message() })
}

//! Bodies of the contract.

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

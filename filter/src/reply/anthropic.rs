//! Bodies that Anthropic's SDKs read: they take `type` and `message` of `error`.

use serde::Serialize;

use super::{Denial, figures, json};
use crate::identity::Unidentified;

#[derive(Serialize)]
struct Body {
    r#type: &'static str,
    error: Error,
}

#[derive(Serialize)]
struct Error {
    r#type: &'static str,
    message: String,
}

pub(super) fn body(denial: &Denial) -> String {
    let error = Error { r#type: error_type(denial), message: figures::message(denial) };
    json(&Body { r#type: "error", error })
}

fn error_type(denial: &Denial) -> &'static str {
    match denial {
        Denial::InvalidHeaders(_) => "invalid_request_error",
        Denial::Unidentified(Unidentified::Unauthenticated(_)) => "authentication_error",
        Denial::Unidentified(Unidentified::InvalidIdentity) | Denial::UnknownClient => {
            "permission_error"
        }
        Denial::Refused(_) => "rate_limit_error",
        Denial::LimiterUnavailable => "api_error",
    }
}

//! Bodies that OpenAI's SDKs read: they take `message`, `type`, `param` and `code` of `error`.

use serde::Serialize;

use super::{Denial, figures, json};
use crate::{identity::Unidentified, request_headers::InvalidHeaders, verdict::Shortage};

#[derive(Serialize)]
struct Body {
    error: Error,
}

#[derive(Serialize)]
struct Error {
    message: String,
    r#type: &'static str,
    param: Option<&'static str>,
    code: &'static str,
}

pub(super) fn body(denial: &Denial) -> String {
    let error = Error {
        message: figures::message(denial),
        r#type: error_type(denial),
        param: param(denial),
        code: match denial {
            Denial::Refused(_) => "rate_limit_exceeded",
            // As OpenAI has it for whatever is wrong with a key.
            Denial::Unidentified(Unidentified::Unauthenticated(_)) => "invalid_api_key",
            _ => denial.code(),
        },
    };
    json(&Body { error })
}

fn error_type(denial: &Denial) -> &'static str {
    match denial {
        Denial::InvalidHeaders(_) | Denial::Unidentified(_) | Denial::UnknownClient => {
            "invalid_request_error"
        }
        Denial::Refused(refusal) => match refusal.shortage {
            Shortage::Requests(_) | Shortage::Places { .. } => "requests",
            Shortage::Tokens(_) => "tokens",
        },
        Denial::LimiterUnavailable => "server_error",
    }
}

fn param(denial: &Denial) -> Option<&'static str> {
    match denial {
        Denial::InvalidHeaders(
            InvalidHeaders::NoClientId
            | InvalidHeaders::ClientId
            | InvalidHeaders::RepeatedClientId,
        )
        | Denial::UnknownClient => Some("X-Client-ID"),
        Denial::InvalidHeaders(InvalidHeaders::NoTokenEstimate | InvalidHeaders::TokenEstimate) => {
            Some("X-Token-Estimate")
        }
        Denial::Unidentified(_) | Denial::Refused(_) | Denial::LimiterUnavailable => None,
    }
}

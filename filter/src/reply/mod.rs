//! Every response that the filter makes itself: status, headers, body.

mod anthropic;
mod denial;
mod error_format;
mod flowguard;
mod openai;

use serde::Serialize;

use crate::{
    header_value::AsciiHeaderValue, rate_limit_headers::RateLimitHeaders, standing::Standing,
};
pub use denial::{Denial, Refused};
pub use error_format::{ErrorFormat, ErrorFormatSetting};

/// A response in place of the upstream's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u32,
    /// Headers.
    pub headers: Vec<(&'static str, AsciiHeaderValue)>,
    /// JSON.
    pub body: String,
}

/// How the denials of one request are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replies {
    /// The bodies.
    pub error_format: ErrorFormat,
    /// What a refused client is told of where it stands.
    pub rate_limit_headers: RateLimitHeaders,
}

/// After a lost stream workers are back within 0.3 s, and no client has to find out by itself that
/// minutes would be too long.
const UNAVAILABLE_RETRY_AFTER_S: u32 = 1;

impl Replies {
    /// The response to a request that does not pass.
    pub fn reply(&self, denial: &Denial) -> Reply {
        let body = match self.error_format {
            ErrorFormat::Flowguard => flowguard::body(denial),
            ErrorFormat::Openai => openai::body(denial),
            ErrorFormat::Anthropic => anthropic::body(denial),
        };
        let mut headers = vec![("content-type", AsciiHeaderValue::new("application/json"))];
        match denial {
            Denial::Refused(refused) => {
                headers.extend(retry(refused.retry_after_ms));
                headers.extend(self.rate_limit_headers.fields(&refused.standing));
            }
            Denial::LimiterUnavailable => {
                let seconds = UNAVAILABLE_RETRY_AFTER_S.to_string();
                headers.push(("retry-after", AsciiHeaderValue::new(&seconds)));
            }
            Denial::InvalidHeaders(_) | Denial::UnknownClient => {}
        }
        Reply { status: denial.status(), headers, body }
    }
}

/// `None`: no wait would help.
///
/// The wait is exact however long it is; a debt may take ten minutes. What SDKs make of a long one
/// differs: OpenAI's gives up at once on more than 120 s and hands its program the error; Anthropic's
/// waits as told, or, in versions that follow no more than 60 s, tries again sooner and is refused
/// again, which costs nothing. A wait shorter than the truth would only have all of them fail later.
fn retry(retry_after_ms: Option<u64>) -> Vec<(&'static str, AsciiHeaderValue)> {
    match retry_after_ms {
        Some(ms) => {
            let seconds = ms.div_ceil(1_000).max(1);
            vec![
                ("retry-after", AsciiHeaderValue::new(&seconds.to_string())),
                ("retry-after-ms", AsciiHeaderValue::new(&ms.to_string())),
            ]
        }
        None => vec![("x-should-retry", AsciiHeaderValue::new("false"))],
    }
}

/// The fields come in the order of the struct.
fn json(body: &impl Serialize) -> String {
    // Structs of text are always JSON.
    serde_json::to_string(body).unwrap_or_default()
}

#[cfg(test)]
mod tests;

//! Every response that the filter makes itself: status, headers, body.

mod anthropic;
mod denial;
mod error_format;
mod figures;
mod openai;

use limiter::Wait;
use proto::plugin_config::RateLimitHeaders;
use serde::Serialize;

use crate::{header_value::AsciiHeaderValue, identity::Unidentified, rate_limit_headers};
pub(crate) use denial::Denial;
pub(crate) use error_format::BodyFormat;

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

/// By which a client and an operator speak of the same request.
pub(crate) const REQUEST_ID: &str = "x-request-id";

/// Bytes of a request's id that are repeated: of Envoy's own, which has 36, all.
const REQUEST_ID_BYTES_MAX: usize = 128;

impl Reply {
    /// The same with the request's id, which may be any bytes of its client's.
    pub(crate) fn with_request_id(mut self, id: &[u8]) -> Self {
        let id = AsciiHeaderValue::cut(id, REQUEST_ID_BYTES_MAX);
        if !id.as_str().is_empty() {
            self.headers.push((REQUEST_ID, id));
        }
        self
    }
}

/// How the denials of one request are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReplyStyle {
    /// The bodies.
    pub(crate) body_format: BodyFormat,
    /// What a refused client is told of where it stands.
    pub(crate) rate_limit_headers: RateLimitHeaders,
}

/// After a lost stream workers are back within 0.3 s: no client shall wait for minutes because it was
/// told nothing.
const UNAVAILABLE_RETRY_AFTER_S: u32 = 1;

impl ReplyStyle {
    /// The response to a request that does not pass.
    pub(crate) fn reply(self, denial: &Denial) -> Reply {
        let body = match self.body_format {
            BodyFormat::Flowguard => {
                let (error, message, limit) = (denial.code(), denial.message(), denial.limit());
                json(&FlowguardBody { error, message, limit })
            }
            BodyFormat::Openai => openai::body(denial),
            BodyFormat::Anthropic => anthropic::body(denial),
        };
        let mut headers = vec![("content-type", AsciiHeaderValue::new("application/json"))];
        match denial {
            Denial::Refused(refusal) => {
                headers.extend(retry(refusal.wait));
                let tightest = &refusal.tightest;
                headers.extend(rate_limit_headers::fields(self.rate_limit_headers, tightest));
            }
            Denial::LimiterUnavailable => {
                let seconds = UNAVAILABLE_RETRY_AFTER_S.to_string();
                headers.push(("retry-after", AsciiHeaderValue::new(&seconds)));
            }
            Denial::Unidentified(Unidentified::Unauthenticated(_)) => {
                headers.push(("www-authenticate", AsciiHeaderValue::new("Bearer")));
            }
            Denial::InvalidHeaders(_)
            | Denial::Unidentified(Unidentified::InvalidIdentity)
            | Denial::UnknownClient => {}
        }
        Reply { status: denial.status(), headers, body }
    }
}

/// The wait is exact however long it is; a debt may take ten minutes. What SDKs make of a long one
/// differs: OpenAI's gives up at once on more than 120 s and hands its program the error; Anthropic's
/// waits as told, or, in versions that follow no more than 60 s, tries again sooner and is refused
/// again, which costs nothing. A wait shorter than the truth would only have all of them fail later.
fn retry(wait: Wait) -> Vec<(&'static str, AsciiHeaderValue)> {
    match wait {
        Wait::Millis(ms) => {
            let seconds = ms.div_ceil(1_000).max(1);
            vec![
                ("retry-after", AsciiHeaderValue::new(&seconds.to_string())),
                ("retry-after-ms", AsciiHeaderValue::new(&ms.to_string())),
            ]
        }
        Wait::Never => vec![("x-should-retry", AsciiHeaderValue::new("false"))],
    }
}

/// The body, as docs/contract.md has it.
#[derive(Serialize)]
struct FlowguardBody<'a> {
    error: &'static str,
    message: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<&'a str>,
}

/// The fields come in the order of the struct.
fn json(body: &impl Serialize) -> String {
    // Structs of text are always JSON.
    serde_json::to_string(body).unwrap_or_default()
}

#[cfg(test)]
mod tests;

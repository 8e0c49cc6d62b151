//! Every response that the filter makes itself: status, headers, body.

use crate::headers::InvalidHeaders;

/// A response in place of the upstream's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u32,
    /// Headers; values hold no control characters.
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub body: &'static str,
}

impl Reply {
    /// 400: the headers are missing or wrong.
    pub fn invalid_headers(invalid: InvalidHeaders) -> Self {
        Self::json(
            400,
            match invalid {
                InvalidHeaders::NoClientId => {
                    r#"{"error":"missing_header","message":"X-Client-ID header is required"}"#
                }
                InvalidHeaders::NoTokenEstimate => {
                    r#"{"error":"missing_header","message":"X-Token-Estimate header is required"}"#
                }
                InvalidHeaders::ClientId => {
                    r#"{"error":"invalid_header","message":"X-Client-ID must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ -"}"#
                }
                InvalidHeaders::RepeatedClientId => {
                    r#"{"error":"invalid_header","message":"X-Client-ID must be given only once"}"#
                }
                InvalidHeaders::TokenEstimate => {
                    r#"{"error":"invalid_header","message":"X-Token-Estimate must be a non-negative integer"}"#
                }
            },
        )
    }

    /// 403: the client is not configured, and such clients are denied.
    pub fn unknown_client() -> Self {
        Self::json(
            403,
            r#"{"error":"unknown_client","message":"X-Client-ID is not a configured client"}"#,
        )
    }

    /// 429 for RPM.
    pub fn rpm_exceeded(retry_after_ms: Option<u64>) -> Self {
        Self::json(429, r#"{"error":"rpm_exceeded","message":"Request rate limit exceeded"}"#)
            .retry(retry_after_ms)
    }

    /// 429 for TPM.
    pub fn tpm_exceeded(retry_after_ms: Option<u64>) -> Self {
        Self::json(429, r#"{"error":"tpm_exceeded","message":"Token rate limit exceeded"}"#)
            .retry(retry_after_ms)
    }

    /// 503: no decision in time.
    pub fn limiter_unavailable() -> Self {
        Self::json(
            503,
            r#"{"error":"limiter_unavailable","message":"The rate limiter did not decide in time"}"#,
        )
    }

    fn json(status: u32, body: &'static str) -> Self {
        Self { status, headers: vec![("content-type", "application/json".into())], body }
    }

    /// `None`: no wait would help.
    fn retry(mut self, retry_after_ms: Option<u64>) -> Self {
        match retry_after_ms {
            Some(ms) => {
                let seconds = ms.div_ceil(1_000).max(1);
                self.headers.push(("retry-after", seconds.to_string()));
                self.headers.push(("retry-after-ms", ms.to_string()));
            }
            None => self.headers.push(("x-should-retry", "false".into())),
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
        reply.headers.iter().find(|(header, _)| *header == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn retry_after_is_rounded_up_to_whole_seconds_and_in_milliseconds_exact() {
        for (ms, seconds) in [(1, "1"), (999, "1"), (1_000, "1"), (1_001, "2"), (59_999, "60")] {
            let reply = Reply::rpm_exceeded(Some(ms));
            assert_eq!(header(&reply, "retry-after"), Some(seconds));
            assert_eq!(header(&reply, "retry-after-ms"), Some(ms.to_string().as_str()));
            assert_eq!(header(&reply, "x-should-retry"), None);
        }
    }

    #[test]
    fn what_never_fits_is_not_to_be_retried() {
        let reply = Reply::tpm_exceeded(None);
        assert_eq!(header(&reply, "x-should-retry"), Some("false"));
        assert_eq!(header(&reply, "retry-after"), None);
        assert_eq!(header(&reply, "retry-after-ms"), None);
    }

    #[test]
    fn every_body_is_json_with_an_error_and_a_message() {
        let replies = [
            Reply::invalid_headers(InvalidHeaders::NoClientId),
            Reply::invalid_headers(InvalidHeaders::NoTokenEstimate),
            Reply::invalid_headers(InvalidHeaders::ClientId),
            Reply::invalid_headers(InvalidHeaders::RepeatedClientId),
            Reply::invalid_headers(InvalidHeaders::TokenEstimate),
            Reply::unknown_client(),
            Reply::rpm_exceeded(Some(1)),
            Reply::tpm_exceeded(None),
            Reply::limiter_unavailable(),
        ];
        for reply in replies {
            let body: serde_json::Value = serde_json::from_str(reply.body).unwrap();
            assert!(body["error"].is_string() && body["message"].is_string(), "{body}");
            assert_eq!(header(&reply, "content-type"), Some("application/json"));
        }
    }
}

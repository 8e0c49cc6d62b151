//! What the body of an answer tells: FlowGuard's refusal, or the tokens that were used.

use serde::Deserialize;

/// The `error` codes of answers that FlowGuard gives in the upstream's place.
const CODES: [&str; 9] = [
    "missing_header",
    "invalid_header",
    "unknown_client",
    "rpm_exceeded",
    "tpm_exceeded",
    "request_limit_exceeded",
    "token_limit_exceeded",
    "concurrency_exceeded",
    "limiter_unavailable",
];

/// What every message of a refusal has, in the vendors' forms.
const REFUSED: &str = " for this client on ";

/// What is refused, in the words of such a message: by a client's own limits, and by others.
const COUNTED: [(&str, &str, &str); 3] = [
    ("requests per ", "rpm_exceeded", "request_limit_exceeded"),
    ("tokens per ", "tpm_exceeded", "token_limit_exceeded"),
    ("concurrent requests ", "", "concurrency_exceeded"),
];

/// Bytes of a limit's name.
const NAME_BYTES_MAX: usize = 64;

/// Why FlowGuard refused a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Refusal {
    /// Its `error` code.
    pub(crate) code: &'static str,
    /// The limit, where it is neither the client's own of requests nor of tokens.
    pub(crate) limit: Option<String>,
}

/// What a body tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Why it was refused, if FlowGuard did that.
    pub(crate) refusal: Option<Refusal>,
    /// The tokens that it used, where they are told as OpenAI's chats do.
    pub(crate) used: Option<u64>,
}

#[derive(Deserialize)]
struct Body {
    error: Option<Error>,
    limit: Option<String>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Error {
    Flowguard(String),
    Vendor { code: Option<String>, message: String },
}

#[derive(Deserialize)]
struct Usage {
    total_tokens: Option<u64>,
}

/// What a body tells, which may have the form of one vendor or another.
pub(crate) fn told(body: &[u8]) -> Told {
    let Ok(Body { error, limit, usage }) = serde_json::from_slice(body) else {
        return Told::default();
    };
    let refusal = match error {
        None => None,
        Some(Error::Flowguard(code)) => {
            known(&code).map(|code| Refusal { code, limit: limit.filter(|name| is_name(name)) })
        }
        // An error of the upstream's own can have the same form, so that of a 429 the message tells.
        Some(Error::Vendor { code, message }) => in_words(&message).or_else(|| {
            let code = known(&code?)?;
            Some(Refusal { code, limit: None })
        }),
    };
    Told { refusal, used: usage.and_then(|usage| usage.total_tokens) }
}

fn known(code: &str) -> Option<&'static str> {
    CODES.into_iter().find(|known| *known == code)
}

/// A refusal as the vendors' programs read it: `… for this client on tokens per min (limit org): …`.
fn in_words(message: &str) -> Option<Refusal> {
    let (_, what) = message.split_once(REFUSED)?;
    let (_, own, other) = COUNTED.into_iter().find(|(start, _, _)| what.starts_with(start))?;
    let (_, name) = what.split_once('(')?;
    let (name, _) = name.split_once(')')?;
    match name.strip_prefix("limit ") {
        Some(name) => is_name(name).then(|| Refusal { code: other, limit: Some(name.to_owned()) }),
        None => known(own).map(|code| Refusal { code, limit: None }),
    }
}

/// Whether a limit can be called so: nothing else goes into the table.
fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expected: Option<(&str, Option<&str>)>) {
        let refusal = told(body.as_bytes()).refusal;
        let found = refusal.as_ref().map(|it| (it.code, it.limit.as_deref()));
        assert_eq!(found, expected, "{body}");
    }

    #[test]
    fn a_refusal_is_known_in_every_form() {
        check(
            r#"{"error":{"message":"Rate limit reached for this client on requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in 20s.","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#,
            Some(("rpm_exceeded", None)),
        );
        check(
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"Request too large for this client on tokens per min (TPM): Limit 5, Requested 6. No wait will make it fit."}}"#,
            Some(("tpm_exceeded", None)),
        );
        check(
            r#"{"error":{"message":"The rate limiter did not decide in time","type":"server_error","param":null,"code":"limiter_unavailable"}}"#,
            Some(("limiter_unavailable", None)),
        );
    }

    #[test]
    fn a_refusal_by_another_limit_has_its_name_in_every_form() {
        check(
            r#"{"error":"token_limit_exceeded","message":"Token limit exceeded","limit":"org"}"#,
            Some(("token_limit_exceeded", Some("org"))),
        );
        check(
            r#"{"error":{"message":"Rate limit reached for this client on tokens per min (limit org): Limit 3000, Requested 100. Please try again in 2s.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#,
            Some(("token_limit_exceeded", Some("org"))),
        );
        check(
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"Rate limit reached for this client on requests per day (limit per-plan): Limit 50, Requested 1. Please try again in 28m48s."}}"#,
            Some(("request_limit_exceeded", Some("per-plan"))),
        );
        check(
            r#"{"error":{"message":"Rate limit reached for this client on concurrent requests (limit gpu): Limit 3, Requested 1. Please try again in 1s.","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#,
            Some(("concurrency_exceeded", Some("gpu"))),
        );
    }

    #[test]
    fn an_upstream_s_own_429_is_no_refusal() {
        check(
            r#"{"error":"tpm_exceeded","message":"Token rate limit exceeded"}"#,
            Some(("tpm_exceeded", None)),
        );
        check(
            r#"{"error":{"message":"Rate limit reached for gpt-4o on tokens per min (TPM): Limit 1","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#,
            None,
        );
        check(r#"{"error":"overloaded"}"#, None);
        check("no healthy upstream", None);
    }

    #[test]
    fn nothing_but_a_name_is_shown_as_one() {
        check(
            r#"{"error":"token_limit_exceeded","message":"","limit":"\u001b[2J"}"#,
            Some(("token_limit_exceeded", None)),
        );
        check(
            r#"{"error":{"message":"Rate limit reached for this client on tokens per min (limit a b): Limit 1"}}"#,
            None,
        );
    }

    #[test]
    fn what_was_used_is_told_by_the_usage() {
        let used = |body: &str| told(body.as_bytes()).used;
        assert_eq!(used(r#"{"model":"m","usage":{"total_tokens":7}}"#), Some(7));
        assert_eq!(used(r#"{"usage":null}"#), None);
        assert_eq!(used("{}"), None);
    }
}

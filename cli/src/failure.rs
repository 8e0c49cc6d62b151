//! How a command ends: what it says at last, and its exit code, which is interface (docs/contract.md).

use std::{io, path::PathBuf};

use http::StatusCode;

use crate::{
    call::NamesNothing,
    connection::{Answer, ConnectionError},
    context::ContextError,
    json::Wrong,
    message::{in_one_line, printable},
    token::TokenError,
};

/// Done, or nothing to be said against it.
pub(crate) const DONE: u8 = 0;
/// The server refused it.
pub(crate) const REFUSED: u8 = 1;
/// `diff` found differences, `explain` says no.
pub(crate) const NO: u8 = 2;
/// No token, a wrong one, or one without the scope.
pub(crate) const TOKEN: u8 = 4;
/// A wrong command line, or a file that is not in order: `EX_USAGE` of sysexits.h.
pub(crate) const USAGE: u8 = 64;
/// No server answers: `EX_UNAVAILABLE`.
pub(crate) const OUT_OF_REACH: u8 = 69;
/// The same command may be done later: `EX_TEMPFAIL`.
pub(crate) const TRY_AGAIN: u8 = 75;
/// Ctrl-C, or the answer no to a question: 128 and the signal's number.
pub(crate) const INTERRUPTED: u8 = 130;

/// How a command ended that was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All is as it should be.
    Done,
    /// There are differences, or it would not pass.
    No,
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Usage(#[from] Usage),
    #[error(transparent)]
    Name(#[from] NamesNothing),
    #[error(transparent)]
    Context(#[from] ContextError),
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("{server} answered what this flowguard does not understand: {wrong}; -o json shows it")]
    Answer { server: String, wrong: Wrong },
    #[error("the answer cannot be written: {0}")]
    Stdout(io::Error),
    #[error("nothing was done")]
    Declined,
    #[error("interrupted")]
    Interrupted,
    #[error("the process cannot be set up: {0}")]
    Process(io::Error),
}

/// What is wrong with what was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Usage {
    #[error("{flag} takes {allowed}, not {value}")]
    Value { flag: &'static str, value: String, allowed: &'static str },
    #[error("nothing is to be set: name a field, as in {0}")]
    NothingToSet(&'static str),
    #[error("{0} is deleted only with --yes where there is no terminal to ask at")]
    NeedsYes(String),
    #[error("{} cannot be read: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("{} is longer than {max} bytes", path.display())]
    TooLong { path: PathBuf, max: u64 },
    #[error("{}: {reason}", path.display())]
    Document { path: PathBuf, reason: String },
    #[error("{0} needs a terminal")]
    NoTerminal(&'static str),
    #[error("-o {0} is not for this command")]
    Format(&'static str),
}

/// What a server refused.
#[derive(Debug, thiserror::Error)]
#[error("{message}{hint}")]
pub(crate) struct Refusal {
    status: StatusCode,
    message: String,
    hint: &'static str,
}

/// What every error of the API has.
#[derive(serde::Deserialize)]
struct Told {
    error: String,
    message: String,
}

impl Refusal {
    /// What the answer says, in its own words.
    pub(crate) fn new(answer: &Answer, shows_a_token: bool) -> Self {
        let Answer { status, body, .. } = answer;
        let number = status.as_u16();
        let told: Option<Told> = serde_json::from_slice(body).ok();
        let message = told.map_or_else(
            || match in_one_line(&String::from_utf8_lossy(body)) {
                text if text.is_empty() => format!("the server answered {number}"),
                text => format!("the server answered {number}: {}", shortened(&text)),
            },
            |Told { error, message }| {
                format!("{} ({number} {})", printable(&message), in_one_line(&error))
            },
        );
        let hint = match (*status, shows_a_token) {
            (StatusCode::UNAUTHORIZED, false) => {
                "; name the file of a token with --token-file or FLOWGUARD_TOKEN_FILE"
            }
            (StatusCode::PRECONDITION_FAILED, _) => {
                "; somebody else wrote in between: look at it, and try again"
            }
            _ => "",
        };
        Self { status: *status, message, hint }
    }

    /// What ends a stream of events before its reader does.
    pub(crate) fn of_stream(reason: &str, message: &str, shows_a_token: bool) -> Self {
        let status = match reason {
            "not_allowed" => StatusCode::UNAUTHORIZED,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        let error = serde_json::json!({"error": reason, "message": message});
        let body = error.to_string().into_bytes().into();
        Self::new(&Answer { status, etag: None, body }, shows_a_token)
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    fn code(&self) -> u8 {
        match self.status {
            StatusCode::UNAUTHORIZED => TOKEN,
            StatusCode::FORBIDDEN if !self.message.contains("origin_not_allowed") => TOKEN,
            StatusCode::REQUEST_TIMEOUT
            | StatusCode::PRECONDITION_FAILED
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => TRY_AGAIN,
            _ => REFUSED,
        }
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(300).collect()
}

impl Failure {
    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Name(_) | Self::Context(_) | Self::Token(_) => USAGE,
            Self::Connection(error) => match error {
                ConnectionError::Unreachable { .. } | ConnectionError::TooLong { .. } => {
                    OUT_OF_REACH
                }
                ConnectionError::Server(_)
                | ConnectionError::Authorities { .. }
                | ConnectionError::NoAuthorities
                | ConnectionError::Unprepared(_) => USAGE,
            },
            Self::Refused(refusal) => refusal.code(),
            Self::Answer { .. } | Self::Stdout(_) => REFUSED,
            Self::Process(_) => OUT_OF_REACH,
            Self::Declined | Self::Interrupted => INTERRUPTED,
        }
    }
}

impl Outcome {
    /// The exit code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => DONE,
            Self::No => NO,
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn refusal(status: u16, body: &'static str) -> Refusal {
        let status = StatusCode::from_u16(status).unwrap();
        let body = Bytes::from_static(body.as_bytes());
        Refusal::new(&Answer { status, etag: None, body }, false)
    }

    #[test]
    fn a_refusal_is_told_in_the_servers_words_and_its_number_says_what_to_do() {
        for (status, body, told, code) in [
            (404, r#"{"error":"a_b","message":"no such"}"#, "no such (404 a_b)", REFUSED),
            (
                401,
                r#"{"error":"missing_token","message":"none"}"#,
                "none (401 missing_token); name the file of a token with --token-file or \
                 FLOWGUARD_TOKEN_FILE",
                TOKEN,
            ),
            (
                403,
                r#"{"error":"insufficient_scope","message":"x"}"#,
                "x (403 insufficient_scope)",
                TOKEN,
            ),
            (
                403,
                r#"{"error":"origin_not_allowed","message":"x"}"#,
                "x (403 origin_not_allowed)",
                REFUSED,
            ),
            (
                412,
                r#"{"error":"revision_mismatch","message":"x"}"#,
                "x (412 revision_mismatch); somebody else wrote in between: look at it, and try again",
                TRY_AGAIN,
            ),
            (503, r#"{"error":"stopping","message":"x"}"#, "x (503 stopping)", TRY_AGAIN),
            (408, "", "the server answered 408", TRY_AGAIN),
            (507, "full\n\u{1b}", "the server answered 507: full\\n\\u{1b}", REFUSED),
            (302, "<html>", "the server answered 302: <html>", REFUSED),
        ] {
            let refusal = refusal(status, body);
            assert_eq!((refusal.to_string().as_str(), refusal.code()), (told, code), "{status}");
        }
    }
}

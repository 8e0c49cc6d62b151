//! How a command ends: what it says at last, and its exit code, which is interface (docs/contract.md).

use std::{io, path::PathBuf};

use http::StatusCode;

use crate::{
    call::NamesNothing,
    connection::{Answer, ConnectionError},
    context::ContextError,
    json::Wrong,
    message::{in_one_line, printable},
    token::{Token, TokenError},
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
    #[error("{server} answered no JSON: {}", in_one_line(&shortened(body)))]
    NoJson { server: String, body: String },
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
    #[error("--yes is needed to delete {0}: there is no terminal to ask at")]
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
    /// What it is called, if it is an error of the API.
    error: Option<String>,
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
    pub(crate) fn new(answer: &Answer, token: Option<&Token>) -> Self {
        let Answer { status, location, body, .. } = answer;
        let said = |text: &str| token.map_or_else(|| text.to_owned(), |it| it.left_out_of(text));
        let number = status.as_u16();
        let told: Option<Told> = serde_json::from_slice(body).ok();
        let name = told.as_ref().map(|told| told.error.clone());
        let message = told.map_or_else(
            || match (location, in_one_line(&said(&String::from_utf8_lossy(body)))) {
                (Some(elsewhere), _) if status.is_redirection() => format!(
                    "the server answered {number} and sends to {}, which is not followed: name the \
                     server that answers itself",
                    in_one_line(&shortened(&said(elsewhere)))
                ),
                (_, text) if text.is_empty() => format!("the server answered {number}"),
                (_, text) => format!("the server answered {number}: {}", shortened(&text)),
            },
            |Told { error, message }| {
                format!("{} ({number} {})", printable(&said(&message)), in_one_line(&said(&error)))
            },
        );
        let hint = match (*status, token.is_some()) {
            (StatusCode::UNAUTHORIZED, false) => {
                "; name the file of a token with --token-file or FLOWGUARD_TOKEN_FILE"
            }
            (StatusCode::PRECONDITION_FAILED, _) => {
                "; somebody else wrote in between: look at it, and try again"
            }
            _ => "",
        };
        Self { status: *status, error: name, message, hint }
    }

    /// What ends a stream of events before its reader does.
    pub(crate) fn of_stream(reason: &str, message: &str, token: Option<&Token>) -> Self {
        let status = match reason {
            "not_allowed" => StatusCode::UNAUTHORIZED,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        let error = serde_json::json!({"error": reason, "message": message});
        let body = error.to_string().into_bytes().into();
        Self::new(&Answer { status, etag: None, location: None, body }, token)
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// Whether it is this error of the API.
    pub(crate) fn is(&self, error: &str) -> bool {
        self.error.as_deref() == Some(error)
    }

    fn code(&self) -> u8 {
        match self.status {
            StatusCode::UNAUTHORIZED => TOKEN,
            StatusCode::FORBIDDEN if !self.is("origin_not_allowed") => TOKEN,
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
            Self::Answer { .. } | Self::NoJson { .. } | Self::Stdout(_) => REFUSED,
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
    use serde_json::json;

    use super::*;

    fn refusal(status: u16, body: &'static str) -> Refusal {
        let status = StatusCode::from_u16(status).unwrap();
        let body = Bytes::from_static(body.as_bytes());
        Refusal::new(&Answer { status, etag: None, location: None, body }, None)
    }

    #[test]
    fn a_token_that_a_server_repeats_is_not_shown() {
        let secret = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG_1a2B3c";
        let own = format!("fga_abcDEF123456_{secret}");
        let said = json!({"error": own, "message": format!("no Bearer {own}")}).to_string();
        for body in [said, format!("{}{own}", "x".repeat(260))] {
            let answer = Answer {
                status: StatusCode::UNAUTHORIZED,
                etag: None,
                location: None,
                body: body.into(),
            };
            let told = Refusal::new(&answer, None).to_string();
            assert!(!told.contains("012") && told.contains("fga_abcDEF123456_…"), "{told}");
        }
    }

    #[test]
    fn where_a_server_sends_to_is_told() {
        let answer = Answer {
            status: StatusCode::FOUND,
            etag: None,
            location: Some("https://login.example/\u{1b}".to_owned()),
            body: Bytes::from_static(b"<html>"),
        };
        assert_eq!(
            Refusal::new(&answer, None).to_string(),
            "the server answered 302 and sends to https://login.example/\\u{1b}, which is not \
             followed: name the server that answers itself"
        );
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

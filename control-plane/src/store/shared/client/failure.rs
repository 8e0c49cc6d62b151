//! What a call fails with. All that matters of it is whether it can have happened.

use std::fmt;

use redis::{ErrorKind, RedisError};
use thiserror::Error;
use tokio::task::JoinError;

use crate::store::shared::ReplyError;

/// Answers by which a server says that it did nothing, and that it may do it later.
const DID_NOTHING: [&str; 8] =
    ["NOSCRIPT", "ASK", "TRYAGAIN", "LOADING", "NOREPLICAS", "OOM", "BUSY", "MISCONF"];

/// Answers by which it says that it did nothing, and that it is not the one any more to be asked.
const IS_ELSEWHERE: [&str; 4] = ["MOVED", "READONLY", "MASTERDOWN", "CLUSTERDOWN"];

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Failure {
    /// There is no connection, so that nothing can have happened.
    #[error("can't connect to the store: {0}")]
    NotConnected(String),
    /// The server did nothing, and may do it later.
    #[error("the store did nothing: {0}")]
    DidNothing(String),
    /// The server did nothing, and another one may: it has to be looked for.
    #[error("the store did nothing: {0}")]
    Elsewhere(String),
    /// These keys of the call, counted from 1, were written by a version that writes them otherwise, or by
    /// somebody else; they were left as they are, and nothing was done.
    #[error("the store has keys that this version cannot read, {0:?} of the call")]
    Unreadable(Vec<usize>),
    /// The server answered that it could not, which may have been in the middle.
    #[error("the store refused it: {0}")]
    Refused(String),
    /// It happened, and only so many replicas have it, which are fewer than have to.
    #[error("only {0} replicas of the store have it")]
    NotReplicated(u64),
    /// Nobody knows whether it happened: what was asked meets the failure mode and its charges stand.
    #[error("the store may have done it or not: {0}")]
    Unknown(String),
    /// It happened, and the answer is none to what was asked.
    #[error("the store's answer can't be read: {0}")]
    Reply(#[from] ReplyError),
    /// The same, where not even its parts are there.
    #[error("the store's answer can't be read: {0} is of another form")]
    NotUnderstood(&'static str),
}

impl Failure {
    /// Whether it surely did not happen and may happen when it is asked again.
    pub fn is_to_be_repeated(&self) -> bool {
        matches!(self, Self::DidNothing(_) | Self::Elsewhere(_))
    }

    /// Whether the server answered, and the answer is of what it was asked: another call may go well.
    pub fn is_of_the_call(&self) -> bool {
        match self {
            Self::Refused(_) | Self::Reply(_) | Self::NotUnderstood(_) => true,
            Self::NotConnected(_)
            | Self::DidNothing(_)
            | Self::Elsewhere(_)
            | Self::Unreadable(_)
            | Self::NotReplicated(_)
            | Self::Unknown(_) => false,
        }
    }

    /// Whether the connection is of no use any more.
    pub fn is_of_the_connection(&self) -> bool {
        matches!(self, Self::Unknown(_) | Self::Elsewhere(_))
    }

    /// Whether it may have happened.
    pub fn may_have_happened(&self) -> bool {
        match self {
            Self::NotConnected(_)
            | Self::DidNothing(_)
            | Self::Elsewhere(_)
            | Self::Unreadable(_) => false,
            Self::Refused(_)
            | Self::NotReplicated(_)
            | Self::Unknown(_)
            | Self::Reply(_)
            | Self::NotUnderstood(_) => true,
        }
    }

    /// What an answer of the server, or the want of one, means for a call.
    pub(super) fn of(error: &RedisError) -> Self {
        let text = text(error);
        match error.code() {
            Some("UNREADABLE") if !indices(error).is_empty() => Self::Unreadable(indices(error)),
            Some(code) if DID_NOTHING.contains(&code) => Self::DidNothing(text),
            Some(code) if IS_ELSEWHERE.contains(&code) => Self::Elsewhere(text),
            Some(_) => Self::Refused(text),
            None => Self::Unknown(text),
        }
    }

    /// What it means for an attempt to connect.
    pub(super) fn of_connecting(error: &RedisError) -> Self {
        Self::NotConnected(text(error))
    }

    /// The same, and with which server it is about.
    pub(super) fn at(self, server: &impl fmt::Display) -> Self {
        match self {
            Self::NotConnected(why) => Self::NotConnected(format!("{server}: {why}")),
            other => other,
        }
    }

    /// What it means for how many replicas have what was written before. That it was written is known.
    pub(super) fn of_replicas(error: &RedisError) -> Self {
        match error.code() {
            Some(_) => Self::NotReplicated(0),
            None => Self::Unknown(text(error)),
        }
    }

    /// A task that was given up, as it is when the process ends, may have been carried out.
    pub(super) fn of_task<T>(ended: Result<Result<T, Self>, JoinError>) -> Result<T, Self> {
        ended.unwrap_or_else(|error| Err(Self::Unknown(error.to_string())))
    }
}

/// The numbers with which the script's own error begins.
fn indices(error: &RedisError) -> Vec<usize> {
    let words = error.detail().unwrap_or_default().split_whitespace();
    words.map_while(|word| word.parse().ok()).collect()
}

/// How much of an error is told: what a stranger answered may be in it.
const CHARS_MAX: usize = 300;

fn in_one_line(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    let told = words.join(" ").chars().take(CHARS_MAX).collect::<String>();
    told.replace(char::is_control, "")
}

/// The error in words, without what the server may have repeated of a password or a user's name.
fn text(error: &RedisError) -> String {
    match (error.kind(), error.code()) {
        (ErrorKind::AuthenticationFailed, _) | (_, Some("NOAUTH" | "WRONGPASS")) => {
            "the user or the password is wrong".to_owned()
        }
        _ => in_one_line(&error.to_string()),
    }
}

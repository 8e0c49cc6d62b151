//! By what a caller knows whether something was written since it was read.

use std::fmt;

use crate::{
    clients::Revision,
    credentials::{ClientKey, Digest, Token, UnixSeconds, Validity},
};

/// Characters in the tag of what has no revision of its own.
const TAG_LEN: usize = 16;

/// An entity tag: what has another one was written in between. It is one thing's, and says nothing
/// beside any other's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag(Box<str>);

impl Tag {
    /// Of what one of the store's writes made.
    pub(super) fn stored(revision: Revision) -> Self {
        Self(revision.get().to_string().into())
    }

    /// Of what a file made with one of its changes.
    pub(super) fn of_file(change: u64) -> Self {
        Self(format!("file-{change}").into())
    }

    /// Of a key, which never changes unless a document says so.
    pub(super) fn of_key(key: &ClientKey) -> Self {
        Self::of_text(&format!("{} {}", key.digest, times(key.validity)))
    }

    /// Of a token, likewise.
    pub(super) fn of_token(token: &Token) -> Self {
        let Token { public: _, digest, name, scopes, validity } = token;
        Self::of_text(&format!("{digest} {name} {scopes} {}", times(*validity)))
    }

    fn of_text(text: &str) -> Self {
        let digest = Digest::of(text.as_bytes()).to_string();
        Self(digest.chars().take(TAG_LEN).collect::<String>().into())
    }

    /// Of everything, as a write and a file's change left it.
    pub(super) fn of_all(newest: Revision, file: Option<u64>) -> Self {
        match file {
            Some(change) => Self(format!("{}-{change}", newest.get()).into()),
            None => Self::stored(newest),
        }
    }

    /// The tag without quotation marks.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// As HTTP writes it, in quotation marks.
impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

fn times(validity: Validity) -> String {
    let Validity { created, expires } = validity;
    format!("{} {}", created.get(), expires.map_or(0, UnixSeconds::get))
}

/// Something with the tag that it had when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged<T> {
    /// What was read.
    pub value: T,
    /// By what it is known whether it is still the same.
    pub tag: Tag,
}

//! Which limit is meant, and what there is too little of.

use limiter::Dimension;

use super::Balance;

/// Bytes of the longest name.
const NAME_BYTES_MAX: usize = 64;

/// The name of a limit beside a client's own two: 1 to 64 of `a-z 0-9 -`, which need no escaping in
/// a header and in JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LimitName(Box<str>);

impl LimitName {
    /// The name that is written so.
    pub(crate) fn parse(text: String) -> Option<Self> {
        let is_allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_name = (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_allowed);
        is_name.then(|| Self(text.into()))
    }

    /// The name as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which limit is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit<'a> {
    /// One of the client's own two.
    Own(Dimension),
    /// One beside them.
    Named(&'a LimitName),
}

impl<'a> Limit<'a> {
    /// What it is called.
    pub(crate) fn as_str(self) -> &'a str {
        match self {
            Self::Own(dimension) => dimension.word(),
            Self::Named(name) => name.as_str(),
        }
    }
}

/// What a limit that refuses has too little of, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shortage {
    /// Requests in a window.
    Requests(Balance),
    /// Tokens in a window.
    Tokens(Balance),
    /// Requests at a time.
    Places {
        /// The limit's name.
        name: LimitName,
        /// So many at a time.
        places: u64,
    },
}

impl Shortage {
    /// The limit.
    pub(crate) fn limit(&self) -> Limit<'_> {
        match self {
            Self::Requests(balance) => balance.limit_of(Dimension::Rpm),
            Self::Tokens(balance) => balance.limit_of(Dimension::Tpm),
            Self::Places { name, .. } => Limit::Named(name),
        }
    }

    /// What it counts, in a word.
    pub(crate) fn measure(&self) -> &'static str {
        match self {
            Self::Requests(_) => "requests",
            Self::Tokens(_) => "tokens",
            Self::Places { .. } => "concurrent",
        }
    }
}

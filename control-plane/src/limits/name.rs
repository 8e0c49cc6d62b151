//! What limits, models, plans and groups are called.

use std::{borrow::Borrow, fmt, sync::Arc};

use limiter::{ClientId, Dimension};

/// Characters in the longest name of a limit, a model or a plan, and of each part of a group.
pub const NAME_LEN_MAX: usize = 64;

/// Names in the longest path of a group.
pub const GROUP_DEPTH_MAX: usize = 4;

/// A limit's name: 1 to 64 of `a-z 0-9 -`, and neither `rpm` nor `tpm`, which are a client's own.
///
/// It needs no escaping in a header, a URL's path or a metric's label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LimitName(Arc<str>);

/// Which limit is meant, wherever one is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LimitKey {
    /// One of a client's own two.
    Own(Dimension),
    /// One beside them.
    Named(LimitName),
}

/// The name of a model or a plan: 1 to 64 of `A-Z a-z 0-9 . _ : @ + = ~ -`, and neither `unknown`
/// nor `other`, which stand for what has no name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

/// A group: a path of 1 to 4 names with `/` between, from the widest to the narrowest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group(Arc<str>);

impl LimitName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl LimitKey {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Own(dimension) => dimension.word(),
            Self::Named(name) => name.as_str(),
        }
    }
}

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Group {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is `above`, or beneath it.
    pub fn is_within(&self, above: &Self) -> bool {
        let rest = self.0.strip_prefix(&*above.0);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl TryFrom<&str> for LimitName {
    type Error = InvalidLimitName;

    fn try_from(text: &str) -> Result<Self, InvalidLimitName> {
        let is_allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_own = [Dimension::Rpm, Dimension::Tpm].iter().any(|own| own.word() == text);
        if is_own || !is_name(text, is_allowed) {
            return Err(InvalidLimitName);
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<&str> for Name {
    type Error = InvalidName;

    fn try_from(text: &str) -> Result<Self, InvalidName> {
        if is_part(text) { Ok(Self(text.into())) } else { Err(InvalidName) }
    }
}

impl TryFrom<&str> for Group {
    type Error = InvalidGroup;

    fn try_from(text: &str) -> Result<Self, InvalidGroup> {
        let is_path = text.split('/').take(GROUP_DEPTH_MAX + 1).all(is_part);
        if is_path && text.split('/').count() <= GROUP_DEPTH_MAX {
            Ok(Self(text.into()))
        } else {
            Err(InvalidGroup)
        }
    }
}

fn is_part(text: &str) -> bool {
    let is_allowed = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'.' | b'_' | b':' | b'@' | b'+' | b'=' | b'~' | b'-')
    };
    ![ClientId::UNKNOWN, ClientId::OTHER].contains(&text)
        && ![".", ".."].contains(&text)
        && is_name(text, is_allowed)
}

fn is_name(text: &str, is_allowed: impl Fn(u8) -> bool) -> bool {
    (1..=NAME_LEN_MAX).contains(&text.len()) && text.bytes().all(is_allowed)
}

/// Text that is no limit's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 characters of a-z 0-9 -, and neither \"rpm\" nor \"tpm\"")]
pub struct InvalidLimitName;

/// Text that is no model's and no plan's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be 1 to 64 characters of A-Z a-z 0-9 . _ : @ + = ~ -, but not . or .. alone, and neither \"unknown\" nor \"other\""
)]
pub struct InvalidName;

/// Text that is no group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be 1 to 4 names with / between, each of 1 to 64 characters of A-Z a-z 0-9 . _ : @ + = ~ -, but not . or .. alone, and neither \"unknown\" nor \"other\""
)]
pub struct InvalidGroup;

/// Maps keyed by names are asked with text.
macro_rules! text {
    ($($name:ty),+) => {$(
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

text!(LimitName, Name, Group);

//! What a verified request is known by, where that is not a client's id.

use std::{borrow::Borrow, fmt, sync::Arc};

/// How many identities a client can list: its names in several meshes, issuers and certificates.
pub const IDENTITIES_MAX: usize = 16;

/// How long one may be: a subject of a certificate or a SPIFFE id is shorter.
pub const IDENTITY_BYTES_MAX: usize = 512;

/// A claim, a name in a certificate, or the like, as a client lists it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity(Arc<str>);

/// Text that is no identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a text of 1 to 512 bytes without control characters")]
pub struct InvalidIdentity;

impl Identity {
    /// It as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for Identity {
    type Error = InvalidIdentity;

    fn try_from(text: &str) -> Result<Self, InvalidIdentity> {
        let is_one = (1..=IDENTITY_BYTES_MAX).contains(&text.len());
        if is_one && !text.chars().any(char::is_control) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidIdentity)
        }
    }
}

impl Borrow<str> for Identity {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({:?})", &*self.0)
    }
}

/// All identities of a client, in the order in which it lists them, each once. Most clients have none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identities(Box<[Identity]>);

impl Identities {
    /// `None` where there are too many, or one is there twice.
    pub fn new(identities: Vec<Identity>) -> Option<Self> {
        let is_first = |(index, one)| !identities.iter().take(index).any(|other| other == one);
        let are_some =
            identities.len() <= IDENTITIES_MAX && identities.iter().enumerate().all(is_first);
        are_some.then(|| Self(identities.into()))
    }

    /// Each of them.
    pub fn as_slice(&self) -> &[Identity] {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_a_text_in_one_line() {
        for text in
            ["a", "spiffe://cluster.local/ns/a/sa/b", "Zoë <z@example.com>", &"x".repeat(512)]
        {
            assert_eq!(
                Identity::try_from(text).map(|of| of.as_str().to_owned()),
                Ok(text.to_owned())
            );
        }
        for text in ["", "a\nb", "a\0", "\u{7f}", "\u{85}", &"x".repeat(513), &"ü".repeat(257)] {
            assert_eq!(Identity::try_from(text), Err(InvalidIdentity), "{text:?}");
        }
    }

    #[test]
    fn a_client_lists_sixteen_at_most_and_none_twice() {
        let of = |count: usize| {
            (0..count).map(|n| Identity::try_from(&*n.to_string()).unwrap()).collect::<Vec<_>>()
        };
        assert!(Identities::new(of(0)).unwrap().is_empty());
        assert_eq!(Identities::new(of(16)).unwrap().as_slice(), of(16));
        assert_eq!(Identities::new(of(17)), None);
        assert_eq!(Identities::new([of(2), of(1)].concat()), None);
    }
}

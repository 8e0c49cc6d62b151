//! What is kept of what somebody shows.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// The SHA-256 of a secret's text, or of a certificate. A secret is 256 random bits, so nobody finds it by
/// trying: a slow hash, or a salt, would make nothing safer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; Digest::LEN]);

/// Text or bytes that are no digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a SHA-256 digest: 64 hexadecimal digits in lower case")]
pub struct InvalidDigest;

impl Digest {
    /// Bytes in a digest.
    pub const LEN: usize = 32;

    /// The digest of a secret's text, or of a certificate's DER.
    pub fn of(text: &[u8]) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// A digest as [`Display`](fmt::Display) writes it.
    pub fn parse(text: &str) -> Result<Self, InvalidDigest> {
        let mut bytes = [0; Self::LEN];
        if text.len() != 2 * Self::LEN {
            return Err(InvalidDigest);
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let &[high, low] = digits else { return Err(InvalidDigest) };
            *byte = hexadecimal(high)? << 4 | hexadecimal(low)?;
        }
        Ok(Self(bytes))
    }
}

fn hexadecimal(digit: u8) -> Result<u8, InvalidDigest> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(InvalidDigest),
    }
}

impl From<[u8; Self::LEN]> for Digest {
    fn from(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }
}

impl TryFrom<&[u8]> for Digest {
    type Error = InvalidDigest;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidDigest> {
        bytes.try_into().map(Self).map_err(|_| InvalidDigest)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Whoever knows a digest can ask in its name, so no log has all of it.
impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second, ..] = self.0;
        write!(f, "Digest({first:02x}{second:02x}…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_sha_256_in_lower_case() {
        let digest = Digest::of(b"abc");
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest.to_string(), text);
        assert_eq!(Digest::parse(text), Ok(digest));
        assert_eq!(Digest::try_from(&digest.as_bytes()[..]), Ok(digest));
        assert_eq!(format!("{digest:?}"), "Digest(ba78…)");
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        let text = Digest::of(b"abc").to_string();
        for wrong in
            ["", &text[1..], &text.to_uppercase(), &format!("{text}0"), &text.replace('b', "g")]
        {
            assert_eq!(Digest::parse(wrong), Err(InvalidDigest), "{wrong}");
        }
        assert_eq!(Digest::try_from(&[0; 31][..]), Err(InvalidDigest));
    }
}

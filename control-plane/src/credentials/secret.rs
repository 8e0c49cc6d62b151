//! The secret itself, while it is made and while it is shown.

use std::fmt;

use rand::{RngExt as _, distr::Alphanumeric};

use super::{Digest, PublicPart};

/// Characters of 62 that hold 256 bits.
const RANDOM_LEN: usize = 43;

/// Characters of 62 that hold a CRC-32.
const CHECKSUM_LEN: usize = 6;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Whose secret it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKind {
    /// A client's, which it shows with its requests.
    Key,
    /// An operator's, or a program's that looks after FlowGuard.
    Token,
}

/// A key or a token: `fgk_<public part>_<256 random bits>_<checksum>`, and `fga_…` for a token.
///
/// It begins with what it is, so that programs that look for secrets in source code find it; the
/// checksum tells them, and us, a real one from text that only looks like it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    text: String,
    public: PublicPart,
}

/// Text that is no secret of the kind that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be {prefix}<public part>_<secret part>_<checksum>, as it was shown when it was made", prefix = .0.prefix())]
pub struct InvalidSecret(SecretKind);

impl SecretKind {
    /// What its text begins with.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Key => proto::CLIENT_KEY_PREFIX,
            Self::Token => proto::TOKEN_PREFIX,
        }
    }
}

impl Secret {
    /// A new one that nobody can guess.
    pub fn new(kind: SecretKind) -> Self {
        loop {
            let body =
                format!("{}{}_{}", kind.prefix(), random(PublicPart::LEN), random(RANDOM_LEN));
            let text = format!("{body}_{}", checksum(&body));
            if let Ok(secret) = Self::parse(kind, &text) {
                return secret;
            }
        }
    }

    /// One that somebody shows.
    pub fn parse(kind: SecretKind, text: &str) -> Result<Self, InvalidSecret> {
        Self::read(kind, text).ok_or(InvalidSecret(kind))
    }

    fn read(kind: SecretKind, text: &str) -> Option<Self> {
        let (body, check) = text.rsplit_once('_')?;
        let (public, secret) = body.strip_prefix(kind.prefix())?.split_once('_')?;
        let public = PublicPart::try_from(public).ok()?;
        let is_alphanumeric = secret.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let is_whole = secret.len() == RANDOM_LEN && is_alphanumeric && check == checksum(body);
        is_whole.then(|| Self { text: text.to_owned(), public })
    }

    /// The text, to be shown to whom it was made for, and to nobody else.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// What names it.
    pub fn public_part(&self) -> PublicPart {
        self.public
    }

    /// What is kept of it.
    pub fn digest(&self) -> Digest {
        Digest::of(self.text.as_bytes())
    }
}

/// No log has the secret.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({}…)", self.public)
    }
}

fn random(len: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(len).map(char::from).collect()
}

/// The CRC-32 of `text`, the most significant digit first.
fn checksum(text: &str) -> String {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; CHECKSUM_LEN];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62.get((rest % 62) as usize).copied().unwrap_or_default();
        rest /= 62;
    }
    digits.map(char::from).iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_one_has_the_form_that_is_read() {
        for kind in [SecretKind::Key, SecretKind::Token] {
            let secret = Secret::new(kind);
            assert_eq!(Secret::parse(kind, secret.expose()), Ok(secret.clone()));
            assert_eq!(secret.expose().len(), 4 + 12 + 1 + 43 + 1 + 6);
            assert!(secret.expose().starts_with(&format!("{}{}_", kind.prefix(), secret.public)));
            assert_ne!(Secret::new(kind), secret);
            assert!(secret.expose().len() <= proto::CLIENT_KEY_BYTES_MAX);
        }
    }

    #[test]
    fn one_character_that_is_wrong_is_found() {
        let secret = Secret::new(SecretKind::Key);
        let text = secret.expose();
        for index in 0..text.len() {
            let mut wrong = text.as_bytes().to_vec();
            wrong[index] = if wrong[index] == b'a' { b'b' } else { b'a' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert!(Secret::parse(SecretKind::Key, &wrong).is_err(), "{index}");
        }
        for wrong in ["", "fgk_", &text[1..], &text[..text.len() - 1], &format!("{text}a")] {
            assert!(Secret::parse(SecretKind::Key, wrong).is_err(), "{wrong}");
        }
        assert!(Secret::parse(SecretKind::Token, text).is_err());
    }

    #[test]
    fn nothing_that_is_logged_has_it() {
        let secret = Secret::new(SecretKind::Token);
        assert_eq!(format!("{secret:?}"), format!("Secret({}…)", secret.public_part()));
        let error = InvalidSecret(SecretKind::Token).to_string();
        assert!(error.starts_with("must be fga_<public part>_"), "{error}");
    }
}

//! What somebody shows to be known by: keys of clients, and tokens of operators, Prometheus and
//! Envoys.
//!
//! A [`Secret`] is shown once, when it is made. What is kept of it is its [`Digest`], by which it is
//! found again, and its [`PublicPart`], by which people name it.

mod digest;
mod holder;
mod json;
mod key_book;
mod keys;
mod public_part;
mod scope;
mod secret;
mod tokens;
mod usage;
mod validity;

pub use digest::{Digest, InvalidDigest};
pub use holder::{KeyError, TokenError};
pub(crate) use json::{KeyJson, TokenJson};
pub use keys::{ClientKey, FoundKey, KEYS_A_CLIENT_MAX, KEYS_MAX, Keys};
pub use public_part::{InvalidPublicPart, PublicPart};
pub use scope::{InvalidScope, Scope, Scopes};
pub use secret::{InvalidSecret, Secret, SecretKind};
pub use tokens::{InvalidTokenName, TOKEN_NAME_LEN_MAX, TOKENS_MAX, Token, TokenName, Tokens};
pub use usage::KeyStats;
pub use validity::{UnixSeconds, Validity};

//! The keys and tokens of a backup.

use std::collections::{BTreeSet, HashSet};

use foldhash::fast::RandomState;
use limiter::ClientId;
use serde_json::value::RawValue;

use super::InvalidBackup;
use crate::{
    credentials::{Digest, KEYS_A_CLIENT_MAX, KEYS_MAX, PublicPart, TOKENS_MAX},
    excerpt::Excerpt,
    ledger::Ledger,
    operator::rest,
};

/// What was read of them so far.
#[derive(Debug, Default)]
pub(super) struct CredentialLines {
    keys: HashSet<PublicPart, RandomState>,
    tokens: BTreeSet<PublicPart>,
    tokens_digests: BTreeSet<Digest>,
}

/// Behind which client's line a key stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Behind<'a> {
    /// This one's, or none's.
    Client(Option<&'a ClientId>),
    /// One's that is wrong, and says all that there is to say.
    Wrong,
}

impl CredentialLines {
    pub(super) fn token(
        &mut self,
        json: &RawValue,
        line: u64,
        ledger: &Ledger,
        errors: &mut InvalidBackup,
    ) {
        let Ok(draft) = rest::read_token(json.get()) else {
            return errors.push(line, "token must be an object");
        };
        match draft.validate() {
            Ok(token) if !self.tokens.insert(token.public) => {
                errors.push(line, format_args!("token {} is there twice", token.public));
            }
            Ok(token) if !self.tokens_digests.insert(token.digest) => {
                errors.push(line, format_args!("sha256 of token {} is there twice", token.public));
            }
            Ok(_) if self.tokens.len() > TOKENS_MAX => {
                let text = format_args!("this is one token too many: there can be {TOKENS_MAX}");
                errors.push(line, text);
            }
            Ok(token) => ledger.tokens().put(token),
            Err(wrong) => errors.push(line, wrong),
        }
    }

    pub(super) fn key(
        &mut self,
        json: &RawValue,
        line: u64,
        behind: Behind<'_>,
        ledger: &Ledger,
        errors: &mut InvalidBackup,
    ) {
        let Ok(draft) = rest::read_key(json.get()) else {
            return errors.push(line, "key must be an object");
        };
        let key = match draft.validate() {
            Ok(key) => key,
            Err(wrong) => return errors.push(line, wrong),
        };
        match behind {
            Behind::Wrong => return,
            Behind::Client(Some(client)) if *client == key.client => {}
            Behind::Client(_) => {
                let owner = Excerpt::quoted(key.client.as_str());
                let text = format_args!("this line belongs behind that of client {owner}");
                return errors.push(line, text);
            }
        }
        let keys = ledger.keys();
        if !self.keys.insert(key.public) {
            errors.push(line, format_args!("key {} is there twice", key.public));
        } else if keys.with_digest(&key.digest).is_some() {
            errors.push(line, format_args!("sha256 of key {} is there twice", key.public));
        } else if keys.len() >= KEYS_MAX || keys.count_of(key.client.as_str()) >= KEYS_A_CLIENT_MAX
        {
            errors.push(
                line,
                format_args!(
                    "this is one key too many: a client can have {KEYS_A_CLIENT_MAX}, and there can be \
                     {KEYS_MAX}"
                ),
            );
        } else {
            ledger.put_key(key);
        }
    }
}

//! Keys and tokens between the wire's types and the control plane's own.

use proto::api;

use super::convert::signed;
use crate::{
    credentials::{ClientKey, KeyStats, Scope, Token, UnixSeconds},
    excerpt::Excerpt,
    operator::{Given, KeyDraft, TokenDraft},
};

impl From<&api::CreateKeyRequest> for KeyDraft {
    fn from(request: &api::CreateKeyRequest) -> Self {
        Self { expires_at: time(request.expires_at), ..Self::default() }
    }
}

impl From<api::CreateTokenRequest> for TokenDraft {
    fn from(request: api::CreateTokenRequest) -> Self {
        Self {
            name: Given::Value(request.name),
            scopes: Given::Value(request.scopes.into_iter().map(Given::Value).collect()),
            expires_at: time(request.expires_at),
            ..Self::default()
        }
    }
}

fn time(seconds: Option<i64>) -> Given<Option<UnixSeconds>> {
    let Some(seconds) = seconds else { return Given::Value(None) };
    match u32::try_from(seconds).ok().and_then(UnixSeconds::new) {
        Some(time) => Given::Value(Some(time)),
        None => Given::Wrong(Excerpt::new(&seconds.to_string())),
    }
}

fn seconds(time: UnixSeconds) -> i64 {
    time.get().into()
}

impl From<&ClientKey> for api::Key {
    fn from(key: &ClientKey) -> Self {
        Self {
            public_part: key.public.to_string(),
            client_id: key.client.to_string(),
            created_at: seconds(key.validity.created),
            expires_at: key.validity.expires.map(seconds),
        }
    }
}

impl From<&KeyStats> for api::KeyStats {
    fn from(stats: &KeyStats) -> Self {
        let KeyStats { last_used, admitted, dropped, tokens_used } = *stats;
        Self {
            last_used_at: last_used.map(seconds),
            total_requests: signed(admitted.saturating_add(dropped)),
            success_requests: signed(admitted),
            dropped_requests: signed(dropped),
            tokens_used: signed(tokens_used),
        }
    }
}

impl From<&Token> for api::Token {
    fn from(token: &Token) -> Self {
        Self {
            public_part: token.public.to_string(),
            name: token.name.to_string(),
            scopes: token.scopes.iter().map(Scope::word).map(str::to_owned).collect(),
            created_at: seconds(token.validity.created),
            expires_at: token.validity.expires.map(seconds),
        }
    }
}

/// When it was last used.
pub(super) fn last_used_at(time: Option<UnixSeconds>) -> Option<i64> {
    time.map(seconds)
}

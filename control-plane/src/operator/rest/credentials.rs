//! The calls on keys of clients and on tokens. What is secret is in the answer that makes it alone.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use super::{
    draft::{OptionalDraft, Replacement},
    head::{PathId, PathPart},
    shapes::{Done, tagged},
};
use crate::{
    credentials::{ClientKey, KeyStats, Scopes, Secret, Token, UnixSeconds},
    http::ApiError,
    operator::{Caller, IfMatch, KeyDraft, Operator, Tag, TokenDraft},
};

type Answer = Result<Response, ApiError>;

/// A key, as far as it may be shown again.
#[derive(Serialize)]
struct KeyShape<'a> {
    public_part: &'a str,
    client_id: &'a str,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

/// What came of its requests, since the process started.
#[derive(Serialize)]
struct KeyWithStats<'a> {
    #[serde(flatten)]
    key: KeyShape<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<String>,
    total_requests: u64,
    success_requests: u64,
    dropped_requests: u64,
    tokens_used: u64,
}

/// A token, as far as it may be shown again.
#[derive(Serialize)]
struct TokenShape<'a> {
    public_part: &'a str,
    name: &'a str,
    scopes: Scopes,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

#[derive(Serialize)]
struct TokenWithUse<'a> {
    #[serde(flatten)]
    token: TokenShape<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<String>,
}

#[derive(Serialize)]
struct KeyList<'a> {
    keys: BTreeMap<&'a str, KeyShape<'a>>,
    count: usize,
}

#[derive(Serialize)]
struct TokenList<'a> {
    tokens: BTreeMap<&'a str, TokenShape<'a>>,
    count: usize,
}

#[derive(Serialize)]
struct NewKeyShape<'a> {
    success: bool,
    message: String,
    key: &'a str,
    config: KeyShape<'a>,
}

#[derive(Serialize)]
struct NewTokenShape<'a> {
    success: bool,
    message: String,
    token: &'a str,
    config: TokenShape<'a>,
}

impl<'a> From<&'a ClientKey> for KeyShape<'a> {
    fn from(key: &'a ClientKey) -> Self {
        Self {
            public_part: key.public.as_str(),
            client_id: key.client.as_str(),
            created_at: key.validity.created.rfc3339(),
            expires_at: key.validity.expires.map(UnixSeconds::rfc3339),
        }
    }
}

impl<'a> From<&'a Token> for TokenShape<'a> {
    fn from(token: &'a Token) -> Self {
        Self {
            public_part: token.public.as_str(),
            name: token.name.as_str(),
            scopes: token.scopes,
            created_at: token.validity.created.rfc3339(),
            expires_at: token.validity.expires.map(UnixSeconds::rfc3339),
        }
    }
}

pub(super) async fn create_key(
    State(operator): State<Arc<Operator>>,
    PathId(client): PathId,
    caller: Caller,
    if_match: IfMatch,
    OptionalDraft(draft): OptionalDraft<KeyDraft>,
) -> Answer {
    let new = operator.create_key(&client, draft, if_match, &caller).await?;
    let (message, config) = (new.to_string(), KeyShape::from(&new.key));
    let key = Secret::expose(&new.secret);
    Ok(shown_once(&new.tag(), &NewKeyShape { success: true, message, key, config }))
}

pub(super) async fn list_keys(
    State(operator): State<Arc<Operator>>,
    PathId(client): PathId,
    caller: Caller,
) -> Answer {
    let keys = operator.keys(&client, &caller)?;
    let by_part = keys.iter().map(|key| (key.public.as_str(), KeyShape::from(key)));
    Ok(Json(KeyList { keys: by_part.collect(), count: keys.len() }).into_response())
}

pub(super) async fn show_key(
    State(operator): State<Arc<Operator>>,
    PathId(client): PathId,
    PathPart(part): PathPart,
    caller: Caller,
) -> Answer {
    let found = operator.key(&client, &part, &caller)?;
    let (key, KeyStats { last_used, admitted, dropped, tokens_used }) = &found.value;
    let shape = KeyWithStats {
        key: key.into(),
        last_used_at: last_used.map(UnixSeconds::rfc3339),
        total_requests: admitted.saturating_add(*dropped),
        success_requests: *admitted,
        dropped_requests: *dropped,
        tokens_used: *tokens_used,
    };
    Ok(tagged(&found.tag, Json(shape)))
}

pub(super) async fn remove_key(
    State(operator): State<Arc<Operator>>,
    PathId(client): PathId,
    PathPart(part): PathPart,
    caller: Caller,
    if_match: IfMatch,
) -> Answer {
    let removal = operator.remove_key(&client, &part, if_match, &caller).await?;
    Ok(Json(Done::alone(removal.to_string())).into_response())
}

pub(super) async fn create_token(
    State(operator): State<Arc<Operator>>,
    caller: Caller,
    if_match: IfMatch,
    Replacement(draft): Replacement<TokenDraft>,
) -> Answer {
    let new = operator.create_token(draft, if_match, &caller).await?;
    let (message, config) = (new.to_string(), TokenShape::from(&new.token));
    let token = Secret::expose(&new.secret);
    Ok(shown_once(&new.tag(), &NewTokenShape { success: true, message, token, config }))
}

pub(super) async fn list_tokens(State(operator): State<Arc<Operator>>, caller: Caller) -> Response {
    let tokens = operator.tokens(&caller);
    let by_part = tokens.iter().map(|token| (token.public.as_str(), TokenShape::from(token)));
    Json(TokenList { tokens: by_part.collect(), count: tokens.len() }).into_response()
}

pub(super) async fn show_token(
    State(operator): State<Arc<Operator>>,
    PathId(part): PathId,
    caller: Caller,
) -> Answer {
    let found = operator.token(&part, &caller)?;
    let (token, last_used) = &found.value;
    let last_used_at = last_used.map(UnixSeconds::rfc3339);
    Ok(tagged(&found.tag, Json(TokenWithUse { token: token.into(), last_used_at })))
}

pub(super) async fn remove_token(
    State(operator): State<Arc<Operator>>,
    PathId(part): PathId,
    caller: Caller,
    if_match: IfMatch,
) -> Answer {
    let removal = operator.remove_token(&part, if_match, &caller).await?;
    Ok(Json(Done::alone(removal.to_string())).into_response())
}

/// What was made, with what nobody is shown again: no cache keeps it.
fn shown_once(tag: &Tag, shape: &impl Serialize) -> Response {
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (StatusCode::CREATED, no_store, tagged(tag, Json(shape))).into_response()
}

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
    credentials::{KeyJson, KeyStats, Secret, TokenJson, UnixSeconds},
    http::ApiError,
    operator::{Caller, IfMatch, KeyDraft, Operator, Tag, TokenDraft},
};

type Answer = Result<Response, ApiError>;

/// What came of its requests, since the process started.
#[derive(Serialize)]
struct KeyWithStats<'a> {
    #[serde(flatten)]
    key: KeyJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<String>,
    total_requests: u64,
    success_requests: u64,
    dropped_requests: u64,
    tokens_used: u64,
}

#[derive(Serialize)]
struct TokenWithUse<'a> {
    #[serde(flatten)]
    token: TokenJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<String>,
}

#[derive(Serialize)]
struct KeyList<'a> {
    keys: BTreeMap<&'a str, KeyJson<'a>>,
    count: usize,
}

#[derive(Serialize)]
struct TokenList<'a> {
    tokens: BTreeMap<&'a str, TokenJson<'a>>,
    count: usize,
}

#[derive(Serialize)]
struct NewKeyShape<'a> {
    success: bool,
    message: String,
    key: &'a str,
    config: KeyJson<'a>,
}

#[derive(Serialize)]
struct NewTokenShape<'a> {
    success: bool,
    message: String,
    token: &'a str,
    config: TokenJson<'a>,
}

pub(super) async fn create_key(
    State(operator): State<Arc<Operator>>,
    PathId(client): PathId,
    caller: Caller,
    if_match: IfMatch,
    OptionalDraft(draft): OptionalDraft<KeyDraft>,
) -> Answer {
    let new = operator.create_key(&client, draft, if_match, &caller).await?;
    let (message, config) = (new.to_string(), KeyJson::shown(&new.key));
    let key = Secret::expose(&new.secret);
    Ok(shown_once(&new.tag(), &NewKeyShape { success: true, message, key, config }))
}

pub(super) async fn list_keys(
    State(operator): State<Arc<Operator>>,
    PathId(client): PathId,
    caller: Caller,
) -> Answer {
    let keys = operator.keys(&client, &caller)?;
    let by_part = keys.iter().map(|key| (key.public.as_str(), KeyJson::shown(key)));
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
        key: KeyJson::shown(key),
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
    let (message, config) = (new.to_string(), TokenJson::shown(&new.token));
    let token = Secret::expose(&new.secret);
    Ok(shown_once(&new.tag(), &NewTokenShape { success: true, message, token, config }))
}

pub(super) async fn list_tokens(State(operator): State<Arc<Operator>>, caller: Caller) -> Response {
    let tokens = operator.tokens(&caller);
    let by_part = tokens.iter().map(|token| (token.public.as_str(), TokenJson::shown(token)));
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
    Ok(tagged(&found.tag, Json(TokenWithUse { token: TokenJson::shown(token), last_used_at })))
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

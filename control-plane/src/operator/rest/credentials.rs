//! The calls on keys of clients and on tokens. What is secret is in the answer that makes it alone.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use super::{
    describe,
    draft::{OptionalDraft, Replacement},
    head::{PathId, PathPart},
    page,
    shapes::{Done, tagged},
};
use crate::{
    credentials::{KeyJson, KeyStats, PublicPart, Secret, TokenJson, UnixSeconds},
    http::ApiError,
    operator::{Caller, KeyDraft, Operator, Precondition, Tag, TokenDraft, page::Page},
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
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[derive(Serialize)]
struct TokenList<'a> {
    tokens: BTreeMap<&'a str, TokenJson<'a>>,
    count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
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

/// Makes a key of a client.
#[utoipa::path(
    post,
    path = "/api/v1/clients/{id}/keys",
    tag = "keys",
    operation_id = "createKey",
    params(describe::ClientInPath, describe::Condition),
    request_body(content = Option<describe::NewKey>, content_type = "application/json"),
    responses((status = 201, description = "It was made, and is shown here alone.", body = describe::KeyMade, headers(("etag" = String, description = "Its tag, which is another one after each write."))),
        describe::NotThere,
        describe::BadBody,
        describe::NotChanged),
)]
pub(super) async fn create_key(
    State(operator): State<Arc<Operator>>,
    PathId(client): PathId,
    caller: Caller,
    precondition: Precondition,
    OptionalDraft(draft): OptionalDraft<KeyDraft>,
) -> Answer {
    let new = operator.create_key(&client, draft, precondition, &caller).await?;
    let (message, config) = (new.to_string(), KeyJson::shown(&new.key));
    let key = Secret::expose(&new.secret);
    Ok(shown_once(&new.tag(), &NewKeyShape { success: true, message, key, config }))
}

/// A client's keys.
#[utoipa::path(
    get,
    path = "/api/v1/clients/{id}/keys",
    tag = "keys",
    operation_id = "listKeys",
    params(describe::ClientInPath, describe::PartPage),
    responses((status = 200, description = "Its keys.", body = describe::KeyList),
        describe::NotThere,
        describe::BadQuery),
)]
pub(super) async fn list_keys(
    State(operator): State<Arc<Operator>>,
    PathId(client): PathId,
    RawQuery(query): RawQuery,
    caller: Caller,
) -> Answer {
    let section = page::section::<PublicPart>(query.as_deref())?;
    let mut keys = operator.keys(&client, &caller)?;
    keys.sort_by_key(|key| key.public);
    let Page { items, next } = section.of(keys.iter(), |key| key.public.as_str());
    let count = items.len();
    let by_part = items.into_iter().map(|key| (key.public.as_str(), KeyJson::shown(key)));
    let list = KeyList { keys: by_part.collect(), count, next_cursor: next };
    Ok(Json(list).into_response())
}

/// A key, with what came of the requests that showed it.
#[utoipa::path(
    get,
    path = "/api/v1/clients/{id}/keys/{part}",
    tag = "keys",
    operation_id = "getKey",
    params(describe::ClientInPath, describe::PartInPath),
    responses((status = 200, description = "The key.", body = describe::KeyWithStats, headers(("etag" = String, description = "Its tag, which is another one after each write."))),
        describe::NotThere),
)]
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

/// Revokes a key.
#[utoipa::path(
    delete,
    path = "/api/v1/clients/{id}/keys/{part}",
    tag = "keys",
    operation_id = "deleteKey",
    params(describe::ClientInPath, describe::PartInPath, describe::Condition),
    responses((status = 200, description = "It was revoked.", body = describe::Done),
        describe::NotThere,
        describe::NotChanged),
)]
pub(super) async fn remove_key(
    State(operator): State<Arc<Operator>>,
    PathId(client): PathId,
    PathPart(part): PathPart,
    caller: Caller,
    precondition: Precondition,
) -> Answer {
    let removal = operator.remove_key(&client, &part, precondition, &caller).await?;
    Ok(Json(Done::alone(removal.to_string())).into_response())
}

/// Makes a token.
#[utoipa::path(
    post,
    path = "/api/v1/tokens",
    tag = "tokens",
    operation_id = "createToken",
    params(describe::Condition),
    request_body(content = describe::NewToken, content_type = "application/json"),
    responses((status = 201, description = "It was made, and is shown here alone.", body = describe::TokenMade, headers(("etag" = String, description = "Its tag, which is another one after each write."))),
        describe::BadBody,
        describe::NotChanged),
)]
pub(super) async fn create_token(
    State(operator): State<Arc<Operator>>,
    caller: Caller,
    precondition: Precondition,
    Replacement(draft): Replacement<TokenDraft>,
) -> Answer {
    let new = operator.create_token(draft, precondition, &caller).await?;
    let (message, config) = (new.to_string(), TokenJson::shown(&new.token));
    let token = Secret::expose(&new.secret);
    Ok(shown_once(&new.tag(), &NewTokenShape { success: true, message, token, config }))
}

/// All tokens.
#[utoipa::path(
    get,
    path = "/api/v1/tokens",
    tag = "tokens",
    operation_id = "listTokens",
    params(describe::PartPage),
    responses((status = 200, description = "All tokens.", body = describe::TokenList),
        describe::BadQuery),
)]
pub(super) async fn list_tokens(
    State(operator): State<Arc<Operator>>,
    RawQuery(query): RawQuery,
    caller: Caller,
) -> Answer {
    let section = page::section::<PublicPart>(query.as_deref())?;
    let mut tokens = operator.tokens(&caller);
    tokens.sort_by_key(|token| token.public);
    let Page { items, next } = section.of(tokens.iter(), |token| token.public.as_str());
    let count = items.len();
    let by_part = items.into_iter().map(|token| (token.public.as_str(), TokenJson::shown(token)));
    let list = TokenList { tokens: by_part.collect(), count, next_cursor: next };
    Ok(Json(list).into_response())
}

/// A token.
#[utoipa::path(
    get,
    path = "/api/v1/tokens/{part}",
    tag = "tokens",
    operation_id = "getToken",
    params(describe::PartInPath),
    responses((status = 200, description = "The token.", body = describe::TokenWithUse, headers(("etag" = String, description = "Its tag, which is another one after each write."))),
        describe::NotThere),
)]
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

/// Revokes a token.
#[utoipa::path(
    delete,
    path = "/api/v1/tokens/{part}",
    tag = "tokens",
    operation_id = "deleteToken",
    params(describe::PartInPath, describe::Condition),
    responses((status = 200, description = "It was revoked.", body = describe::Done),
        describe::NotThere,
        describe::NotChanged),
)]
pub(super) async fn remove_token(
    State(operator): State<Arc<Operator>>,
    PathId(part): PathId,
    caller: Caller,
    precondition: Precondition,
) -> Answer {
    let removal = operator.remove_token(&part, precondition, &caller).await?;
    Ok(Json(Done::alone(removal.to_string())).into_response())
}

/// What was made, with what nobody is shown again: no cache keeps it.
fn shown_once(tag: &Tag, shape: &impl Serialize) -> Response {
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (StatusCode::CREATED, no_store, tagged(tag, Json(shape))).into_response()
}

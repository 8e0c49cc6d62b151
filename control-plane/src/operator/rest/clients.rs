//! The calls: each reads its request, calls the operator's function and writes the answer.

use std::sync::Arc;

use axum::{
    Json,
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use limiter::ClientId;

use super::{
    describe,
    draft::{Patch, Replacement},
    head::PathId,
    list, page,
    shapes::{Done, Stats, tagged},
};
use crate::{
    clients::{ClientJson, Span},
    http::{ApiError, pieces},
    operator::{Caller, Change, Draft, Operator, Precondition, backup},
};

type Answer = Result<Response, ApiError>;

/// All clients, in the order of their ids.
#[utoipa::path(
    get,
    path = "/api/v1/clients",
    tag = "clients",
    operation_id = "listClients",
    params(describe::ClientPage),
    responses((status = 200, description = "All clients.", body = describe::ClientList),
        describe::BadQuery),
)]
pub(super) async fn list(
    State(operator): State<Arc<Operator>>,
    RawQuery(query): RawQuery,
    caller: Caller,
) -> Answer {
    let section = page::section::<ClientId>(query.as_deref())?;
    let turns = operator.readers().clone();
    let read = move |span: &Span, max| operator.configs_within(span, max, &caller);
    list::answer(turns, "clients", section, read).await
}

/// All clients' statistics.
#[utoipa::path(
    get,
    path = "/api/v1/stats",
    tag = "statistics",
    operation_id = "listStats",
    params(describe::ClientPage),
    responses((status = 200, description = "All of them.", body = describe::StatsList),
        describe::BadQuery),
)]
pub(super) async fn all_stats(
    State(operator): State<Arc<Operator>>,
    RawQuery(query): RawQuery,
    caller: Caller,
) -> Answer {
    let section = page::section::<ClientId>(query.as_deref())?;
    let turns = operator.readers().clone();
    let read = move |span: &Span, max| operator.stats_within(span, max, &caller);
    list::answer(turns, "stats", section, read).await
}

/// A backup of all that is kept, in lines of JSON.
#[utoipa::path(
    get,
    path = "/api/v1/backup",
    tag = "configuration",
    operation_id = "backup",
    responses((status = 200, description = "The lines.", body = describe::Backup, content_type = "application/jsonl")),
)]
pub(super) async fn backup(State(operator): State<Arc<Operator>>, caller: Caller) -> Answer {
    let document = operator.backup(&caller);
    let body = pieces::body(operator.readers().clone(), backup::pieces(document)).await?;
    Ok(([(header::CONTENT_TYPE, "application/jsonl")], body).into_response())
}

/// Creates a client, or replaces all of it.
#[utoipa::path(
    post,
    path = "/api/v1/clients",
    tag = "clients",
    operation_id = "setClient",
    params(describe::ConditionOfNew),
    request_body(content = describe::NewClient, content_type = "application/json"),
    responses((status = 200, description = "It was replaced.", body = describe::ClientWritten, headers(("etag" = String, description = "Its tag, which is another one after each write."))),
        (status = 201, description = "It was created.", body = describe::ClientWritten, headers(("etag" = String, description = "Its tag, which is another one after each write."))),
        describe::BadBody,
        describe::NotChanged),
)]
pub(super) async fn create(
    State(operator): State<Arc<Operator>>,
    caller: Caller,
    precondition: Precondition,
    Replacement(draft): Replacement<Draft>,
) -> Answer {
    Ok(changed(&operator.set(draft, precondition, &caller).await?))
}

/// A client.
#[utoipa::path(
    get,
    path = "/api/v1/clients/{id}",
    tag = "clients",
    operation_id = "getClient",
    params(describe::ClientInPath),
    responses((status = 200, description = "The client.", body = describe::Client, headers(("etag" = String, description = "Its tag, which is another one after each write."))),
        describe::NotThere),
)]
pub(super) async fn show(
    State(operator): State<Arc<Operator>>,
    PathId(id): PathId,
    caller: Caller,
) -> Answer {
    let config = operator.get(&id, &caller)?;
    Ok(tagged(&config.tag, Json(ClientJson::from(&config.value))))
}

/// Replaces all of a client, or creates it.
#[utoipa::path(
    put,
    path = "/api/v1/clients/{id}",
    tag = "clients",
    operation_id = "putClient",
    params(describe::ClientInPath, describe::ConditionOfNew),
    request_body(content = describe::ClientFields, content_type = "application/json"),
    responses((status = 200, description = "It was replaced.", body = describe::ClientWritten, headers(("etag" = String, description = "Its tag, which is another one after each write."))),
        (status = 201, description = "It was created.", body = describe::ClientWritten, headers(("etag" = String, description = "Its tag, which is another one after each write."))),
        describe::BadBody,
        describe::NotChanged),
)]
pub(super) async fn replace(
    State(operator): State<Arc<Operator>>,
    PathId(id): PathId,
    caller: Caller,
    precondition: Precondition,
    Replacement(draft): Replacement<Draft>,
) -> Answer {
    let draft = Draft { addressed_to: Some(id), ..draft };
    Ok(changed(&operator.set(draft, precondition, &caller).await?))
}

/// Changes what is named of a client, and keeps the rest.
#[utoipa::path(
    patch,
    path = "/api/v1/clients/{id}",
    tag = "clients",
    operation_id = "patchClient",
    params(describe::ClientInPath, describe::Condition),
    request_body(content(
        (describe::ClientFields = "application/json"),
        (describe::ClientFields = "application/merge-patch+json")
    )),
    responses((status = 200, description = "It was changed.", body = describe::ClientWritten, headers(("etag" = String, description = "Its tag, which is another one after each write."))),
        describe::NotThere,
        describe::BadBody,
        describe::NotChanged),
)]
pub(super) async fn change(
    State(operator): State<Arc<Operator>>,
    PathId(id): PathId,
    caller: Caller,
    precondition: Precondition,
    Patch(draft): Patch,
) -> Answer {
    Ok(changed(&operator.patch(&id, draft, precondition, &caller).await?))
}

/// Deletes a client.
#[utoipa::path(
    delete,
    path = "/api/v1/clients/{id}",
    tag = "clients",
    operation_id = "deleteClient",
    params(describe::ClientInPath, describe::Condition),
    responses((status = 200, description = "It was deleted.", body = describe::Done),
        describe::NotThere,
        describe::NotChanged),
)]
pub(super) async fn remove(
    State(operator): State<Arc<Operator>>,
    PathId(id): PathId,
    caller: Caller,
    precondition: Precondition,
) -> Answer {
    let removal = operator.remove(&id, precondition, &caller).await?;
    Ok(Json(Done::alone(removal.to_string())).into_response())
}

/// Fills a client's buckets.
#[utoipa::path(
    post,
    path = "/api/v1/clients/{id}/reset",
    tag = "clients",
    operation_id = "resetClient",
    params(describe::ClientInPath, describe::Condition),
    responses((status = 200, description = "Its statistics.", body = describe::Stats),
        describe::NotThere,
        describe::NotReset),
)]
pub(super) async fn reset(
    State(operator): State<Arc<Operator>>,
    PathId(id): PathId,
    caller: Caller,
    precondition: Precondition,
) -> Answer {
    let stats = operator.reset(&id, precondition, &caller).await?;
    Ok(Json(Stats::from(&stats)).into_response())
}

/// A client's statistics.
#[utoipa::path(
    get,
    path = "/api/v1/clients/{id}/stats",
    tag = "statistics",
    operation_id = "getClientStats",
    params(describe::ClientInPath),
    responses((status = 200, description = "Its statistics.", body = describe::Stats),
        describe::NotThere),
)]
pub(super) async fn stats(
    State(operator): State<Arc<Operator>>,
    PathId(id): PathId,
    caller: Caller,
) -> Answer {
    let stats = operator.stats(&id, &caller).await?;
    Ok(Json(Stats::from(&stats)).into_response())
}

fn changed(change: &Change) -> Response {
    let status = match change.before {
        None => StatusCode::CREATED,
        Some(_) => StatusCode::OK,
    };
    let done = Done::with(change.to_string(), ClientJson::from(&change.config));
    (status, tagged(&change.tag(), Json(done))).into_response()
}

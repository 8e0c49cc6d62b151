//! The calls: each reads its request, calls the admin function and writes the answer.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;

use super::{
    body::Patch,
    list,
    path::PathId,
    shapes::{Config, Done, Stats},
};
use crate::{
    admin::{Admin, AdminError, Caller, Draft, Stored},
    http_server::ApiError,
};

type Answer = Result<Response, ApiError>;

pub(super) async fn list(State(admin): State<Arc<Admin>>) -> Answer {
    let turns = admin.readers().clone();
    list::answer(turns, "clients", move |after, max| admin.configs_after(after, max)).await
}

pub(super) async fn all_stats(State(admin): State<Arc<Admin>>) -> Answer {
    let turns = admin.readers().clone();
    list::answer(turns, "stats", move |after, max| admin.stats_after(after, max)).await
}

pub(super) async fn create(
    State(admin): State<Arc<Admin>>,
    caller: Caller,
    draft: Draft,
) -> Answer {
    Ok(stored(&admin.set(draft, caller).await?))
}

pub(super) async fn show(State(admin): State<Arc<Admin>>, PathId(id): PathId) -> Answer {
    let config = admin.get(&id).ok_or(AdminError::ClientNotFound)?;
    Ok(Json(Config::from(&config)).into_response())
}

pub(super) async fn replace(
    State(admin): State<Arc<Admin>>,
    PathId(id): PathId,
    caller: Caller,
    draft: Draft,
) -> Answer {
    let draft = Draft { addressed_to: Some(id), ..draft };
    Ok(stored(&admin.set(draft, caller).await?))
}

pub(super) async fn change(
    State(admin): State<Arc<Admin>>,
    PathId(id): PathId,
    caller: Caller,
    Patch(draft): Patch,
) -> Answer {
    Ok(stored(&admin.patch(&id, draft, caller).await?))
}

pub(super) async fn remove(
    State(admin): State<Arc<Admin>>,
    PathId(id): PathId,
    caller: Caller,
) -> Answer {
    let message = admin.remove(&id, caller).await?;
    Ok(Json(Done::removed(message)).into_response())
}

pub(super) async fn reset(
    State(admin): State<Arc<Admin>>,
    PathId(id): PathId,
    caller: Caller,
) -> Answer {
    let stats = admin.reset(&id, caller).await?;
    Ok(Json(Stats::from(&stats)).into_response())
}

pub(super) async fn stats(State(admin): State<Arc<Admin>>, PathId(id): PathId) -> Answer {
    let stats = admin.stats(&id).ok_or(AdminError::ClientNotFound)?;
    Ok(Json(Stats::from(&stats)).into_response())
}

fn stored(stored: &Stored) -> Response {
    let status = match stored.before {
        None => StatusCode::CREATED,
        Some(_) => StatusCode::OK,
    };
    (status, Json(Done::stored(stored))).into_response()
}

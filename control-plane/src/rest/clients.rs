//! The calls: each reads its request, calls the admin function and writes the answer.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;

use super::{
    list,
    path::PathId,
    shapes::{Config, Done, Stats},
};
use crate::{
    admin::{Admin, AdminError, Draft, Stored},
    http_server::ApiError,
    ledger::Written,
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

pub(super) async fn create(State(admin): State<Arc<Admin>>, draft: Draft) -> Answer {
    Ok(stored(&admin.set(draft).await?))
}

pub(super) async fn show(State(admin): State<Arc<Admin>>, PathId(id): PathId) -> Answer {
    let config = admin.get(&id).ok_or(AdminError::ClientNotFound)?;
    Ok(Json(Config::from(&config)).into_response())
}

pub(super) async fn replace(
    State(admin): State<Arc<Admin>>,
    PathId(id): PathId,
    draft: Draft,
) -> Answer {
    let draft = Draft { addressed_to: Some(id), ..draft };
    Ok(stored(&admin.set(draft).await?))
}

pub(super) async fn remove(State(admin): State<Arc<Admin>>, PathId(id): PathId) -> Answer {
    let message = admin.remove(&id).await?;
    Ok(Json(Done::removed(message)).into_response())
}

pub(super) async fn stats(State(admin): State<Arc<Admin>>, PathId(id): PathId) -> Answer {
    let stats = admin.stats(&id).ok_or(AdminError::ClientNotFound)?;
    Ok(Json(Stats::from(&stats)).into_response())
}

fn stored(stored: &Stored) -> Response {
    let status = match stored.written {
        Written::Created => StatusCode::CREATED,
        Written::Replaced => StatusCode::OK,
    };
    (status, Json(Done::stored(stored))).into_response()
}

//! The calls: each reads its request, calls the operator's function and writes the answer.

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
    http::ApiError,
    operator::{Caller, Draft, Operator, OperatorError, Stored},
};

type Answer = Result<Response, ApiError>;

pub(super) async fn list(State(operator): State<Arc<Operator>>) -> Answer {
    let turns = operator.readers().clone();
    list::answer(turns, "clients", move |after, max| operator.configs_after(after, max)).await
}

pub(super) async fn all_stats(State(operator): State<Arc<Operator>>) -> Answer {
    let turns = operator.readers().clone();
    list::answer(turns, "stats", move |after, max| operator.stats_after(after, max)).await
}

pub(super) async fn create(
    State(operator): State<Arc<Operator>>,
    caller: Caller,
    draft: Draft,
) -> Answer {
    Ok(stored(&operator.set(draft, caller).await?))
}

pub(super) async fn show(State(operator): State<Arc<Operator>>, PathId(id): PathId) -> Answer {
    let config = operator.get(&id).ok_or(OperatorError::ClientNotFound)?;
    Ok(Json(Config::from(&config)).into_response())
}

pub(super) async fn replace(
    State(operator): State<Arc<Operator>>,
    PathId(id): PathId,
    caller: Caller,
    draft: Draft,
) -> Answer {
    let draft = Draft { addressed_to: Some(id), ..draft };
    Ok(stored(&operator.set(draft, caller).await?))
}

pub(super) async fn change(
    State(operator): State<Arc<Operator>>,
    PathId(id): PathId,
    caller: Caller,
    Patch(draft): Patch,
) -> Answer {
    Ok(stored(&operator.patch(&id, draft, caller).await?))
}

pub(super) async fn remove(
    State(operator): State<Arc<Operator>>,
    PathId(id): PathId,
    caller: Caller,
) -> Answer {
    let message = operator.remove(&id, caller).await?;
    Ok(Json(Done::removed(message)).into_response())
}

pub(super) async fn reset(
    State(operator): State<Arc<Operator>>,
    PathId(id): PathId,
    caller: Caller,
) -> Answer {
    let stats = operator.reset(&id, caller).await?;
    Ok(Json(Stats::from(&stats)).into_response())
}

pub(super) async fn stats(State(operator): State<Arc<Operator>>, PathId(id): PathId) -> Answer {
    let stats = operator.stats(&id).ok_or(OperatorError::ClientNotFound)?;
    Ok(Json(Stats::from(&stats)).into_response())
}

fn stored(stored: &Stored) -> Response {
    let status = match stored.before {
        None => StatusCode::CREATED,
        Some(_) => StatusCode::OK,
    };
    (status, Json(Done::stored(stored))).into_response()
}

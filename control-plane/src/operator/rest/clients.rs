//! The calls: each reads its request, calls the operator's function and writes the answer.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};

use super::{
    draft::{Patch, Replacement},
    head::PathId,
    list,
    shapes::{Done, Stats, tagged},
};
use crate::{
    clients::ClientJson,
    http::{ApiError, pieces},
    operator::{Caller, Change, Draft, IfMatch, Operator, backup},
};

type Answer = Result<Response, ApiError>;

pub(super) async fn list(State(operator): State<Arc<Operator>>, caller: Caller) -> Answer {
    let turns = operator.readers().clone();
    let read = move |after: Option<&_>, max| operator.configs_after(after, max, &caller);
    list::answer(turns, "clients", read).await
}

pub(super) async fn all_stats(State(operator): State<Arc<Operator>>, caller: Caller) -> Answer {
    let turns = operator.readers().clone();
    let read = move |after: Option<&_>, max| operator.stats_after(after, max, &caller);
    list::answer(turns, "stats", read).await
}

pub(super) async fn backup(State(operator): State<Arc<Operator>>, caller: Caller) -> Answer {
    let document = operator.backup(&caller);
    let body = pieces::body(operator.readers().clone(), backup::pieces(document)).await?;
    Ok(([(header::CONTENT_TYPE, "application/jsonl")], body).into_response())
}

pub(super) async fn create(
    State(operator): State<Arc<Operator>>,
    caller: Caller,
    if_match: IfMatch,
    Replacement(draft): Replacement<Draft>,
) -> Answer {
    Ok(changed(&operator.set(draft, if_match, &caller).await?))
}

pub(super) async fn show(
    State(operator): State<Arc<Operator>>,
    PathId(id): PathId,
    caller: Caller,
) -> Answer {
    let config = operator.get(&id, &caller)?;
    Ok(tagged(&config.tag, Json(ClientJson::from(&config.value))))
}

pub(super) async fn replace(
    State(operator): State<Arc<Operator>>,
    PathId(id): PathId,
    caller: Caller,
    if_match: IfMatch,
    Replacement(draft): Replacement<Draft>,
) -> Answer {
    let draft = Draft { addressed_to: Some(id), ..draft };
    Ok(changed(&operator.set(draft, if_match, &caller).await?))
}

pub(super) async fn change(
    State(operator): State<Arc<Operator>>,
    PathId(id): PathId,
    caller: Caller,
    if_match: IfMatch,
    Patch(draft): Patch,
) -> Answer {
    Ok(changed(&operator.patch(&id, draft, if_match, &caller).await?))
}

pub(super) async fn remove(
    State(operator): State<Arc<Operator>>,
    PathId(id): PathId,
    caller: Caller,
    if_match: IfMatch,
) -> Answer {
    let removal = operator.remove(&id, if_match, &caller).await?;
    Ok(Json(Done::alone(removal.to_string())).into_response())
}

pub(super) async fn reset(
    State(operator): State<Arc<Operator>>,
    PathId(id): PathId,
    caller: Caller,
    if_match: IfMatch,
) -> Answer {
    let stats = operator.reset(&id, if_match, &caller).await?;
    Ok(Json(Stats::from(&stats)).into_response())
}

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

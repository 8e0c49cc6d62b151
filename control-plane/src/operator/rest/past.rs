//! The calls on what was decided of late over a client's requests.

use std::sync::Arc;

use axum::{
    Json,
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};
use limiter::{Tokens, Wait};
use serde::Serialize;

use super::{describe, head::PathId, query};
use crate::{
    excerpt::Excerpt,
    http::ApiError,
    ledger::{DecisionCursor, HistoryPoint, KeptDecision},
    operator::{
        Caller, Operator,
        past::{DECISIONS_AT_A_TIME, DECISIONS_AT_A_TIME_MAX},
    },
    rfc3339::rfc3339,
};

#[derive(Serialize)]
struct PageJson<'a> {
    client_id: &'a str,
    replica: &'a str,
    oldest: Option<String>,
    decisions: Vec<DecisionJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[derive(Serialize)]
struct DecisionJson<'a> {
    time: Option<String>,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    shadow: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    reserved: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    never: Option<bool>,
}

#[derive(Serialize)]
struct HistoryJson<'a> {
    client_id: &'a str,
    replica: &'a str,
    from: Option<String>,
    oldest: Option<String>,
    points: Vec<PointJson>,
}

#[derive(Serialize)]
struct PointJson {
    time: Option<String>,
    requests: u64,
    refused: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused_in_shadow: Option<u64>,
    reserved: u64,
    used: u64,
}

/// What was decided of late over requests of a client, the newest first. Ids that nobody configured are
/// together the client `unknown`.
#[utoipa::path(
    get,
    path = "/api/v1/clients/{id}/decisions",
    tag = "statistics",
    operation_id = "listDecisions",
    params(describe::ClientInPath, describe::DecisionPage),
    responses((status = 200, description = "Some of the latest.", body = describe::Decisions),
        describe::BadQuery, describe::NotThere, describe::NotKept),
)]
pub(super) async fn decisions(
    State(operator): State<Arc<Operator>>,
    PathId(client_id): PathId,
    RawQuery(query): RawQuery,
    caller: Caller,
) -> Result<Response, ApiError> {
    let [limit, cursor] = query::read(query.as_deref(), ["limit", "cursor"])?;
    let max = query::limit(limit.as_deref(), DECISIONS_AT_A_TIME, DECISIONS_AT_A_TIME_MAX)?;
    let cursor = cursor.as_deref().map(read_cursor).transpose()?;
    let page = operator.decisions(&client_id, cursor, max, &caller).await?;
    let answer = PageJson {
        client_id: &client_id,
        replica: operator.events().replica(),
        oldest: rfc3339(page.oldest),
        decisions: page.decisions.iter().map(DecisionJson::from).collect(),
        next_cursor: page.next.map(|cursor| cursor.to_string()),
    };
    Ok(Json(answer).into_response())
}

/// A client's last hour, a point a minute.
#[utoipa::path(
    get,
    path = "/api/v1/clients/{id}/history",
    tag = "statistics",
    operation_id = "getHistory",
    params(describe::ClientInPath),
    responses((status = 200, description = "Minute by minute.", body = describe::History),
        describe::NotThere, describe::NotKept),
)]
pub(super) async fn history(
    State(operator): State<Arc<Operator>>,
    PathId(client_id): PathId,
    caller: Caller,
) -> Result<Response, ApiError> {
    let history = operator.history(&client_id, &caller).await?;
    let answer = HistoryJson {
        client_id: &client_id,
        replica: operator.events().replica(),
        from: rfc3339(history.from),
        oldest: rfc3339(history.oldest),
        points: history.points.iter().map(PointJson::from).collect(),
    };
    Ok(Json(answer).into_response())
}

fn read_cursor(cursor: &str) -> Result<DecisionCursor, ApiError> {
    cursor.parse().map_err(|_| {
        let value = Excerpt::quoted(cursor);
        let told = "cursor must be an earlier answer's next_cursor, or absent, not";
        query::invalid(format!("{told} {value}"))
    })
}

impl<'a> From<&'a KeptDecision> for DecisionJson<'a> {
    fn from(of: &'a KeptDecision) -> Self {
        let (limit, wait) = of.refusal.as_ref().map(|(limit, wait)| (&**limit, *wait)).unzip();
        let retry_after_ms = match wait {
            Some(Wait::Millis(ms)) => Some(ms),
            Some(Wait::Never) | None => None,
        };
        Self {
            time: rfc3339(of.at),
            verdict: of.verdict(),
            shadow: of.in_shadow.then_some(true),
            model: of.model.as_deref(),
            reserved: of.reserved.get(),
            duration_ms: of.duration_ms(),
            used: of.used.map(Tokens::get),
            limit,
            retry_after_ms,
            never: matches!(wait, Some(Wait::Never)).then_some(true),
        }
    }
}

impl From<&HistoryPoint> for PointJson {
    fn from(of: &HistoryPoint) -> Self {
        let HistoryPoint { at, requests, refused, refused_in_shadow, reserved, used } = *of;
        Self {
            time: rfc3339(at),
            requests,
            refused,
            refused_in_shadow: Some(refused_in_shadow).filter(|refused| *refused > 0),
            reserved,
            used,
        }
    }
}

//! The call on the audit.

use std::sync::Arc;

use axum::{
    Json,
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::query;
use crate::{
    audit::{Entry, Filter, Page},
    excerpt::Excerpt,
    http::ApiError,
    operator::{
        Caller, Operator,
        audited::{ENTRIES_AT_A_TIME, ENTRIES_AT_A_TIME_MAX},
    },
};

#[derive(Serialize)]
struct Entries {
    entries: Vec<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

pub(super) async fn list(
    State(operator): State<Arc<Operator>>,
    RawQuery(query): RawQuery,
    caller: Caller,
) -> Result<Response, ApiError> {
    let [object, limit, cursor] = query::read(query.as_deref(), ["object", "limit", "cursor"])?;
    let max = query::limit(limit.as_deref(), ENTRIES_AT_A_TIME, ENTRIES_AT_A_TIME_MAX)?;
    let before = cursor.as_deref().map(id).transpose()?;
    let Page { entries, next } = operator.audit(&Filter { object, before }, max, &caller);
    Ok(Json(Entries { entries, next_cursor: next.map(|id| id.to_string()) }).into_response())
}

fn id(cursor: &str) -> Result<u64, ApiError> {
    cursor.parse().map_err(|_| {
        let value = Excerpt::quoted(cursor);
        let told = "cursor must be an earlier answer's next_cursor, or absent, not";
        query::invalid(format!("{told} {value}"))
    })
}

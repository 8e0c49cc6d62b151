//! The call on the audit.

use std::sync::Arc;

use axum::{
    Json,
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{describe, query};
use crate::{
    audit::{Entry, Filter, Page},
    excerpt::Excerpt,
    http::ApiError,
    operator::{
        Caller, Operator,
        audited::{ENTRIES_AT_A_TIME, ENTRIES_AT_A_TIME_MAX},
        page::number,
    },
};

#[derive(Serialize)]
struct Answer {
    entries: Vec<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    #[serde(skip_serializing_if = "is_none")]
    unreadable: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_none(count: &usize) -> bool {
    *count == 0
}

/// Who changed what, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/audit",
    tag = "audit",
    operation_id = "listAudit",
    params(describe::AuditPage),
    responses((status = 200, description = "Some of the newest lines.", body = describe::AuditList),
        describe::BadQuery),
)]
pub(super) async fn list(
    State(operator): State<Arc<Operator>>,
    RawQuery(query): RawQuery,
    caller: Caller,
) -> Result<Response, ApiError> {
    let [object, limit, cursor] = query::read(query.as_deref(), ["object", "limit", "cursor"])?;
    let max = query::limit(limit.as_deref(), ENTRIES_AT_A_TIME, ENTRIES_AT_A_TIME_MAX)?;
    let before = cursor.as_deref().map(id).transpose()?;
    let page = operator.audit(&Filter { object, before }, max, &caller).await?;
    let Page { entries, next, unreadable } = page;
    let next_cursor = next.map(|id| id.to_string());
    Ok(Json(Answer { entries, next_cursor, unreadable }).into_response())
}

fn id(cursor: &str) -> Result<u64, ApiError> {
    number(cursor).ok_or_else(|| {
        let value = Excerpt::quoted(cursor);
        let told = "cursor must be an earlier answer's next_cursor, or absent, not";
        query::invalid(format!("{told} {value}"))
    })
}

//! The whole configuration as one document.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::{RawQuery, State},
    response::Response,
};
use http::{HeaderMap, Request, header};
use serde::{Serialize, de::IgnoredAny};

use super::{
    body::{self, essence, require_type},
    describe,
    draft::no_json,
    query,
    shapes::tagged,
};
use crate::{
    excerpt::Excerpt,
    http::{ApiError, JSON, pieces},
    operator::{
        ByKind, Caller, DOCUMENT_BYTES_MAX, Difference, Names, Notation, Operator, OperatorError,
        Precondition, Replacement, Run, Wanted, document,
    },
};

const YAML: &str = "application/yaml";

/// All that is configured, as one document.
#[utoipa::path(
    get,
    path = "/api/v1/config",
    tag = "configuration",
    operation_id = "getConfig",
    responses((status = 200, description = "The document.", body = describe::Document, headers(("etag" = String, description = "Its tag, which is another one after each write.")))),
)]
pub(super) async fn show(
    State(operator): State<Arc<Operator>>,
    caller: Caller,
) -> Result<Response, ApiError> {
    // Asked first: what is written meanwhile makes the document newer than its tag, and never older.
    let tag = operator.tag(&caller);
    let pieces = document::pieces(Arc::clone(&operator), caller);
    let body = pieces::body(operator.readers().clone(), pieces).await?;
    Ok(tagged(&tag, ([(header::CONTENT_TYPE, JSON)], body)))
}

/// Puts a document in force, whole or not at all.
#[utoipa::path(
    put,
    path = "/api/v1/config",
    tag = "configuration",
    operation_id = "putConfig",
    params(describe::DryRun, describe::Condition),
    request_body(content(
        (describe::Document = "application/json"),
        (describe::YamlDocument = "application/yaml")
    )),
    responses((status = 200, description = "What it changed, or would.", body = describe::DocumentWritten, headers(("etag" = String, description = "Its tag, which is another one after each write."))),
        describe::BadBody,
        describe::NotChanged),
)]
pub(super) async fn replace(
    State(operator): State<Arc<Operator>>,
    RawQuery(query): RawQuery,
    caller: Caller,
    precondition: Precondition,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let run = read_run(query.as_deref())?;
    require_type(request.headers(), &[JSON, YAML], "JSON or YAML")?;
    let notation = notation(request.headers());
    // Only one that is long is in memory at a time.
    let place = operator.document_place();
    let document = body::read_in_place(request, DOCUMENT_BYTES_MAX, place).await??;
    let read = move |body: &[u8]| read(body, notation);
    let replacement = operator.replace_by(document, read, run, precondition, &caller).await?;
    Ok(tagged(&replacement.tag, Json(Answer::from(&replacement))))
}

fn read(body: &[u8], notation: Notation) -> Result<Wanted, ApiError> {
    if notation == Notation::Json {
        serde_json::from_slice::<IgnoredAny>(body).map_err(|error| no_json(&error))?;
    }
    Ok(Wanted::read_as(body, notation).map_err(OperatorError::from)?)
}

/// As which it is declared.
fn notation(headers: &HeaderMap) -> Notation {
    if essence(headers).eq_ignore_ascii_case(JSON) { Notation::Json } else { Notation::Yaml }
}

fn read_run(query: Option<&str>) -> Result<Run, ApiError> {
    let [dry_run] = query::read(query, ["dry_run"])?;
    match dry_run.as_deref() {
        None | Some("false") => Ok(Run::Real),
        Some("true") => Ok(Run::Dry),
        Some(other) => {
            let value = Excerpt::quoted(other);
            Err(query::invalid(format!("dry_run must be true or false, not {value}")))
        }
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    success: bool,
    dry_run: bool,
    message: String,
    created: Lists<'a>,
    replaced: Lists<'a>,
    deleted: Lists<'a>,
    /// Names that had no room.
    #[serde(skip_serializing_if = "Option::is_none")]
    untold: Option<usize>,
}

#[derive(Serialize)]
struct Lists<'a> {
    clients: &'a [String],
    limits: &'a [String],
    models: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    keys: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    tokens: &'a [String],
}

impl<'a> From<&'a Replacement> for Answer<'a> {
    fn from(replacement: &'a Replacement) -> Self {
        let Difference { created, replaced, deleted, .. } = &replacement.difference;
        Self {
            success: true,
            dry_run: replacement.is_dry_run,
            message: replacement.to_string(),
            created: created.into(),
            replaced: replaced.into(),
            deleted: deleted.into(),
            untold: Some(replacement.difference.untold()).filter(|untold| *untold > 0),
        }
    }
}

impl<'a> From<&'a ByKind> for Lists<'a> {
    fn from(names: &'a ByKind) -> Self {
        let told = |names: &'a Names| names.told.as_slice();
        Self {
            clients: told(&names.clients),
            limits: told(&names.limits),
            models: told(&names.models),
            keys: told(&names.keys),
            tokens: told(&names.tokens),
        }
    }
}

//! The call that tells what other limits would have done.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, Request, header};
use limiter::Wait;
use serde::{Serialize, de::MapAccess};

use super::{
    body::{self, BODY_BYTES_MAX, require_type},
    describe,
    draft::parse,
    from_json::FromJson,
    object::{FromFields, Object, read_field},
};
use crate::{
    http::{ApiError, JSON},
    ledger::{ClientPreview, FirstRefusal, Preview, Refusals},
    operator::{
        Caller, DOCUMENT_BYTES_MAX, Draft, FieldErrors, Fields, LimitDraft, Notation, Operator,
        OperatorError, PreviewDraft, SentDocument,
    },
    rfc3339::rfc3339,
};

/// The longest body: a whole document, and what stands around it.
const PREVIEW_BYTES_MAX: usize = DOCUMENT_BYTES_MAX + BODY_BYTES_MAX;

/// When to ask again while another preview is under way.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// What would have been refused of late, where one client, one limit or all of the configuration had
/// been as the body says. Nothing is changed, and no decision waits.
#[utoipa::path(
    post,
    path = "/api/v1/preview",
    tag = "statistics",
    operation_id = "preview",
    request_body(content((describe::PreviewOf = "application/json"))),
    responses((status = 200, description = "What was refused, and would have been.", body = describe::Preview),
        describe::BadBody,
        describe::NotPreviewed),
)]
pub(super) async fn preview(
    State(operator): State<Arc<Operator>>,
    caller: Caller,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    require_type(request.headers(), &[JSON], "JSON")?;
    let place = async { operator.preview_place() };
    let (body, place) = match body::read_in_place(request, PREVIEW_BYTES_MAX, place).await? {
        Ok(read) => read,
        Err(error @ OperatorError::PreviewBusy) => return Ok(busy(error)),
        Err(error) => return Err(error.into()),
    };
    let draft = parse::<PreviewDraft>(&body)?;
    drop(body);
    let preview = operator.preview(draft, place, &caller).await?;
    Ok(Json(PreviewJson::from(&preview)).into_response())
}

fn busy(error: OperatorError) -> Response {
    let mut response = ApiError::from(error).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    response
}

impl FromFields for PreviewDraft {
    const OF: Fields = Fields::Preview;

    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        let errors = &mut self.errors;
        match name {
            "client" => read_field("client", &mut self.client, map, errors),
            "limit" => read_field("limit", &mut self.limit, map, errors),
            "config" => read_field("config", &mut self.config, map, errors),
            _ => Ok(false),
        }
    }

    fn errors(&mut self) -> &mut FieldErrors {
        &mut self.errors
    }
}

impl FromJson for Draft {
    fn read(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok().map(|Object(draft)| draft)
    }
}

impl FromJson for LimitDraft {
    fn read(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok().map(|Object(draft)| draft)
    }
}

/// A document, of which places are told from its own first line on.
impl FromJson for SentDocument {
    fn read(json: &str) -> Option<Self> {
        let document = || Self { text: json.as_bytes().to_vec(), notation: Notation::Json };
        json.starts_with('{').then(document)
    }
}

#[derive(Serialize)]
struct PreviewJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest: Option<String>,
    decisions: u64,
    cut: bool,
    then: RefusalsJson,
    now: RefusalsJson,
    newly_refused: u64,
    newly_admitted: u64,
    clients: Vec<ClientJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    untold: Option<usize>,
}

#[derive(Serialize)]
struct RefusalsJson {
    refused: u64,
    never: u64,
    longest_wait_ms: u64,
    total_wait_ms: u64,
}

#[derive(Serialize)]
struct ClientJson<'a> {
    client_id: &'a str,
    decisions: u64,
    then: RefusalsJson,
    now: RefusalsJson,
    newly_refused: u64,
    newly_admitted: u64,
    limits: Vec<LimitJson<'a>>,
    first: Vec<FirstJson<'a>>,
}

#[derive(Serialize)]
struct LimitJson<'a> {
    name: &'a str,
    then: u64,
    now: u64,
}

#[derive(Serialize)]
struct FirstJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    limit: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    never: Option<bool>,
}

impl<'a> From<&'a Preview> for PreviewJson<'a> {
    fn from(preview: &'a Preview) -> Self {
        let (oldest, latest) = preview.over.unzip();
        Self {
            oldest: oldest.and_then(rfc3339),
            latest: latest.and_then(rfc3339),
            decisions: preview.decisions,
            cut: preview.is_cut,
            then: preview.then.into(),
            now: preview.now.into(),
            newly_refused: preview.newly_refused,
            newly_admitted: preview.newly_admitted,
            clients: preview.clients.iter().map(ClientJson::from).collect(),
            untold: Some(preview.untold).filter(|untold| *untold > 0),
        }
    }
}

impl From<Refusals> for RefusalsJson {
    fn from(of: Refusals) -> Self {
        let Refusals { requests, never, longest_wait_ms, total_wait_ms } = of;
        Self { refused: requests, never, longest_wait_ms, total_wait_ms }
    }
}

impl<'a> From<&'a ClientPreview> for ClientJson<'a> {
    fn from(of: &'a ClientPreview) -> Self {
        let limit =
            |(name, then, now): &'a (String, u64, u64)| LimitJson { name, then: *then, now: *now };
        Self {
            client_id: of.client.as_str(),
            decisions: of.decisions,
            then: of.then.into(),
            now: of.now.into(),
            newly_refused: of.newly_refused,
            newly_admitted: of.newly_admitted,
            limits: of.by_limit.iter().map(limit).collect(),
            first: of.first.iter().map(FirstJson::from).collect(),
        }
    }
}

impl<'a> From<&'a FirstRefusal> for FirstJson<'a> {
    fn from(of: &'a FirstRefusal) -> Self {
        let (retry_after_ms, never) = match of.wait {
            Wait::Millis(ms) => (Some(ms), None),
            Wait::Never => (None, Some(true)),
        };
        Self {
            time: rfc3339(of.at),
            tokens: of.tokens.get(),
            model: of.model.as_deref(),
            limit: &of.limit,
            retry_after_ms,
            never,
        }
    }
}

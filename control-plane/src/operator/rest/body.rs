//! A request's body: a JSON object that drafts a client's configuration.

use std::{convert::Infallible, fmt};

use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts, Request},
};
use http::{HeaderMap, header, request::Parts};
use http_body_util::BodyExt as _;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{
    http::{ApiError, ErrorCode},
    operator::{Caller, Draft, FieldError, Shown},
};

/// The longest body that is read.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// How much of a longer body is taken and thrown away, so that its sender gets to read the answer:
/// a connection that is closed with unread data in it is reset, and the answer lost.
const DISCARDED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Declares JSON.
const JSON: &str = "application/json";

/// Declares JSON that changes what it names and keeps the rest (RFC 7396).
const MERGE_PATCH: &str = "application/merge-patch+json";

impl<S: Sync> FromRequest<S> for Draft {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        draft(request, &[JSON]).await
    }
}

/// A draft of the fields that are to be changed.
pub(super) struct Patch(pub(super) Draft);

impl<S: Sync> FromRequest<S> for Patch {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        draft(request, &[MERGE_PATCH, JSON]).await.map(Self)
    }
}

/// Who sends a request.
impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.extensions))
    }
}

async fn draft(request: Request, types: &[&str]) -> Result<Draft, ApiError> {
    require_type(request.headers(), types)?;
    let body = read(request.into_body()).await?;
    parse(&body)
}

fn require_type(headers: &HeaderMap, types: &[&str]) -> Result<(), ApiError> {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = declared.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    if types.iter().any(|allowed| essence.eq_ignore_ascii_case(allowed)) {
        return Ok(());
    }
    let message =
        format!("the body must be JSON and be declared so: Content-Type: {}", types.join(" or "));
    Err(ApiError::new(ErrorCode::UnsupportedMediaType, message))
}

async fn read(mut body: Body) -> Result<Vec<u8>, ApiError> {
    let mut read = Vec::new();
    let mut len = 0_usize;
    while len <= DISCARDED_BYTES_MAX
        && let Some(frame) = body.frame().await
    {
        let Ok(frame) = frame else {
            return Err(ApiError::new(ErrorCode::InvalidJson, "the body did not arrive whole"));
        };
        if let Ok(data) = frame.into_data() {
            len = len.saturating_add(data.len());
            if len <= BODY_BYTES_MAX {
                read.extend_from_slice(&data);
            }
        }
    }
    if len > BODY_BYTES_MAX {
        let message = format!("the body must not be longer than {BODY_BYTES_MAX} bytes");
        return Err(ApiError::new(ErrorCode::BodyTooLarge, message));
    }
    Ok(read)
}

fn parse(body: &[u8]) -> Result<Draft, ApiError> {
    match serde_json::from_slice(body) {
        Ok(Spelled(draft)) => Ok(draft),
        // What serde_json says then repeats the value, however long it is.
        Err(error) if error.is_data() => {
            Err(ApiError::new(ErrorCode::InvalidJson, "the body must be a JSON object"))
        }
        Err(error) => {
            Err(ApiError::new(ErrorCode::InvalidJson, format!("the body is not JSON: {error}")))
        }
    }
}

/// A draft with every value as it was spelled: numbers keep their notation, and nothing is judged
/// while it is read, so that all errors can be told at once.
struct Spelled(Draft);

impl<'de> Deserialize<'de> for Spelled {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SpelledVisitor)
    }
}

struct SpelledVisitor;

impl<'de> Visitor<'de> for SpelledVisitor {
    type Value = Spelled;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Spelled, A::Error> {
        let mut draft = Draft::default();
        while let Some(name) = map.next_key::<String>()? {
            let (field, value) = match name.as_str() {
                "client_id" => ("client_id", &mut draft.client_id),
                "rpm" => ("rpm", &mut draft.rpm),
                "tpm" => ("tpm", &mut draft.tpm),
                "enabled" => ("enabled", &mut draft.enabled),
                "min_estimate" => ("min_estimate", &mut draft.min_estimate),
                other => {
                    let name = Shown::new(&serde_json::Value::from(other).to_string());
                    draft.errors.push(FieldError::Unknown { name });
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            let spelled = map.next_value::<&RawValue>()?.get();
            if value.is_none() {
                *value = Some(spelled.to_owned());
            } else {
                draft.errors.push(FieldError::Repeated { field });
            }
        }
        Ok(Spelled(draft))
    }
}

//! A request's body: a JSON object that drafts a client's configuration.

use std::fmt;

use axum::{
    body::Body,
    extract::{FromRequest, Request},
};
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{
    admin::{Draft, FieldError, Shown},
    http_server::{ApiError, ErrorCode},
};

/// The longest body that is read.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// How much of a longer body is taken and thrown away, so that its sender gets to read the answer:
/// a connection that is closed with unread data in it is reset, and the answer lost.
const DISCARDED_BYTES_MAX: usize = 4 * 1024 * 1024;

impl<S: Sync> FromRequest<S> for Draft {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        require_json(request.headers())?;
        let body = read(request.into_body()).await?;
        parse(&body)
    }
}

fn require_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = declared.and_then(|value| value.split(';').next()).unwrap_or_default();
    if essence.trim().eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let message = "the body must be JSON and be declared so: Content-Type: application/json";
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

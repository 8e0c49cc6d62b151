//! A JSON object that drafts a client's configuration.
//!
//! Nothing is judged while it is read, and what is no value of its field is kept as it was spelled,
//! so that all errors can be told at once.

use std::fmt;

use axum::extract::{FromRequest, Request};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    body::{read, require_type},
    error::INVALID_JSON,
    from_json::FromJson,
};
use crate::{
    excerpt::Excerpt,
    http::ApiError,
    operator::{Draft, FieldError, FieldErrors, Fields, Given},
};

/// Declares JSON.
const JSON: &str = "application/json";

/// Declares JSON that changes what it names and keeps the rest (RFC 7396).
const MERGE_PATCH: &str = "application/merge-patch+json";

/// A draft of a whole configuration.
pub(super) struct Replacement(pub(super) Draft);

impl<S: Sync> FromRequest<S> for Replacement {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        draft(request, &[JSON]).await.map(Self)
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

async fn draft(request: Request, types: &[&str]) -> Result<Draft, ApiError> {
    require_type(request.headers(), types)?;
    let body = read(request).await?;
    parse(&body)
}

fn parse(body: &[u8]) -> Result<Draft, ApiError> {
    match serde_json::from_slice(body) {
        Ok(Object(draft)) => Ok(draft),
        // What serde_json says then repeats the value, however long it is.
        Err(error) if error.is_data() => {
            Err(ApiError::new(INVALID_JSON, "the body must be a JSON object"))
        }
        Err(error) => Err(ApiError::new(INVALID_JSON, format!("the body is not JSON: {error}"))),
    }
}

/// The draft of `json`, which must be an object.
pub(crate) fn read_draft(json: &str) -> serde_json::Result<Draft> {
    serde_json::from_str(json).map(|Object(draft)| draft)
}

struct Object(Draft);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut draft = Draft::default();
        while let Some(name) = map.next_key::<String>()? {
            let errors = &mut draft.errors;
            match name.as_str() {
                "client_id" => read_field("client_id", &mut draft.client_id, &mut map, errors)?,
                "rpm" => read_field("rpm", &mut draft.rpm, &mut map, errors)?,
                "tpm" => read_field("tpm", &mut draft.tpm, &mut map, errors)?,
                "enabled" => read_field("enabled", &mut draft.enabled, &mut map, errors)?,
                "min_estimate" => {
                    read_field("min_estimate", &mut draft.min_estimate, &mut map, errors)?;
                }
                "group" => read_field("group", &mut draft.group, &mut map, errors)?,
                "plan" => read_field("plan", &mut draft.plan, &mut map, errors)?,
                other => {
                    let name = Excerpt::quoted(other);
                    errors.push(FieldError::Unknown { of: Fields::Client, name });
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Object(draft))
    }
}

fn read_field<'de, T: FromJson, A: MapAccess<'de>>(
    field: &'static str,
    given: &mut Given<T>,
    map: &mut A,
    errors: &mut FieldErrors,
) -> Result<(), A::Error> {
    let json = map.next_value::<&RawValue>()?.get();
    match given {
        Given::Absent => *given = T::given(json),
        Given::Value(_) | Given::Wrong(_) => errors.push(FieldError::Repeated { field }),
    }
    Ok(())
}

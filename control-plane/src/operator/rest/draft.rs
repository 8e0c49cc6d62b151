//! The drafts that bodies and the lines of a backup have in JSON.

use axum::{
    body::HttpBody as _,
    extract::{FromRequest, Request},
};
use http::header;
use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::{
    body::{self, BODY_BYTES_MAX, require_type},
    error::INVALID_JSON,
    from_json::FromJson,
    object::{FromFields, Object, read_field},
};
use crate::{
    http::ApiError,
    operator::{
        Draft, FieldErrors, Fields, Given, KeyRecordDraft, LimitDraft, MatchDraft, ModelDraft,
        TokenRecordDraft,
    },
};

pub(super) use crate::http::JSON;

/// Declares JSON that changes what it names and keeps the rest (RFC 7396).
const MERGE_PATCH: &str = "application/merge-patch+json";

/// A draft of something whole.
pub(super) struct Replacement<D>(pub(super) D);

impl<S: Sync, D: FromFields> FromRequest<S> for Replacement<D> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let body = read(request, &[JSON]).await?;
        parse(&body).map(Self)
    }
}

/// A draft that need not say anything: no body is an empty one.
pub(super) struct OptionalDraft<D>(pub(super) D);

impl<S: Sync, D: FromFields> FromRequest<S> for OptionalDraft<D> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        if request.body().is_end_stream() && !request.headers().contains_key(header::CONTENT_TYPE) {
            return Ok(Self(D::default()));
        }
        let body = read(request, &[JSON]).await?;
        parse(&body).map(Self)
    }
}

/// A draft of the fields that are to be changed.
pub(super) struct Patch(pub(super) Draft);

impl<S: Sync> FromRequest<S> for Patch {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let body = read(request, &[MERGE_PATCH, JSON]).await?;
        parse(&body).map(Self)
    }
}

/// A list of patterns, which is all that there is to a model.
pub(super) struct PatternList(pub(super) Given<Vec<Given<String>>>);

impl<S: Sync> FromRequest<S> for PatternList {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let body = read(request, &[JSON]).await?;
        let json: &RawValue = serde_json::from_slice(&body).map_err(|error| no_json(&error))?;
        Ok(Self(FromJson::given(json.get())))
    }
}

async fn read(request: Request, types: &[&str]) -> Result<Vec<u8>, ApiError> {
    require_type(request.headers(), types, "JSON")?;
    body::read(request, BODY_BYTES_MAX).await
}

pub(super) fn parse<D: FromFields>(body: &[u8]) -> Result<D, ApiError> {
    match serde_json::from_slice(body) {
        Ok(Object(draft)) => Ok(draft),
        // What serde_json says then repeats the value, however long it is.
        Err(error) if error.is_data() => {
            Err(ApiError::new(INVALID_JSON, "the body must be a JSON object"))
        }
        Err(error) => Err(no_json(&error)),
    }
}

pub(super) fn no_json(error: &serde_json::Error) -> ApiError {
    ApiError::new(INVALID_JSON, format!("the body is not JSON: {error}"))
}

/// The draft of a client of `json`, which must be an object.
pub(crate) fn read_draft(json: &str) -> serde_json::Result<Draft> {
    serde_json::from_str(json).map(|Object(draft)| draft)
}

/// The draft of a limit of `json`, which must be an object.
pub(crate) fn read_limit(json: &str) -> serde_json::Result<LimitDraft> {
    serde_json::from_str(json).map(|Object(draft)| draft)
}

/// The draft of a model of `json`, which must be an object.
pub(crate) fn read_model(json: &str) -> serde_json::Result<ModelDraft> {
    serde_json::from_str(json).map(|Object(draft)| draft)
}

/// The draft of what is kept of a key of `json`, which must be an object.
pub(crate) fn read_key(json: &str) -> serde_json::Result<KeyRecordDraft> {
    serde_json::from_str(json).map(|Object(draft)| draft)
}

/// The draft of what is kept of a token of `json`, which must be an object.
pub(crate) fn read_token(json: &str) -> serde_json::Result<TokenRecordDraft> {
    serde_json::from_str(json).map(|Object(draft)| draft)
}

impl FromFields for Draft {
    const OF: Fields = Fields::Client;

    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        let errors = &mut self.errors;
        match name {
            "client_id" => read_field("client_id", &mut self.client_id, map, errors),
            "rpm" => read_field("rpm", &mut self.rpm, map, errors),
            "tpm" => read_field("tpm", &mut self.tpm, map, errors),
            "enabled" => read_field("enabled", &mut self.enabled, map, errors),
            "min_estimate" => read_field("min_estimate", &mut self.min_estimate, map, errors),
            "group" => read_field("group", &mut self.group, map, errors),
            "plan" => read_field("plan", &mut self.plan, map, errors),
            "identities" => read_field("identities", &mut self.identities, map, errors),
            _ => Ok(false),
        }
    }

    fn errors(&mut self) -> &mut FieldErrors {
        &mut self.errors
    }
}

impl FromFields for LimitDraft {
    const OF: Fields = Fields::Limit;

    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        let errors = &mut self.errors;
        match name {
            "name" => read_field("name", &mut self.name, map, errors),
            "match" => read_field("match", &mut self.matches, map, errors),
            "each" => read_field("each", &mut self.each, map, errors),
            "requests" => read_field("requests", &mut self.requests, map, errors),
            "tokens" => read_field("tokens", &mut self.tokens, map, errors),
            "concurrent" => read_field("concurrent", &mut self.concurrent, map, errors),
            "per" => read_field("per", &mut self.per, map, errors),
            "burst" => read_field("burst", &mut self.burst, map, errors),
            "mode" => read_field("mode", &mut self.mode, map, errors),
            "trial" => read_field("trial", &mut self.trial, map, errors),
            _ => Ok(false),
        }
    }

    fn errors(&mut self) -> &mut FieldErrors {
        &mut self.errors
    }
}

impl FromFields for MatchDraft {
    const OF: Fields = Fields::Match;

    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        let errors = &mut self.errors;
        match name {
            "client" => read_field("match.client", &mut self.client, map, errors),
            "group" => read_field("match.group", &mut self.group, map, errors),
            "plan" => read_field("match.plan", &mut self.plan, map, errors),
            "model" => read_field("match.model", &mut self.model, map, errors),
            _ => Ok(false),
        }
    }

    fn errors(&mut self) -> &mut FieldErrors {
        &mut self.errors
    }
}

impl FromJson for MatchDraft {
    fn read(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok().map(|Object(draft)| draft)
    }
}

impl FromFields for ModelDraft {
    const OF: Fields = Fields::Model;

    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        let errors = &mut self.errors;
        match name {
            "name" => read_field("name", &mut self.name, map, errors),
            "patterns" => read_field("patterns", &mut self.patterns, map, errors),
            _ => Ok(false),
        }
    }

    fn errors(&mut self) -> &mut FieldErrors {
        &mut self.errors
    }
}

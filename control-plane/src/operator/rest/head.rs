//! What a request says before its body: who sends it, which client, limit or
//! model it is about, and what has to be there for it to be done.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::{HeaderName, header, request::Parts};
use percent_encoding::percent_decode_str;

use crate::{
    http::ApiError,
    operator::{Caller, Precondition},
};

/// Segments before the id: `/api/v1/clients/{id}` begins with an empty one.
const SEGMENTS_BEFORE_ID: usize = 4;

/// The same of what is named below an id: `/api/v1/clients/{id}/keys/{public part}`.
const SEGMENTS_BEFORE_PART: usize = 6;

/// The text between two slashes, percent-decoded; not necessarily an id that a client could have.
///
/// axum's own extractor refuses bytes that are not UTF-8. Here they become replacement
/// characters, which no id has, so that such an id is not found like any other that cannot be.
pub(super) struct PathId(pub(super) String);

impl<S: Sync> FromRequestParts<S> for PathId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(segment(parts, SEGMENTS_BEFORE_ID)))
    }
}

/// What is named below an id, likewise: the public part of a client's key.
pub(super) struct PathPart(pub(super) String);

impl<S: Sync> FromRequestParts<S> for PathPart {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(segment(parts, SEGMENTS_BEFORE_PART)))
    }
}

fn segment(parts: &Parts, before: usize) -> String {
    let segment = parts.uri.path().split('/').nth(before).unwrap_or_default();
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

/// What has to be there for a write to be done.
impl<S: Sync> FromRequestParts<S> for Precondition {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let [if_match, if_none_match] =
            [header::IF_MATCH, header::IF_NONE_MATCH].map(|name| joined(parts, &name));
        Self::parse(&if_match, &if_none_match)
            .map_err(|error| ApiError::from(error).into_response())
    }
}

/// All lines of a header as one list.
fn joined(parts: &Parts, name: &HeaderName) -> String {
    let lines = parts.headers.get_all(name).iter();
    let lines: Vec<_> = lines.map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
    lines.join(",")
}

/// Who sends a request.
impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.extensions))
    }
}

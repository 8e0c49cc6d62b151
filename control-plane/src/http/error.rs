//! What an error looks like on every HTTP port, and the errors that are the server's own.

use std::borrow::Cow;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::Serialize;

use crate::turns::Shutdown;

/// Declares JSON.
pub(crate) const JSON: &str = "application/json";

/// What kind of error an answer is: programs tell errors apart by it, so it never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ErrorCode {
    /// The `error` of the answer.
    pub(crate) name: &'static str,
    /// The answer's status.
    pub(crate) status: StatusCode,
}

impl ErrorCode {
    /// No such path.
    const NOT_FOUND: Self = Self { name: "not_found", status: StatusCode::NOT_FOUND };

    /// The path does not know this method.
    const METHOD_NOT_ALLOWED: Self =
        Self { name: "method_not_allowed", status: StatusCode::METHOD_NOT_ALLOWED };

    /// The request was meant for another host.
    pub(super) const MISDIRECTED_REQUEST: Self =
        Self { name: "misdirected_request", status: StatusCode::MISDIRECTED_REQUEST };

    /// The request comes from a web page that may not call.
    pub(super) const ORIGIN_NOT_ALLOWED: Self =
        Self { name: "origin_not_allowed", status: StatusCode::FORBIDDEN };

    /// The request did not arrive, or was not answered, in time.
    pub(super) const REQUEST_TIMEOUT: Self =
        Self { name: "request_timeout", status: StatusCode::REQUEST_TIMEOUT };

    /// The process is about to end.
    const STOPPING: Self = Self { name: "stopping", status: StatusCode::SERVICE_UNAVAILABLE };
}

/// An error as it is answered: `{"error":code,"message":text}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    code: ErrorCode,
    message: Cow<'static, str>,
}

impl ApiError {
    /// `message` is for people: one line that says what to do about it.
    pub(crate) fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }

    /// What programs tell it by.
    pub(super) fn code(&self) -> ErrorCode {
        self.code
    }

    /// What people read of it.
    pub(super) fn message(&self) -> &str {
        &self.message
    }
}

impl From<Shutdown> for ApiError {
    fn from(shutdown: Shutdown) -> Self {
        Self::new(ErrorCode::STOPPING, shutdown.to_string())
    }
}

#[derive(Serialize)]
struct Body<'a> {
    error: &'static str,
    message: &'a str,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Body { error: self.code.name, message: &self.message };
        let mut response = (self.code.status, Json(body)).into_response();
        // Whoever sends it may have to write it in another form.
        response.extensions_mut().insert(self);
        response
    }
}

/// For paths that are not served.
pub(crate) async fn fallback() -> ApiError {
    ApiError::new(ErrorCode::NOT_FOUND, "there is nothing at this path")
}

/// For paths that are served, but not with this method; axum adds which ones are allowed.
pub(crate) async fn method_not_allowed() -> ApiError {
    ApiError::new(ErrorCode::METHOD_NOT_ALLOWED, "this path does not know this method")
}

//! Every error that an HTTP port answers: one table of codes, one shape.

use std::borrow::Cow;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::Serialize;

use super::pieces::Stopping;

/// The `error` of an answer: programs tell errors apart by it, so a code never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// The body is not a JSON object.
    InvalidJson,
    /// A field that has to be there is not.
    MissingField,
    /// A field's value is not allowed, or there is no such field.
    InvalidField,
    /// No such path.
    NotFound,
    /// No such client.
    ClientNotFound,
    /// The path does not know this method.
    MethodNotAllowed,
    /// The request was meant for another host.
    MisdirectedRequest,
    /// The request comes from a web page that may not call.
    OriginNotAllowed,
    /// The request did not arrive, or was not answered, in time.
    RequestTimeout,
    /// The body is longer than is read.
    BodyTooLarge,
    /// The body is not declared as JSON.
    UnsupportedMediaType,
    /// No further client can be configured.
    TooManyClients,
    /// The configuration could not be stored.
    StoreUnavailable,
    /// The process is about to end.
    Stopping,
    /// A fault of this program.
    InternalError,
}

impl ErrorCode {
    /// The code as it stands in an answer.
    pub fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The HTTP status that goes with it.
    pub fn status(self) -> StatusCode {
        self.row().1
    }

    fn row(self) -> (&'static str, StatusCode) {
        match self {
            Self::InvalidJson => ("invalid_json", StatusCode::BAD_REQUEST),
            Self::MissingField => ("missing_field", StatusCode::BAD_REQUEST),
            Self::InvalidField => ("invalid_field", StatusCode::BAD_REQUEST),
            Self::NotFound => ("not_found", StatusCode::NOT_FOUND),
            Self::ClientNotFound => ("client_not_found", StatusCode::NOT_FOUND),
            Self::MethodNotAllowed => ("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED),
            Self::MisdirectedRequest => ("misdirected_request", StatusCode::MISDIRECTED_REQUEST),
            Self::OriginNotAllowed => ("origin_not_allowed", StatusCode::FORBIDDEN),
            Self::RequestTimeout => ("request_timeout", StatusCode::REQUEST_TIMEOUT),
            Self::BodyTooLarge => ("body_too_large", StatusCode::PAYLOAD_TOO_LARGE),
            Self::UnsupportedMediaType => {
                ("unsupported_media_type", StatusCode::UNSUPPORTED_MEDIA_TYPE)
            }
            Self::TooManyClients => ("too_many_clients", StatusCode::INSUFFICIENT_STORAGE),
            Self::StoreUnavailable => ("store_unavailable", StatusCode::SERVICE_UNAVAILABLE),
            Self::Stopping => ("stopping", StatusCode::SERVICE_UNAVAILABLE),
            Self::InternalError => ("internal_error", StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

/// An error as it is answered: `{"error":code,"message":text}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    code: ErrorCode,
    message: Cow<'static, str>,
}

impl ApiError {
    /// `message` is for people: one line that says what to do about it.
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }
}

impl From<Stopping> for ApiError {
    fn from(_: Stopping) -> Self {
        Self::new(ErrorCode::Stopping, "the process is stopping")
    }
}

#[derive(Serialize)]
struct Body<'a> {
    error: &'static str,
    message: &'a str,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Body { error: self.code.as_str(), message: &self.message };
        (self.code.status(), Json(body)).into_response()
    }
}

/// For paths that are not served.
pub(crate) async fn fallback() -> ApiError {
    ApiError::new(ErrorCode::NotFound, "there is nothing at this path")
}

/// For paths that are served, but not with this method; axum adds which ones are allowed.
pub(crate) async fn method_not_allowed() -> ApiError {
    ApiError::new(ErrorCode::MethodNotAllowed, "this path does not know this method")
}

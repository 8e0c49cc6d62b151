//! Errors as REST tells them: the operator's by their table, and those of a body that is no draft.

use http::StatusCode;

use crate::{
    http::{ApiError, ErrorCode},
    operator::{ErrorRow, OperatorError},
};

/// The body is not a JSON object.
pub(super) const INVALID_JSON: ErrorCode =
    ErrorCode { name: "invalid_json", status: StatusCode::BAD_REQUEST };

/// A value is not allowed.
pub(super) const INVALID_FIELD: ErrorCode =
    ErrorCode { name: "invalid_field", status: StatusCode::BAD_REQUEST };

/// The body is longer than is read.
pub(super) const BODY_TOO_LARGE: ErrorCode =
    ErrorCode { name: "body_too_large", status: StatusCode::PAYLOAD_TOO_LARGE };

/// The body is not declared as JSON.
pub(super) const UNSUPPORTED_MEDIA_TYPE: ErrorCode =
    ErrorCode { name: "unsupported_media_type", status: StatusCode::UNSUPPORTED_MEDIA_TYPE };

impl From<OperatorError> for ApiError {
    fn from(error: OperatorError) -> Self {
        let ErrorRow { code: name, http: status, .. } = error.row();
        Self::new(ErrorCode { name, status }, error.to_string())
    }
}

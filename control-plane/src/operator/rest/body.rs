//! A request's body: declared as what it is, and read as far as it may be long.

use axum::body::{Body, HttpBody as _};
use http::{HeaderMap, Request, header};
use http_body_util::BodyExt as _;

use super::error::{BODY_TOO_LARGE, INVALID_JSON, UNSUPPORTED_MEDIA_TYPE};
use crate::http::ApiError;

/// The longest body that is read.
pub(super) const BODY_BYTES_MAX: usize = 256 * 1024;

/// How much of a longer body is taken and thrown away, so that its sender gets to read the answer:
/// a connection that is closed with unread data in it is reset, and the answer lost.
const DISCARDED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// One of `types` has to be declared.
pub(super) fn require_type(
    headers: &HeaderMap,
    types: &[&str],
    notation: &str,
) -> Result<(), ApiError> {
    let essence = essence(headers);
    if types.iter().any(|allowed| essence.eq_ignore_ascii_case(allowed)) {
        return Ok(());
    }
    let message = format!(
        "the body must be {notation} and be declared so: Content-Type: {}",
        types.join(" or ")
    );
    Err(ApiError::new(UNSUPPORTED_MEDIA_TYPE, message))
}

/// The type that is declared, without what says more of it.
pub(super) fn essence(headers: &HeaderMap) -> &str {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    declared.and_then(|value| value.split(';').next()).unwrap_or_default().trim()
}

/// All of it, at most `max` bytes.
pub(super) async fn read(request: Request<Body>, max: usize) -> Result<Vec<u8>, ApiError> {
    let asks_first = request.headers().contains_key(header::EXPECT);
    let mut body = request.into_body();
    // Who asks first has sent nothing yet that would have to be thrown away.
    if asks_first && body.size_hint().lower() > max as u64 {
        return Err(too_large(max));
    }
    let mut read = Vec::new();
    let mut len = 0_usize;
    while len <= DISCARDED_BYTES_MAX.max(max)
        && let Some(frame) = body.frame().await
    {
        let Ok(frame) = frame else {
            return Err(ApiError::new(INVALID_JSON, "the body did not arrive whole"));
        };
        if let Ok(data) = frame.into_data() {
            len = len.saturating_add(data.len());
            if len <= max {
                read.extend_from_slice(&data);
            } else {
                read = Vec::new();
            }
        }
    }
    if len > max { Err(too_large(max)) } else { Ok(read) }
}

fn too_large(max: usize) -> ApiError {
    let message = format!("the body must not be longer than {max} bytes");
    ApiError::new(BODY_TOO_LARGE, message)
}

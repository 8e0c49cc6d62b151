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
    let mut arriving = Arriving::new(request, max)?;
    arriving.go_on_to(usize::MAX).await?;
    arriving.whole()
}

/// The same of one that takes a place, of which there are few: it is taken once the body is there, or is
/// longer than other calls' may be. Whoever sends slowly keeps it from nobody until then.
pub(super) async fn read_in_place<P, E>(
    request: Request<Body>,
    max: usize,
    place: impl Future<Output = Result<P, E>>,
) -> Result<Result<(Vec<u8>, P), E>, ApiError> {
    let mut arriving = Arriving::new(request, max)?;
    arriving.go_on_to(BODY_BYTES_MAX).await?;
    let place = match place.await {
        Ok(place) => place,
        Err(error) => return Ok(Err(error)),
    };
    arriving.go_on_to(usize::MAX).await?;
    Ok(Ok((arriving.whole()?, place)))
}

/// A body of which some has been read.
struct Arriving {
    body: Body,
    /// What was read, while that is not too long.
    read: Vec<u8>,
    len: usize,
    max: usize,
}

impl Arriving {
    fn new(request: Request<Body>, max: usize) -> Result<Self, ApiError> {
        let asks_first = request.headers().contains_key(header::EXPECT);
        let body = request.into_body();
        // Who asks first has sent nothing yet that would have to be thrown away.
        if asks_first && body.size_hint().lower() > max as u64 {
            return Err(too_large(max));
        }
        Ok(Self { body, read: Vec::new(), len: 0, max })
    }

    /// Reads on until there is more than `enough`, or nothing more to come, or too much.
    async fn go_on_to(&mut self, enough: usize) -> Result<(), ApiError> {
        let enough = enough.min(DISCARDED_BYTES_MAX.max(self.max));
        while self.len <= enough
            && let Some(frame) = self.body.frame().await
        {
            let Ok(frame) = frame else {
                return Err(ApiError::new(INVALID_JSON, "the body did not arrive whole"));
            };
            if let Ok(data) = frame.into_data() {
                self.len = self.len.saturating_add(data.len());
                if self.len <= self.max {
                    self.read.extend_from_slice(&data);
                } else {
                    self.read = Vec::new();
                }
            }
        }
        Ok(())
    }

    fn whole(self) -> Result<Vec<u8>, ApiError> {
        if self.len > self.max { Err(too_large(self.max)) } else { Ok(self.read) }
    }
}

fn too_large(max: usize) -> ApiError {
    let message = format!("the body must not be longer than {max} bytes");
    ApiError::new(BODY_TOO_LARGE, message)
}

//! The body of a call that takes one message: it is no longer than that message may be.
//!
//! tonic reads on behind the message, for trailers. A body that goes on and on would be read for as
//! long as its call may take.

use http::Request;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tonic::{Status, body::Body};
use tower::util::MapRequestLayer;

/// The largest message that is read, as large as REST's largest body.
pub(super) const DECODED_BYTES_MAX: usize = 256 * 1024;

/// Whether a message is compressed, and how long it is, in front of it.
const PREFIX_BYTES: usize = 5;

const BODY_BYTES_MAX: usize = PREFIX_BYTES + DECODED_BYTES_MAX;

/// Bounds the bodies of a service's calls, of which each takes one message.
pub(super) fn layer() -> MapRequestLayer<fn(Request<Body>) -> Request<Body>> {
    MapRequestLayer::new(|request| request.map(bounded))
}

fn bounded(body: Body) -> Body {
    let body = Limited::new(body, BODY_BYTES_MAX).map_err(|error| {
        if error.is::<LengthLimitError>() {
            Status::out_of_range(format!("a request has at most {BODY_BYTES_MAX} bytes"))
        } else {
            Status::from_error(error)
        }
    });
    Body::new(body)
}

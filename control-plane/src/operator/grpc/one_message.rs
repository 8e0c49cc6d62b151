//! The body of a call that takes one message: it is no longer than that message may be.
//!
//! tonic reads on behind the message, for trailers. A body that goes on and on would be read for as
//! long as its call may take.

use http::Request;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tonic::{Status, body::Body};
use tower::util::MapRequestLayer;

use crate::operator::DOCUMENT_BYTES_MAX;

/// The largest message that is read, as large as REST's largest body.
pub(super) const DECODED_BYTES_MAX: usize = 256 * 1024;

/// Whether a message is compressed, and how long it is, in front of it.
const PREFIX_BYTES: usize = 5;

const BODY_BYTES_MAX: usize = PREFIX_BYTES + DECODED_BYTES_MAX;

/// The calls that take a stream of messages, which together are one document.
const STREAMED_PATHS: [&str; 2] =
    ["/flowguard.FlowGuardService/SetConfig", "/flowguard.FlowGuardService/Preview"];

/// A whole document, with as much again as pieces of some hundred bytes take around themselves.
const STREAMED_BYTES_MAX: usize = DOCUMENT_BYTES_MAX + DOCUMENT_BYTES_MAX / 8;

/// Bounds the bodies of a service's calls, of which each takes one message.
pub(super) fn layer() -> MapRequestLayer<fn(Request<Body>) -> Request<Body>> {
    MapRequestLayer::new(|request: Request<Body>| {
        let is_streamed = STREAMED_PATHS.contains(&request.uri().path());
        let max = if is_streamed { STREAMED_BYTES_MAX } else { BODY_BYTES_MAX };
        request.map(|body| bounded(body, max))
    })
}

fn bounded(body: Body, max: usize) -> Body {
    let body = Limited::new(body, max).map_err(move |error| {
        if error.is::<LengthLimitError>() {
            Status::out_of_range(format!("a request has at most {max} bytes"))
        } else {
            Status::from_error(error)
        }
    });
    Body::new(body)
}

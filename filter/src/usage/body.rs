//! Decides by a response's headers whether its body is worth looking at.

use crate::HeaderMap;

/// What the response's headers say of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// JSON or an event stream, which may say what was used; or of no stated type.
    Readable,
    /// Compressed or otherwise encoded: it cannot be read.
    Encoded,
    /// Neither JSON nor an event stream.
    Other,
}

impl Body {
    /// Whether a reader has to see it.
    pub fn is_readable(self) -> bool {
        self == Self::Readable
    }

    /// Reads `content-type` and `content-encoding`. A body that has no usage anyway is
    /// [`Body::Other`] even when it is encoded.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut types = values(headers, "content-type").peekable();
        if types.peek().is_some() && !types.any(may_tell) {
            return Self::Other;
        }
        let mut encodings =
            values(headers, "content-encoding").flat_map(|list| list.split(|byte| *byte == b','));
        if encodings.any(is_encoded) { Self::Encoded } else { Self::Readable }
    }
}

fn values<'a>(headers: &'a HeaderMap, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
    headers
        .iter()
        .filter(move |(header, _)| header.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_slice())
}

fn is_encoded(coding: &[u8]) -> bool {
    let coding = coding.trim_ascii();
    !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity")
}

/// Types that are framed, whatever is inside of the frames.
const FRAMED: [&[u8]; 2] = [b"application/grpc", b"multipart/"];

/// JSON of any kind, or an event stream. Plain text is neither, even if it looks so: it may be the
/// model's words from the first to the last, and those must not speak for the upstream.
fn may_tell(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let starts = |prefix: &&[u8]| {
        essence.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    if FRAMED.iter().any(starts) {
        return false;
    }
    essence.eq_ignore_ascii_case(b"text/event-stream")
        || essence.windows(4).any(|part| part.eq_ignore_ascii_case(b"json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pairs: &[(&str, &[u8])], expected: Body) {
        let headers: Vec<_> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect();
        assert_eq!(Body::of(&headers), expected, "{pairs:?}");
    }

    #[test]
    fn json_event_streams_and_what_has_no_type_are_readable() {
        check(&[], Body::Readable);
        for content_type in [
            &b"application/json"[..],
            b"application/json; charset=utf-8",
            b"Application/Vnd.Api+JSON",
            b"application/x-ndjson",
            b"text/event-stream",
            b"Text/Event-Stream; charset=utf-8",
        ] {
            check(&[("content-type", content_type)], Body::Readable);
        }
    }

    #[test]
    fn what_may_be_the_models_own_words_is_other() {
        for content_type in [
            &b""[..],
            b"text/plain",
            b"text/html; charset=json",
            b"no type at all",
            b"\xff",
            b"audio/mpeg",
            b"IMAGE/PNG",
            b"video/mp4; codecs=x",
            b"application/octet-stream",
            b" application/pdf ;a=b",
            b"multipart/mixed; boundary=json",
            b"application/grpc",
            b"application/grpc+json",
            b"application/x-protobuf",
            b"application/vnd.amazon.eventstream",
        ] {
            check(&[("content-type", content_type)], Body::Other);
        }
    }

    #[test]
    fn any_encoding_but_identity_is_encoded() {
        for encoding in [&b"gzip"[..], b"BR", b"identity, gzip", b"zstd,identity", b"\xff"] {
            check(&[("content-encoding", encoding)], Body::Encoded);
        }
        for encoding in [&b""[..], b"identity", b" Identity ,, IDENTITY"] {
            check(&[("content-encoding", encoding)], Body::Readable);
        }
        let identity = ("content-encoding", &b"identity"[..]);
        check(&[identity, ("content-encoding", b"deflate")], Body::Encoded);
    }

    #[test]
    fn an_encoded_body_without_usage_is_other() {
        check(&[("content-encoding", b"gzip"), ("content-type", b"image/svg+xml")], Body::Other);
    }

    #[test]
    fn one_readable_type_of_several_is_enough() {
        check(
            &[("content-type", b"image/png"), ("content-type", b"text/event-stream")],
            Body::Readable,
        );
    }
}

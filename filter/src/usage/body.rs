//! Decides by a response's headers whether its body is worth looking at.

use crate::HeaderMap;

/// What the response's headers say of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// Text that may say what was used.
    Readable,
    /// Compressed or otherwise encoded: it cannot be read.
    Encoded,
    /// Certainly neither JSON nor an event stream.
    Other,
}

impl Body {
    /// Reads `content-type` and `content-encoding`. A body that has no usage anyway is
    /// [`Body::Other`] even when it is encoded.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut types = values(headers, "content-type").peekable();
        if types.peek().is_some() && types.all(is_other) {
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

/// Types whose bodies are frames of their own, whatever is inside of them.
const FRAMED: [&[u8]; 3] =
    [b"application/grpc", b"application/vnd.amazon.eventstream", b"multipart/"];

const BINARY: [&[u8]; 5] = [b"audio/", b"image/", b"video/", b"font/", b"model/"];

const BINARY_APPLICATIONS: [&[u8]; 12] = [
    b"application/octet-stream",
    b"application/pdf",
    b"application/zip",
    b"application/gzip",
    b"application/x-tar",
    b"application/wasm",
    b"application/protobuf",
    b"application/x-protobuf",
    b"application/vnd.google.protobuf",
    b"application/proto",
    b"application/msgpack",
    b"application/cbor",
];

fn is_other(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let starts = |prefix: &&[u8]| {
        essence.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    if FRAMED.iter().any(starts) {
        return true;
    }
    if essence.windows(4).any(|part| part.eq_ignore_ascii_case(b"json")) {
        return false;
    }
    BINARY.iter().any(starts)
        || BINARY_APPLICATIONS.iter().any(|binary| essence.eq_ignore_ascii_case(binary))
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
    fn text_and_what_is_not_named_are_readable() {
        check(&[], Body::Readable);
        for content_type in [
            &b""[..],
            b"application/json",
            b"application/json; charset=utf-8",
            b"Application/Vnd.Api+JSON",
            b"application/x-ndjson",
            b"text/event-stream",
            b"text/plain",
            b"no type at all",
            b"\xff",
        ] {
            check(&[("content-type", content_type)], Body::Readable);
        }
    }

    #[test]
    fn what_is_certainly_no_text_is_other() {
        for content_type in [
            &b"audio/mpeg"[..],
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
        check(&[("content-type", b"image/png"), ("content-type", b"text/plain")], Body::Readable);
    }
}

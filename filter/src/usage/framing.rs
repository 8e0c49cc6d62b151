//! Decides by a response's headers how its body is framed, and whether it is worth looking at.

use crate::header_map::HeaderMap;

/// What the response's headers say of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// JSON or an event stream, which may say what was used; or of no stated type.
    Text,
    /// A stream of JSON documents, each on a line of its own.
    JsonLines,
    /// Amazon's event stream: binary frames of JSON.
    AmazonFrames,
    /// Compressed or otherwise encoded: it cannot be read.
    Encoded,
    /// None of these.
    Other,
}

impl Framing {
    /// Reads `content-type` and `content-encoding`. A body that has no usage anyway is
    /// [`Framing::Other`] even when it is encoded.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        // A type given twice is one value with a comma, and the first that tells anything counts.
        let mut types = headers.members("content-type").peekable();
        let body = match types.peek() {
            None => Some(Self::Text),
            Some(_) => types.find_map(Self::of_type),
        };
        match body {
            None => Self::Other,
            Some(_) if headers.members("content-encoding").any(is_encoding) => Self::Encoded,
            Some(body) => body,
        }
    }

    /// Whether a reader has to see it.
    pub(crate) fn is_readable(self) -> bool {
        matches!(self, Self::Text | Self::JsonLines | Self::AmazonFrames)
    }

    /// JSON of any kind, or an event stream. Plain text is neither, even if it looks so: it may be
    /// the model's words from the first to the last, and those must not speak for the upstream.
    fn of_type(content_type: &[u8]) -> Option<Self> {
        let essence = content_type.split(|byte| *byte == b';').next()?.trim_ascii();
        let is = |name: &&[u8]| essence.eq_ignore_ascii_case(name);
        let starts = |prefix: &&[u8]| {
            essence.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        let names_json = || essence.windows(4).any(|part| part.eq_ignore_ascii_case(b"json"));
        if is(&&b"application/vnd.amazon.eventstream"[..]) {
            Some(Self::AmazonFrames)
        } else if FRAMED.iter().any(starts) {
            None
        } else if JSON_LINES.iter().any(is) {
            Some(Self::JsonLines)
        } else if is(&&b"text/event-stream"[..]) || names_json() {
            Some(Self::Text)
        } else {
            None
        }
    }
}

/// The registered content codings that change bytes. Servers write other words here too (`none`,
/// `utf-8`, `chunked`): they mean no coding, and where one is meant nothing can be read anyway.
const ENCODINGS: [&[u8]; 12] = [
    b"aes128gcm",
    b"br",
    b"compress",
    b"dcb",
    b"dcz",
    b"deflate",
    b"exi",
    b"gzip",
    b"pack200-gzip",
    b"x-compress",
    b"x-gzip",
    b"zstd",
];

fn is_encoding(coding: &[u8]) -> bool {
    ENCODINGS.iter().any(|encoding| coding.eq_ignore_ascii_case(encoding))
}

/// Types that are framed, whatever is inside of the frames.
const FRAMED: [&[u8]; 2] = [b"application/grpc", b"multipart/"];

/// Types in which each line is a document of its own, sent as soon as it is there.
const JSON_LINES: [&[u8]; 9] = [
    b"application/x-ndjson",
    b"application/ndjson",
    b"application/nd-json",
    b"application/jsonl",
    b"application/x-jsonlines",
    b"application/jsonlines",
    b"application/json-lines",
    b"application/json-seq",
    b"application/stream+json",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header_map::headers;

    fn check(pairs: &[(&str, &[u8])], expected: Framing) {
        assert_eq!(Framing::of(&headers(pairs)), expected, "{pairs:?}");
    }

    #[test]
    fn json_event_streams_and_what_has_no_type_are_readable() {
        check(&[], Framing::Text);
        for content_type in [
            &b"application/json"[..],
            b"application/json; charset=utf-8",
            b"Application/Vnd.Api+JSON",
            b"text/event-stream",
            b"Text/Event-Stream; charset=utf-8",
        ] {
            check(&[("content-type", content_type)], Framing::Text);
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
            b"application/vnd.amazon.eventstream+",
            b"text/plain, image/png",
        ] {
            check(&[("content-type", content_type)], Framing::Other);
        }
    }

    #[test]
    fn a_type_given_twice_is_that_type() {
        for content_type in [
            &b"text/event-stream, text/event-stream"[..],
            b"text/event-stream,Text/Event-Stream; charset=utf-8",
            b"text/event-stream; charset=utf-8, text/event-stream",
            b", application/json",
            b"text/plain, application/json",
        ] {
            check(&[("content-type", content_type)], Framing::Text);
        }
        check(
            &[("content-type", b"application/x-ndjson,application/x-ndjson")],
            Framing::JsonLines,
        );
    }

    #[test]
    fn streams_that_are_framed_otherwise_are_told_apart() {
        for content_type in [
            &b"application/x-ndjson"[..],
            b"Application/JSONL; charset=utf-8",
            b"application/json-seq",
        ] {
            check(&[("content-type", content_type)], Framing::JsonLines);
        }
        for content_type in
            [&b"application/vnd.amazon.eventstream"[..], b"Application/Vnd.Amazon.Eventstream; a=b"]
        {
            check(&[("content-type", content_type)], Framing::AmazonFrames);
        }
    }

    #[test]
    fn a_registered_coding_that_changes_bytes_is_encoded() {
        for encoding in [
            &b"gzip"[..],
            b"BR",
            b"identity, gzip",
            b"zstd,identity",
            b"x-gzip",
            b"none, deflate",
            b"dcb",
        ] {
            check(&[("content-encoding", encoding)], Framing::Encoded);
        }
        let identity = ("content-encoding", &b"identity"[..]);
        check(&[identity, ("content-encoding", b"deflate")], Framing::Encoded);
        let frames = ("content-type", &b"application/vnd.amazon.eventstream"[..]);
        check(&[frames, ("content-encoding", b"gzip")], Framing::Encoded);
    }

    #[test]
    fn a_coding_that_is_none_is_read() {
        for encoding in [
            &b""[..],
            b"identity",
            b" Identity ,, IDENTITY",
            b"none",
            b"UTF-8",
            b"chunked",
            b"binary",
            b"aws-chunked",
            b"gzipped",
            b"\xff",
        ] {
            check(&[("content-encoding", encoding)], Framing::Text);
        }
    }

    #[test]
    fn an_encoded_body_without_usage_is_other() {
        check(&[("content-encoding", b"gzip"), ("content-type", b"image/svg+xml")], Framing::Other);
    }

    #[test]
    fn one_readable_type_of_several_is_enough() {
        check(
            &[("content-type", b"image/png"), ("content-type", b"text/event-stream")],
            Framing::Text,
        );
    }
}

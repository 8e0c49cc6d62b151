//! What a request may cost, told by its first line.

use crate::{header_map::HeaderMap, request_line};

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// To make something: its response may cost tokens. What is not for certain one of the others
    /// is one of these.
    Generates,
    /// To read, list or delete what is there, which costs no tokens; a stored response tells again
    /// what was charged when it was made.
    Reads,
    /// To have the tokens of a prompt counted, which costs none.
    Counts,
}

/// The ends of the paths by which vendors count tokens: Anthropic's, Gemini's, OpenAI's, Bedrock's,
/// and Vertex's for Anthropic's models.
const COUNTING: [&[u8]; 5] = [
    b"/count_tokens",
    b":countTokens",
    b"/responses/input_tokens",
    b"/count-tokens",
    b"/count-tokens:rawPredict",
];

impl RequestKind {
    /// As the control plane is told.
    pub(crate) fn on_the_wire(self) -> proto::decision::RequestKind {
        match self {
            Self::Generates => proto::decision::RequestKind::Generates,
            Self::Reads => proto::decision::RequestKind::Reads,
            Self::Counts => proto::decision::RequestKind::Counts,
        }
    }

    /// Methods are compared as they are written: `get` is no GET.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        match request_line::method(headers) {
            Some(b"GET" | b"HEAD" | b"DELETE" | b"OPTIONS") => Self::Reads,
            Some(b"POST") if request_line::path(headers).is_some_and(counts) => Self::Counts,
            _ => Self::Generates,
        }
    }
}

fn counts(path: &[u8]) -> bool {
    COUNTING.iter().any(|end| path.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header_map::headers;

    fn check(method: &str, path: &str, further: &[(&str, &str)], expected: RequestKind) {
        let mut pairs = vec![(":method", method), (":path", path)];
        pairs.extend(further);
        assert_eq!(RequestKind::of(&headers(&pairs)), expected, "{pairs:?}");
    }

    #[test]
    fn methods_that_make_nothing_read() {
        for method in ["GET", "HEAD", "DELETE", "OPTIONS"] {
            check(method, "/v1/chat/completions", &[], RequestKind::Reads);
            check(method, "/v1/messages/count_tokens", &[], RequestKind::Reads);
            check(method, "//a/%2e%2e;b", &[], RequestKind::Reads);
        }
    }

    #[test]
    fn every_other_method_generates() {
        for method in [
            "POST", "PUT", "PATCH", "QUERY", "TRACE", "CONNECT", "get", "Get", "GET ", " GET",
            "GETS", "head", "delete", "options", "", "\u{ff}",
        ] {
            check(method, "/v1/models", &[], RequestKind::Generates);
        }
        assert_eq!(RequestKind::of(&headers(&[(":path", "/v1/models")])), RequestKind::Generates);
        assert_eq!(RequestKind::of(&HeaderMap::default()), RequestKind::Generates);
    }

    #[test]
    fn a_method_override_makes_it_a_request_that_generates() {
        for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
            for value in ["POST", "GET", "", "post,get"] {
                check("GET", "/v1/models", &[(name, value)], RequestKind::Generates);
                let twice = [(name, value), (name, "GET")];
                check("DELETE", "/v1/models", &twice, RequestKind::Generates);
                check("POST", "/v1/messages/count_tokens", &twice, RequestKind::Generates);
            }
        }
        check("GET", "/", &[("x-http-methods", "POST")], RequestKind::Reads);
    }

    #[test]
    fn the_vendors_ways_to_count_tokens_count() {
        for path in [
            "/v1/messages/count_tokens",
            "/v1/messages/count_tokens?beta=true",
            "/proxy/v1/messages/count_tokens",
            "/v1beta/models/gemini-2.5-flash:countTokens",
            "/v1beta/models/gemini-2.5-flash:countTokens?key=a%2Fb",
            "/v1/projects/p/locations/l/publishers/google/models/m:countTokens",
            "/v1/projects/p/locations/l/publishers/anthropic/models/count-tokens:rawPredict",
            "/v1/responses/input_tokens",
            "/model/anthropic.claude-v1:0/count-tokens",
        ] {
            check("POST", path, &[], RequestKind::Counts);
        }
    }

    #[test]
    fn what_only_looks_like_counting_generates() {
        for path in [
            "/v1/messages",
            "/v1/messages?x=/count_tokens",
            "/v1/messages?/v1/messages/count_tokens",
            "/v1/messages#/count_tokens",
            "/v1/messages;/count_tokens",
            "/v1/messages%3f/count_tokens",
            "/v1/messages%00/count_tokens",
            "/v1/messages/count_tokens/..%2f",
            "/v1/messages/count_tokens/..",
            "/v1/messages/./count_tokens",
            "/v1/messages//count_tokens",
            "/v1/messages\\count_tokens",
            "/v1/messages/count_tokens/",
            "/v1/messages/count_tokens ",
            "/v1/messages/Count_Tokens",
            "/v1/messages/xcount_tokens",
            "/v1/messages/count_token",
            "/v1beta/models/m:countTokens:generateContent",
            "/v1beta/models/m:counttokens",
            "/v1beta/models/m%3AcountTokens",
            "count_tokens",
            "",
        ] {
            check("POST", path, &[], RequestKind::Generates);
        }
        for method in ["PUT", "PATCH", "post"] {
            check(method, "/v1/messages/count_tokens", &[], RequestKind::Generates);
        }
        let elsewhere = [("x-original-url", "/v1/messages")];
        check("POST", "/v1/messages/count_tokens", &elsewhere, RequestKind::Generates);
    }
}

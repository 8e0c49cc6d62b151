//! What a request's first line says, as far as nobody behind this proxy can read it differently.
//!
//! What is charged less, or not at all, is told by the method and the path. A server behind may take
//! both from elsewhere, or decode and normalize a path further than Envoy does: where that could
//! matter, nothing is said here, and the request is one like any other.

use proto::plugin_config::has_one_reading;

use crate::header_map::{HeaderMap, Occurrence};

/// Headers from which some frameworks take the method instead.
const METHOD_OVERRIDES: [&str; 3] =
    ["x-http-method-override", "x-http-method", "x-method-override"];

/// Headers from which some frameworks take the path instead.
const PATH_OVERRIDES: [&str; 2] = ["x-original-url", "x-rewrite-url"];

/// The method as it is written, upper case or not; `None` where another one may be meant.
pub(crate) fn method(headers: &HeaderMap) -> Option<&[u8]> {
    match headers.occurrence(":method") {
        Occurrence::One(method) if !has_any(&METHOD_OVERRIDES, headers) => Some(method),
        _ => None,
    }
}

/// The path without its query; `None` where another one may be meant.
pub(crate) fn path(headers: &HeaderMap) -> Option<&[u8]> {
    target_path(headers).filter(|path| has_one_reading(path))
}

/// The same, whatever a server behind may make of its bytes: only another header means another path.
pub(crate) fn target_path(headers: &HeaderMap) -> Option<&[u8]> {
    match headers.occurrence(":path") {
        Occurrence::One(target) if !has_any(&PATH_OVERRIDES, headers) => {
            Some(without_query(target))
        }
        _ => None,
    }
}

/// What stands before the first question mark.
pub(crate) fn without_query(target: &[u8]) -> &[u8] {
    target.split(|byte| *byte == b'?').next().unwrap_or_default()
}

fn has_any(names: &[&str], headers: &HeaderMap) -> bool {
    names.iter().any(|name| headers.has_as_variable(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header_map::headers;

    #[test]
    fn a_path_with_two_readings_is_none() {
        for (target, read) in [
            ("/", Some("/")),
            ("/health", Some("/health")),
            ("/health?a=%2F..//;", Some("/health")),
            ("/health/?", Some("/health/")),
            ("/a.b/..c/.d", Some("/a.b/..c/.d")),
            ("/a:b@c+d=e,f&g!h~i", Some("/a:b@c+d=e,f&g!h~i")),
            ("", None),
            ("*", None),
            ("?/health", None),
            ("health", None),
            ("http://host/health", None),
            ("/he%61lth", None),
            ("/health%00", None),
            ("/health;a", None),
            ("/health#a", None),
            ("/health\\", None),
            ("/a\\..\\health", None),
            ("//health", None),
            ("/a//health", None),
            ("/health//", None),
            ("/./health", None),
            ("/a/../health", None),
            ("/health/..", None),
            ("/health/.", None),
            ("/health ", None),
            ("/health\t", None),
            ("/h\u{e9}alth", None),
        ] {
            let headers = headers(&[(":path", target)]);
            assert_eq!(path(&headers), read.map(str::as_bytes), "{target:?}");
        }
    }

    #[test]
    fn a_request_without_a_path_or_with_two_has_none() {
        assert_eq!(path(&HeaderMap::default()), None);
        assert_eq!(path(&headers(&[(":path", "/a"), (":path", "/a")])), None);
    }

    #[test]
    fn a_path_that_a_header_may_override_is_none() {
        for name in ["x-original-url", "x-rewrite-url", "x_original_url", "x-rewrite_url"] {
            assert_eq!(path(&headers(&[(":path", "/a"), (name, "")])), None, "{name}");
        }
        for name in ["x-original-uri", "x-original-url2", "original-url", "x-forwarded-prefix"] {
            let headers = headers(&[(":path", "/a"), (name, "/b")]);
            assert_eq!(path(&headers), Some(&b"/a"[..]), "{name}");
        }
    }

    #[test]
    fn a_method_that_a_header_may_override_is_none() {
        assert_eq!(method(&headers(&[(":method", "GET")])), Some(&b"GET"[..]));
        assert_eq!(method(&HeaderMap::default()), None);
        assert_eq!(method(&headers(&[(":method", "GET"), (":method", "GET")])), None);
        for name in [
            "x-http-method-override",
            "x-http-method",
            "x-method-override",
            "x_http_method_override",
            "x-http_method",
        ] {
            for value in ["POST", "GET", "", "\u{ff}"] {
                let once = headers(&[(":method", "GET"), (name, value)]);
                assert_eq!(method(&once), None, "{name}: {value}");
                let twice = headers(&[(name, "GET"), (":method", "GET"), (name, value)]);
                assert_eq!(method(&twice), None, "{name}: {value}, twice");
            }
        }
        for name in ["x-http-methods", "http-method-override", "x-http-method-overrid", "method"] {
            let headers = headers(&[(":method", "GET"), (name, "POST")]);
            assert_eq!(method(&headers), Some(&b"GET"[..]), "{name}");
        }
    }
}

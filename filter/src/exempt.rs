//! Requests that pass without a client and without a decision, because what sends them can set no
//! headers: health checks, and the preflights of browsers.
//!
//! They are narrow enough to be no way round the meter: they send nothing, and their path has one
//! reading only.

use std::fmt;

use crate::{headers::HeaderMap, request_line};

/// Paths, at most: each request without a body is compared with all of them.
pub const EXEMPT_PATHS_MAX: usize = 64;

/// Bytes of a path, at most: a hundred times the path of any health check, and 64 of them are no
/// burden to a configuration.
pub const EXEMPT_PATH_BYTES_MAX: usize = 1_024;

/// What passes without a client.
#[derive(Clone, Debug, Default)]
pub struct Exemptions {
    paths: Vec<ExemptPath>,
    preflight: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum ExemptPath {
    /// This one alone.
    Exact(Vec<u8>),
    /// All that begin so; it ends with a slash.
    Beneath(Vec<u8>),
}

impl Exemptions {
    /// `paths`: `/a` is itself alone, `/a/*` is `/a/` and everything beneath it, not `/a`.
    /// `preflight`: whether CORS preflights pass, whatever their path.
    pub fn new(paths: &[String], preflight: bool) -> Result<Self, InvalidExemption> {
        if paths.len() > EXEMPT_PATHS_MAX {
            return Err(InvalidExemption::TooMany(paths.len()));
        }
        let paths = paths.iter().enumerate().map(|(index, path)| ExemptPath::new(index, path));
        Ok(Self { paths: paths.collect::<Result<_, _>>()?, preflight })
    }

    /// Whether a request passes. `has_body`: more than these headers is to come.
    pub fn apply_to(&self, headers: &HeaderMap, has_body: bool) -> bool {
        if has_body || (self.paths.is_empty() && !self.preflight) || announces_body(headers) {
            return false;
        }
        match request_line::method(headers) {
            Some(b"OPTIONS") => self.is_exempt_preflight(headers) || self.has_path_of(headers),
            Some(b"GET" | b"HEAD") => self.has_path_of(headers),
            _ => false,
        }
    }

    fn is_exempt_preflight(&self, headers: &HeaderMap) -> bool {
        let has = |name: &str| headers.iter().any(|(header, _)| header == name);
        self.preflight && has("origin") && has("access-control-request-method")
    }

    fn has_path_of(&self, headers: &HeaderMap) -> bool {
        request_line::path(headers)
            .is_some_and(|path| self.paths.iter().any(|exempt| exempt.is(path)))
    }
}

/// The host says whether anything follows; a server behind may go by these instead.
fn announces_body(headers: &HeaderMap) -> bool {
    headers.iter().any(|(name, value)| match name.as_str() {
        "content-length" => value != b"0",
        "transfer-encoding" | "upgrade" => true,
        _ => false,
    })
}

impl ExemptPath {
    fn new(index: usize, text: &str) -> Result<Self, InvalidExemption> {
        let (path, is_prefix) = match text.strip_suffix('*') {
            Some(prefix) if prefix.ends_with('/') => (prefix, true),
            _ => (text, false),
        };
        let is_allowed = text.len() <= EXEMPT_PATH_BYTES_MAX
            && request_line::is_plain(path.as_bytes())
            && !path.contains('*');
        if !is_allowed {
            return Err(InvalidExemption::Path { index, path: text.to_owned() });
        }
        let path = path.as_bytes().to_vec();
        Ok(if is_prefix { Self::Beneath(path) } else { Self::Exact(path) })
    }

    fn is(&self, path: &[u8]) -> bool {
        match self {
            Self::Exact(exact) => path == exact,
            Self::Beneath(prefix) => path.starts_with(prefix),
        }
    }
}

/// Why exemptions were refused.
#[derive(Debug, PartialEq, Eq)]
pub enum InvalidExemption {
    /// More than [`EXEMPT_PATHS_MAX`].
    TooMany(usize),
    /// An entry, by its place, that is no path which could be exempt.
    Path {
        /// From 0.
        index: usize,
        /// As it was given.
        path: String,
    },
}

impl fmt::Display for InvalidExemption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany(count) => {
                write!(f, "exempt_paths must have at most {EXEMPT_PATHS_MAX} entries, got {count}")
            }
            Self::Path { index, path } => {
                // Enough to recognize it by.
                let shown: String = path.chars().take(80).collect();
                write!(
                    f,
                    "exempt_paths[{index}] must be a path such as /health, or /health/* for all \
                     beneath it: 1 to {EXEMPT_PATH_BYTES_MAX} visible ASCII characters from the \
                     first / on, without % \\ ; ? # // or a segment . or .., and * only at the end \
                     after a /, got {shown:?}"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::headers;

    fn exemptions(paths: &[&str], preflight: bool) -> Exemptions {
        let paths: Vec<_> = paths.iter().map(|path| (*path).to_owned()).collect();
        Exemptions::new(&paths, preflight).unwrap()
    }

    fn passes(exemptions: &Exemptions, pairs: &[(&str, &str)]) -> bool {
        exemptions.apply_to(&headers(pairs), false)
    }

    fn get(exemptions: &Exemptions, path: &str) -> bool {
        passes(exemptions, &[(":method", "GET"), (":path", path)])
    }

    #[test]
    fn nothing_is_exempt_by_default() {
        let none = Exemptions::default();
        assert!(!get(&none, "/"));
        assert!(!get(&none, "/health"));
        assert!(!passes(&none, &PREFLIGHT));
    }

    #[test]
    fn a_path_is_compared_byte_for_byte_without_its_query() {
        let health = exemptions(&["/health", "/"], false);
        for path in ["/health", "/health?", "/health?verbose=1&x=%2F..", "/", "/?a"] {
            assert!(get(&health, path), "{path}");
        }
        for path in [
            "/health/",
            "/Health",
            "/healthz",
            "/healt",
            "/v1/health",
            "//health",
            "/./health",
            "/a/../health",
            "/%68ealth",
            "/health%00",
            "/health%2f",
            "/health;a=b",
            "/health#",
            "/health\\",
            "/health ",
            "health",
            "http://proxy/health",
            "*",
            "",
        ] {
            assert!(!get(&health, path), "{path}");
        }
        assert!(!passes(&health, &[(":method", "GET")]));
    }

    #[test]
    fn a_prefix_is_all_that_is_beneath_it_and_not_its_own_name() {
        let beneath = exemptions(&["/status/*"], false);
        for path in ["/status/", "/status/a", "/status/a/b/", "/status/a?b", "/status/..a"] {
            assert!(get(&beneath, path), "{path}");
        }
        for path in [
            "/status",
            "/status?/",
            "/statuses/a",
            "/status/../v1/chat/completions",
            "/status/./a",
            "/status/a/..",
            "/status//a",
            "/status/%2e%2e/v1/models",
            "/status/..;/v1/models",
            "/status/..\\v1\\models",
            "/status/a;b",
            "/a/status/b",
        ] {
            assert!(!get(&beneath, path), "{path}");
        }
        let all = exemptions(&["/*"], false);
        assert!(get(&all, "/") && get(&all, "/v1/models"));
        assert!(!get(&all, "/%61") && !get(&all, "*"));
    }

    #[test]
    fn only_methods_that_send_nothing_are_exempt() {
        let health = exemptions(&["/health"], false);
        for method in ["GET", "HEAD", "OPTIONS"] {
            assert!(passes(&health, &[(":method", method), (":path", "/health")]), "{method}");
        }
        for method in ["POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "QUERY", "get", ""] {
            assert!(!passes(&health, &[(":method", method), (":path", "/health")]), "{method}");
        }
        for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
            for value in ["POST", "GET", ""] {
                let pairs = [(":method", "GET"), (":path", "/health"), (name, value)];
                assert!(!passes(&health, &pairs), "{name}: {value}");
            }
        }
        for name in ["x-original-url", "x-rewrite-url"] {
            let pairs = [(":method", "GET"), (":path", "/health"), (name, "/v1/models")];
            assert!(!passes(&health, &pairs), "{name}");
        }
    }

    #[test]
    fn a_body_that_follows_or_is_announced_is_never_exempt() {
        let exempt = exemptions(&["/health"], true);
        let request = [(":method", "GET"), (":path", "/health")];
        assert!(exempt.apply_to(&headers(&request), false));
        assert!(!exempt.apply_to(&headers(&request), true));
        assert!(!exempt.apply_to(&headers(&PREFLIGHT), true));
        for (name, value, passes_with) in [
            ("content-length", "0", true),
            ("content-type", "application/json", true),
            ("content-length", "1", false),
            ("content-length", "00", false),
            ("content-length", "+0", false),
            ("content-length", "-1", false),
            ("content-length", "", false),
            ("content-length", "0, 5", false),
            ("transfer-encoding", "chunked", false),
            ("transfer-encoding", "identity", false),
            ("transfer-encoding", "", false),
            ("upgrade", "websocket", false),
        ] {
            let [method, path] = request;
            let pairs = [method, path, (name, value)];
            assert_eq!(passes(&exempt, &pairs), passes_with, "{name}: {value}");
        }
        let twice = [("content-length", "0"), ("content-length", "5")];
        assert!(!passes(&exempt, &[&request[..], &twice].concat()));
    }

    const PREFLIGHT: [(&str, &str); 4] = [
        (":method", "OPTIONS"),
        (":path", "/v1/chat/completions"),
        ("origin", "https://app.example"),
        ("access-control-request-method", "POST"),
    ];

    #[test]
    fn a_preflight_is_options_with_an_origin_and_the_method_that_it_asks_for() {
        let preflight = exemptions(&[], true);
        assert!(passes(&preflight, &PREFLIGHT));
        for left_out in 0..PREFLIGHT.len() {
            let mut pairs = PREFLIGHT.to_vec();
            let (name, _) = pairs.remove(left_out);
            assert_eq!(passes(&preflight, &pairs), name == ":path", "without {name}");
        }
        for method in ["GET", "HEAD", "POST", "DELETE", "options"] {
            let mut pairs = PREFLIGHT;
            pairs[0].1 = method;
            assert!(!passes(&preflight, &pairs), "{method}");
        }
        let overridden = [&PREFLIGHT[..], &[("x-http-method-override", "POST")]].concat();
        assert!(!passes(&preflight, &overridden));
        assert!(!passes(&exemptions(&["/health"], false), &PREFLIGHT));
        assert!(!get(&preflight, "/v1/chat/completions"));
    }

    #[test]
    fn an_entry_that_could_not_match_or_match_more_than_it_says_is_refused() {
        let longest = format!("/{}", "a".repeat(EXEMPT_PATH_BYTES_MAX - 1));
        for path in ["/", "/*", "/a", "/a/", "/a/*", "/a.b/~c:d@e", &longest] {
            exemptions(&[path], false);
        }
        let too_long = format!("{longest}a");
        for path in [
            "",
            "a",
            "*",
            "a/*",
            "/a*",
            "/*/a",
            "/a/**",
            "/a/*/",
            "/a*/b",
            "//",
            "/a//b",
            "/.",
            "/..",
            "/a/../b",
            "/./*",
            "/../*",
            "/a?b",
            "/a#b",
            "/a%20",
            "/a;b",
            "/a\\b",
            "/a b",
            "/a\n",
            "/\u{e9}",
            "http://a/b",
            &too_long,
        ] {
            let paths = ["/fine".to_owned(), path.to_owned()];
            let error = Exemptions::new(&paths, false).unwrap_err();
            assert_eq!(error, InvalidExemption::Path { index: 1, path: path.to_owned() });
            let text = error.to_string();
            assert!(text.starts_with("exempt_paths[1] must be "), "{text}");
            assert!(text.len() < 600, "{text}");
        }
    }

    #[test]
    fn there_are_not_more_entries_than_each_request_is_compared_with() {
        let paths = |count: usize| (0..count).map(|n| format!("/{n}")).collect::<Vec<_>>();
        Exemptions::new(&paths(EXEMPT_PATHS_MAX), false).unwrap();
        let error = Exemptions::new(&paths(EXEMPT_PATHS_MAX + 1), false).unwrap_err();
        assert_eq!(error.to_string(), "exempt_paths must have at most 64 entries, got 65");
    }
}

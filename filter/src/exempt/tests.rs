//! What is exempt, and what only looks like it.

use proptest::prelude::*;

use super::*;
use crate::header_map::headers;

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
    let longest = format!("/{}", "a".repeat(ExemptPath::BYTES_MAX - 1));
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
    Exemptions::new(&paths(ExemptPath::COUNT_MAX), false).unwrap();
    let error = Exemptions::new(&paths(ExemptPath::COUNT_MAX + 1), false).unwrap_err();
    assert_eq!(error.to_string(), "exempt_paths must have at most 64 entries, got 65");
}

/// Decodes twice, and then takes backslashes for slashes, cuts parameters and fragments off and
/// resolves segments: the worst that servers do.
fn as_a_lenient_server_reads(path: &str) -> String {
    let decode = |text: &str| {
        let mut decoded = String::new();
        let mut rest = text;
        while let Some(char) = rest.chars().next() {
            let code = rest.get(1..3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
            match code.filter(|_| char == '%') {
                Some(code) => (decoded.push(code.into()), rest = &rest[3..]),
                None => (decoded.push(char), rest = &rest[char.len_utf8()..]),
            };
        }
        decoded
    };
    let decoded = decode(&decode(path)).replace('\\', "/");
    let decoded = decoded.split('#').next().unwrap();
    let mut segments = Vec::new();
    for segment in decoded.split('/').map(|segment| segment.split(';').next().unwrap()) {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(other),
        }
    }
    format!("/{}/", segments.join("/"))
}

#[test]
fn the_lenient_server_is_one() {
    for path in [
        "/a/../status/b",
        "/status%2fb",
        "//status;x/.%2fb",
        "\\status\\b#c",
        "/a/%252e%252e/status/b",
    ] {
        assert_eq!(as_a_lenient_server_reads(path), "/status/b/", "{path}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn what_is_exempt_is_beneath_the_prefix_for_the_most_lenient_server(
        path in "(/status)?(/|\\\\|\\.|\\.\\.|;|#|\\?|%2f|%2e|%5c|%25|%3b|a|status){0,12}",
    ) {
        if get(&exemptions(&["/status/*"], false), &path) {
            let path = path.split('?').next().unwrap();
            let read = as_a_lenient_server_reads(path);
            prop_assert!(read.starts_with("/status/"), "{path} is read as {read}");
        }
    }
}

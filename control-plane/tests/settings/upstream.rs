//! Upstream URLs.

use super::{refusal, settings};

#[test]
fn an_upstream_is_taken_apart_as_envoy_needs_it() {
    for (text, authority, path_prefix) in [
        ("https://api.openai.com", "api.openai.com", ""),
        ("https://api.openai.com:443/", "api.openai.com", ""),
        ("http://llm:8000", "llm:8000", ""),
        ("http://llm:443", "llm:443", ""),
        ("https://h/base", "h", "/base"),
        ("https://h/base/", "h", "/base"),
        ("https://h/a/../b%2Fc//", "h", "/b%2Fc"),
        ("https://[2001:DB8::1]:8443/x", "[2001:db8::1]:8443", "/x"),
        ("http://192.0.2.1", "192.0.2.1", ""),
        ("https://api.example.com.", "api.example.com", ""),
        ("https://my_service.internal", "my_service.internal", ""),
    ] {
        let upstream = settings(&["--upstream-url", text], &[]).envoy.upstream;
        assert_eq!(
            (upstream.authority().as_str(), upstream.path_prefix()),
            (authority, path_prefix)
        );
    }
}

#[test]
fn an_upstream_that_envoy_could_not_use_is_refused() {
    for text in [
        "",
        "api.openai.com",
        "ftp://h",
        "https://",
        "https:///v1",
        "https:h",
        "https:\\\\h",
        "https://h:0",
        "https://h:65536",
        "https://h h",
        "https://h\n",
        "https://h\t/x",
        "https://a..b",
        "https://a*b",
        "https://[::1",
        "https://h/?key=1",
        "https://h/#top",
        "https://user@h",
        "https://@h",
    ] {
        assert!(refusal(&["--upstream-url", text], &[]).contains("UPSTREAM_URL="), "{text}");
    }
    let long_label = format!("https://{}.example", "a".repeat(64));
    assert!(refusal(&["--upstream-url", &long_label], &[]).contains("UPSTREAM_URL="));
}

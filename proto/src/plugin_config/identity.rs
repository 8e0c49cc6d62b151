//! Where the filter finds who asks.

use super::HeaderName;

/// Headers that a request needs itself, or by which it is read: who looked for a key in one would take
/// it off.
const OF_THE_REQUEST: [&str; 14] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-client-id",
    "x-token-estimate",
];

/// Headers in which a client's key is looked for, in the order in which they are tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityHeaders(Vec<HeaderName>);

impl IdentityHeaders {
    /// Headers in a list, at most: each request's are compared with all of them.
    pub const COUNT_MAX: usize = 16;

    /// One name or more, none of them twice, and none of a header that a request needs itself.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let names = names.into_iter().map(HeaderName::parse).collect::<Option<Vec<_>>>()?;
        let is_new = |(index, name)| !names.iter().take(index).any(|before| before == name);
        let is_free = |name: &HeaderName| !OF_THE_REQUEST.contains(&name.as_str());
        let is_list = (1..=Self::COUNT_MAX).contains(&names.len())
            && names.iter().enumerate().all(is_new)
            && names.iter().all(is_free);
        is_list.then_some(Self(names))
    }

    /// The names in lower case, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(HeaderName::as_str)
    }

    /// The same as the configuration has them.
    pub fn names(&self) -> Vec<String> {
        self.iter().map(str::to_owned).collect()
    }
}

/// Where the libraries of OpenAI, Anthropic, Azure and Gemini have their key.
impl Default for IdentityHeaders {
    fn default() -> Self {
        let names = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];
        Self(names.into_iter().filter_map(HeaderName::parse).collect())
    }
}

/// The way to a claim in the metadata of a request, as Envoy's filters leave it for each other: the
/// name of the filter, then the names below it. A list, since claims contain dots and slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityClaim(Vec<String>);

impl IdentityClaim {
    /// Names on the way, at most.
    pub const COUNT_MAX: usize = 16;

    /// Bytes in a name, at most.
    pub const BYTES_MAX: usize = 256;

    /// Two names or more, none of them empty or with a control character.
    pub fn parse(segments: &[String]) -> Option<Self> {
        let is_name = |name: &String| {
            (1..=Self::BYTES_MAX).contains(&name.len()) && !name.contains(char::is_control)
        };
        let is_way =
            (2..=Self::COUNT_MAX).contains(&segments.len()) && segments.iter().all(is_name);
        is_way.then(|| Self(segments.to_vec()))
    }

    /// The names, that of the filter first.
    pub fn segments(&self) -> &[String] {
        &self.0
    }
}

/// Who a token is about, as Envoy's `jwt_authn` leaves it where it is told `payload_in_metadata:
/// payload`, which is what Istio does.
impl Default for IdentityClaim {
    fn default() -> Self {
        Self(["envoy.filters.http.jwt_authn", "payload", "sub"].map(str::to_owned).to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_headers_has_one_or_more_names_each_of_them_once() {
        let parse = |text: &str| IdentityHeaders::parse(text.split(',')).map(|list| list.names());
        assert_eq!(
            parse("X-Key,authorization"),
            Some(vec!["x-key".into(), "authorization".into()])
        );
        let many = |count| (0..count).map(|n| format!("h{n}")).collect::<Vec<_>>().join(",");
        assert!(parse(&many(16)).is_some());
        for wrong in ["", "a,A", "a,,b", "x_key", ":path", &many(17)] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        // The request would go on without it.
        for wrong in OF_THE_REQUEST {
            assert_eq!(parse(&format!("x-key,{}", wrong.to_ascii_uppercase())), None, "{wrong}");
        }
        let default = IdentityHeaders::default().names();
        assert_eq!(default, ["authorization", "x-api-key", "api-key", "x-goog-api-key"]);
    }

    #[test]
    fn a_claim_is_named_with_its_filter_and_by_any_text_of_one_line() {
        let parse = |names: &[&str]| {
            IdentityClaim::parse(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
        };
        assert!(
            parse(&["envoy.filters.http.jwt_authn", "issuer", "https://a.example/id"]).is_some()
        );
        assert_eq!(
            parse(&["envoy.filters.http.jwt_authn", "payload", "sub"]),
            Some(IdentityClaim::default())
        );
        let long = "a".repeat(257);
        for wrong in [&[][..], &["a"], &["a", ""], &["a", "b\n"], &["a", &long], &["a"; 17]] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }
}

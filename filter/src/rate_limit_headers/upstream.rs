//! What becomes of an upstream's own rate limit headers.
//!
//! Only the names that FlowGuard gives are touched. `retry-after` and the like are not among them:
//! a 429 that comes from the upstream keeps the upstream's advice, which nobody else can know.

use serde::Deserialize;

use super::{
    LIMIT_REQUESTS, LIMIT_TOKENS, RATELIMIT, RATELIMIT_POLICY, REMAINING_REQUESTS,
    REMAINING_TOKENS, RESET_REQUESTS, RESET_TOKENS, RateLimitHeaders,
};
use crate::{header_value::HeaderValue, headers::HeaderMap, standing::Standing};

/// What becomes of an upstream's own rate limit headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UpstreamRateLimitHeaders {
    /// They go, also where FlowGuard has nothing to say in their place: a client must not take the
    /// upstream's limits, which all clients share, for its own.
    #[default]
    Replace,
    /// They go on as `x-upstream-…`.
    Rename,
}

/// A change of a response's headers: first `remove`, then `set`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseEdit {
    /// Names of which no field stays.
    pub remove: Vec<&'static str>,
    /// Fields that are then not there, and are added.
    pub set: Vec<(&'static str, HeaderValue)>,
}

/// The names that are FlowGuard's, and what the upstream's are renamed to.
const NAMES: [(&str, &str); 8] = [
    (LIMIT_REQUESTS, "x-upstream-x-ratelimit-limit-requests"),
    (LIMIT_TOKENS, "x-upstream-x-ratelimit-limit-tokens"),
    (REMAINING_REQUESTS, "x-upstream-x-ratelimit-remaining-requests"),
    (REMAINING_TOKENS, "x-upstream-x-ratelimit-remaining-tokens"),
    (RESET_REQUESTS, "x-upstream-x-ratelimit-reset-requests"),
    (RESET_TOKENS, "x-upstream-x-ratelimit-reset-tokens"),
    (RATELIMIT, "x-upstream-ratelimit"),
    (RATELIMIT_POLICY, "x-upstream-ratelimit-policy"),
];

impl UpstreamRateLimitHeaders {
    /// The change of an upstream's response to a client that stands so.
    pub fn edit(
        self,
        ours: RateLimitHeaders,
        standing: &Standing,
        upstream: &HeaderMap,
    ) -> ResponseEdit {
        if ours == RateLimitHeaders::Off {
            return ResponseEdit::default();
        }
        let fields = ours.fields(standing).into_iter();
        let mut edit = ResponseEdit {
            remove: Vec::new(),
            set: fields.map(|(name, value)| (name, value.into())).collect(),
        };
        // Most responses have none, and are looked through once.
        if upstream.iter().any(|(name, _)| is_ours(name)) {
            self.take_away(upstream, &mut edit);
        }
        edit
    }

    fn take_away(self, upstream: &HeaderMap, edit: &mut ResponseEdit) {
        let values_of = |name: &'static str| {
            upstream.iter().filter(move |(header, _)| header == name).map(|(_, value)| &value[..])
        };
        for (name, renamed) in NAMES {
            if values_of(name).next().is_none() {
                continue;
            }
            edit.remove.push(name);
            if self == Self::Rename {
                if values_of(renamed).next().is_some() {
                    edit.remove.push(renamed);
                }
                edit.set.push((renamed, HeaderValue::joined(values_of(name))));
            }
        }
    }
}

fn is_ours(name: &str) -> bool {
    (name.starts_with("x-ratelimit-") || name.starts_with(RATELIMIT))
        && NAMES.iter().any(|(ours, _)| *ours == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standing::Balance;

    const TOKENS: Standing = Standing {
        requests: None,
        tokens: Some(Balance { limit: 100, remaining: 90, full_in_ms: 6_000, debt: 0 }),
    };
    const OURS: [(&str, &str); 3] = [
        ("x-ratelimit-limit-tokens", "100"),
        ("x-ratelimit-remaining-tokens", "90"),
        ("x-ratelimit-reset-tokens", "6s"),
    ];

    fn edit(
        upstream_headers: UpstreamRateLimitHeaders,
        ours: RateLimitHeaders,
        upstream: &[(&str, &str)],
    ) -> (Vec<&'static str>, Vec<(&'static str, String)>) {
        let upstream: Vec<_> = upstream
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
            .collect();
        let edit = upstream_headers.edit(ours, &TOKENS, &upstream);
        let text = |value: &HeaderValue| String::from_utf8(value.as_bytes().to_vec()).unwrap();
        (edit.remove, edit.set.iter().map(|(name, value)| (*name, text(value))).collect())
    }

    fn with_ours(further: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        OURS.iter().chain(further).map(|(name, value)| (*name, (*value).to_owned())).collect()
    }

    #[test]
    fn a_response_without_such_headers_gets_ours() {
        let upstream = [(":status", "200"), ("retry-after", "7"), ("x-ratelimit-limit", "5")];
        for kind in [UpstreamRateLimitHeaders::Replace, UpstreamRateLimitHeaders::Rename] {
            let (remove, set) = edit(kind, RateLimitHeaders::Openai, &upstream);
            assert!(remove.is_empty(), "{remove:?}");
            assert_eq!(set, with_ours(&[]));
        }
    }

    const UPSTREAM: [(&str, &str); 6] = [
        ("x-ratelimit-limit-tokens", "9"),
        ("ratelimit", "\"a\";r=1"),
        ("x-ratelimit-limit-requests", "8"),
        ("ratelimit", "\"b\";r=2"),
        ("x-upstream-ratelimit", "forged"),
        ("retry-after-ms", "70"),
    ];

    #[test]
    fn replaced_headers_go_also_where_there_is_nothing_to_say_in_their_place() {
        let (remove, set) =
            edit(UpstreamRateLimitHeaders::Replace, RateLimitHeaders::Openai, &UPSTREAM);
        assert_eq!(remove, ["x-ratelimit-limit-requests", "x-ratelimit-limit-tokens", "ratelimit"]);
        assert_eq!(set, with_ours(&[]));
    }

    #[test]
    fn renamed_headers_keep_all_their_values() {
        let (remove, set) =
            edit(UpstreamRateLimitHeaders::Rename, RateLimitHeaders::Openai, &UPSTREAM);
        assert_eq!(
            remove,
            [
                "x-ratelimit-limit-requests",
                "x-ratelimit-limit-tokens",
                "ratelimit",
                "x-upstream-ratelimit",
            ]
        );
        let renamed = [
            ("x-upstream-x-ratelimit-limit-requests", "8"),
            ("x-upstream-x-ratelimit-limit-tokens", "9"),
            ("x-upstream-ratelimit", "\"a\";r=1, \"b\";r=2"),
        ];
        assert_eq!(set, with_ours(&renamed));
    }

    #[test]
    fn nothing_is_touched_when_the_headers_are_off() {
        for kind in [UpstreamRateLimitHeaders::Replace, UpstreamRateLimitHeaders::Rename] {
            assert_eq!(edit(kind, RateLimitHeaders::Off, &UPSTREAM), (Vec::new(), Vec::new()));
        }
    }
}

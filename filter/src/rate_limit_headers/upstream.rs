//! What becomes of an upstream's own rate limit headers.
//!
//! They come in two families, of which FlowGuard's own are a part: each vendor and gateway adds
//! names to them, and all of these tell of the account that the clients share. `retry-after` and the
//! like are not among them: a 429 that comes from the upstream keeps the upstream's advice, which
//! nobody else can know.

use std::borrow::Cow;

use proto::plugin_config::{RateLimitHeaders, UpstreamRateLimitHeaders};

use super::{RATELIMIT, fields};
use crate::{header_map::HeaderMap, header_value::HeaderValue, verdict::Tightest};

/// A change of a response's headers: first `remove`, then `set`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseEdit {
    /// Names whose fields all go.
    pub remove: Vec<String>,
    /// Fields that are added, no other of their names being left.
    pub set: Vec<(Cow<'static, str>, HeaderValue)>,
}

/// Names that are renamed, at most: twice as many as any vendor gives. What is beyond is only
/// removed, so that no upstream makes a response grow by much. How many are removed is bounded by
/// what the host takes of a response's headers.
const RENAMED_MAX: usize = 32;

/// Bytes of a name that is renamed, at most; the longest that a vendor gives has 50.
const RENAMED_NAME_BYTES_MAX: usize = 128;

const RENAMED_PREFIX: &str = "x-upstream-";

/// The change of an upstream's response to a client that stands so.
pub(crate) fn edit(
    upstreams: UpstreamRateLimitHeaders,
    ours: RateLimitHeaders,
    tightest: &Tightest,
    headers: &HeaderMap,
) -> ResponseEdit {
    if ours == RateLimitHeaders::Off {
        return ResponseEdit::default();
    }
    let fields = fields(ours, tightest).into_iter();
    let mut edit = ResponseEdit {
        remove: Vec::new(),
        set: fields.map(|(name, value)| (name.into(), value.into())).collect(),
    };
    // Most responses have none, and are looked through once.
    if headers.iter().any(|(name, _)| is_rate_limit(name)) {
        take_away(upstreams, headers, &mut edit);
    }
    edit
}

fn take_away(upstreams: UpstreamRateLimitHeaders, headers: &HeaderMap, edit: &mut ResponseEdit) {
    let mut fields: Vec<_> = headers.iter().filter(|(name, _)| is_rate_limit(name)).collect();
    // By name; the values of one stay in their order.
    fields.sort_by_key(|(name, _)| *name);
    let mut renamed_count = 0;
    for same in fields.chunk_by(|(a, _), (b, _)| a == b) {
        let Some((name, _)) = same.first() else { continue };
        edit.remove.push((*name).to_owned());
        if upstreams == UpstreamRateLimitHeaders::Replace
            || renamed_count == RENAMED_MAX
            || name.len() > RENAMED_NAME_BYTES_MAX
        {
            continue;
        }
        renamed_count += 1;
        let renamed = format!("{RENAMED_PREFIX}{name}");
        // A field that has the new name already would pass for the upstream's limit.
        if headers.has(&renamed) {
            edit.remove.push(renamed.clone());
        }
        let value = HeaderValue::joined(same.iter().map(|(_, value)| *value));
        edit.set.push((renamed.into(), value));
    }
}

/// `ratelimit`, `ratelimit-…` and `x-ratelimit-…`; not what merely begins with these letters.
fn is_rate_limit(name: &str) -> bool {
    name.starts_with("x-ratelimit-")
        || name.strip_prefix(RATELIMIT).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{header_map::headers, header_value::HEADER_VALUE_BYTES_MAX, verdict::Balance};

    const TOKENS: Tightest =
        Tightest { requests: None, tokens: Some(Balance::own(100, 90, 10, 6_000)) };
    const OURS: [(&str, &str); 3] = [
        ("x-ratelimit-limit-tokens", "100"),
        ("x-ratelimit-remaining-tokens", "90"),
        ("x-ratelimit-reset-tokens", "6s"),
    ];

    fn edit(
        upstream_headers: UpstreamRateLimitHeaders,
        ours: RateLimitHeaders,
        upstream: &[(&str, &str)],
    ) -> (Vec<String>, Vec<(String, String)>) {
        let edit = super::edit(upstream_headers, ours, &TOKENS, &headers(upstream));
        let text = |value: &HeaderValue| String::from_utf8(value.as_bytes().to_vec()).unwrap();
        let set = edit.set.iter().map(|(name, value)| (name.to_string(), text(value)));
        (edit.remove, set.collect())
    }

    fn with_ours(further: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        OURS.iter().chain(further).map(owned).collect()
    }

    #[test]
    fn a_response_without_such_headers_gets_ours() {
        let upstream = [
            (":status", "200"),
            ("retry-after", "7"),
            ("retry-after-ms", "7000"),
            ("anthropic-ratelimit-tokens-limit", "5"),
            ("x-rate-limit-limit", "5"),
            ("x-ratelimit", "5"),
            ("x-ratelimited", "5"),
            ("ratelimited-by", "gateway"),
            ("ratelimits", "5"),
            ("my-ratelimit-limit", "5"),
            ("x-upstream-ratelimit", "5"),
        ];
        for kind in [UpstreamRateLimitHeaders::Replace, UpstreamRateLimitHeaders::Rename] {
            let (remove, set) = edit(kind, RateLimitHeaders::Openai, &upstream);
            assert!(remove.is_empty(), "{remove:?}");
            assert_eq!(set, with_ours(&[]));
        }
    }

    /// What vendors and gateways give beyond FlowGuard's own names.
    const FAMILIES: [&str; 14] = [
        "ratelimit",
        "ratelimit-limit",
        "ratelimit-policy",
        "ratelimit-remaining",
        "ratelimit-reset",
        "x-ratelimit-limit",
        "x-ratelimit-limit-input-images",
        "x-ratelimit-limit-tokens",
        "x-ratelimit-limit-tokens_usage_based",
        "x-ratelimit-remaining",
        "x-ratelimit-remaining-project-tokens",
        "x-ratelimit-reset",
        "x-ratelimit-reset-tokens_usage_based",
        "x-ratelimit-used",
    ];

    #[test]
    fn whole_families_of_names_are_replaced_or_renamed() {
        let upstream = FAMILIES.map(|name| (name, name));
        let (remove, set) =
            edit(UpstreamRateLimitHeaders::Replace, RateLimitHeaders::Ietf, &upstream);
        assert_eq!(remove, FAMILIES);
        assert_eq!(set.len(), 2, "{set:?}");

        let (remove, set) =
            edit(UpstreamRateLimitHeaders::Rename, RateLimitHeaders::Openai, &upstream);
        assert_eq!(remove, FAMILIES);
        let renamed = FAMILIES.map(|name| (format!("x-upstream-{name}"), name.to_owned()));
        assert_eq!(set, [with_ours(&[]), renamed.to_vec()].concat());
    }

    #[test]
    fn of_very_many_names_all_go_and_some_are_renamed() {
        let names: Vec<_> = (0..1_000).map(|number| format!("x-ratelimit-{number:04}")).collect();
        let fields: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
        let (remove, set) =
            edit(UpstreamRateLimitHeaders::Rename, RateLimitHeaders::Openai, &fields);
        assert_eq!(remove, names);
        assert_eq!(set.len(), OURS.len() + RENAMED_MAX);
        let (_, value) = &set[OURS.len()];
        assert_eq!(value, "1");

        let same = vec![("ratelimit-limit", "1"); 5_000];
        let (remove, set) = edit(UpstreamRateLimitHeaders::Rename, RateLimitHeaders::Openai, &same);
        assert_eq!(remove, ["ratelimit-limit"]);
        let (name, value) = set.last().unwrap();
        assert_eq!(name, "x-upstream-ratelimit-limit");
        assert!(value.len() <= HEADER_VALUE_BYTES_MAX, "{}", value.len());
    }

    #[test]
    fn a_very_long_name_goes_without_another_one() {
        let longest = format!("ratelimit-{}", "a".repeat(RENAMED_NAME_BYTES_MAX - 10));
        let too_long = format!("{longest}a");
        let fields = [(longest.as_str(), "1"), (too_long.as_str(), "2")];
        let (remove, set) =
            edit(UpstreamRateLimitHeaders::Rename, RateLimitHeaders::Openai, &fields);
        assert_eq!(remove, [longest.clone(), too_long]);
        assert_eq!(set, with_ours(&[(&format!("x-upstream-{longest}"), "1")]));
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
        assert_eq!(remove, ["ratelimit", "x-ratelimit-limit-requests", "x-ratelimit-limit-tokens"]);
        assert_eq!(set, with_ours(&[]));
    }

    #[test]
    fn renamed_headers_keep_all_their_values() {
        let (remove, set) =
            edit(UpstreamRateLimitHeaders::Rename, RateLimitHeaders::Openai, &UPSTREAM);
        assert_eq!(
            remove,
            [
                "ratelimit",
                "x-upstream-ratelimit",
                "x-ratelimit-limit-requests",
                "x-ratelimit-limit-tokens",
            ]
        );
        let renamed = [
            ("x-upstream-ratelimit", "\"a\";r=1, \"b\";r=2"),
            ("x-upstream-x-ratelimit-limit-requests", "8"),
            ("x-upstream-x-ratelimit-limit-tokens", "9"),
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

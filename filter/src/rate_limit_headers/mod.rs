//! The response headers that tell a client where it stands.

mod duration;
mod upstream;

use limiter::Dimension;
use proto::plugin_config::RateLimitHeaders;

use crate::{
    header_value::AsciiHeaderValue,
    verdict::{Balance, Tightest},
};
pub(crate) use duration::duration;
pub use upstream::ResponseEdit;
pub(crate) use upstream::edit;

const LIMIT_REQUESTS: &str = "x-ratelimit-limit-requests";
const LIMIT_TOKENS: &str = "x-ratelimit-limit-tokens";
const REMAINING_REQUESTS: &str = "x-ratelimit-remaining-requests";
const REMAINING_TOKENS: &str = "x-ratelimit-remaining-tokens";
const RESET_REQUESTS: &str = "x-ratelimit-reset-requests";
const RESET_TOKENS: &str = "x-ratelimit-reset-tokens";
const RATELIMIT: &str = "ratelimit";
const RATELIMIT_POLICY: &str = "ratelimit-policy";

/// The largest integer of a structured field, RFC 9651 section 3.3.1.
const STRUCTURED_INTEGER_MAX: u64 = 999_999_999_999_999;

/// The headers where so little is left; what no limit is for has none.
pub(crate) fn fields(
    headers: RateLimitHeaders,
    tightest: &Tightest,
) -> Vec<(&'static str, AsciiHeaderValue)> {
    let mut fields = Vec::new();
    if matches!(headers, RateLimitHeaders::Openai | RateLimitHeaders::Both) {
        if let Some(requests) = &tightest.requests {
            let names = [LIMIT_REQUESTS, REMAINING_REQUESTS, RESET_REQUESTS];
            fields.extend(openai(names, requests));
        }
        if let Some(tokens) = &tightest.tokens {
            let names = [LIMIT_TOKENS, REMAINING_TOKENS, RESET_TOKENS];
            fields.extend(openai(names, tokens));
        }
    }
    if matches!(headers, RateLimitHeaders::Ietf | RateLimitHeaders::Both) {
        fields.extend(ietf(tightest).into_iter().flatten());
    }
    fields
}

fn openai(
    [limit, remaining, reset]: [&'static str; 3],
    balance: &Balance,
) -> [(&'static str, AsciiHeaderValue); 3] {
    [
        (limit, AsciiHeaderValue::new(&balance.limit.to_string())),
        (remaining, AsciiHeaderValue::new(&balance.remaining.to_string())),
        (reset, AsciiHeaderValue::new(&duration(balance.full_in_ms))),
    ]
}

fn ietf(tightest: &Tightest) -> Option<[(&'static str, AsciiHeaderValue); 2]> {
    let balances = [(Dimension::Rpm, &tightest.requests), (Dimension::Tpm, &tightest.tokens)];
    let list = |item: fn(&str, &Balance) -> String| {
        let items = balances.iter().filter_map(|(own, balance)| {
            let balance = balance.as_ref()?;
            Some(item(balance.limit_of(*own).as_str(), balance))
        });
        items.collect::<Vec<_>>().join(", ")
    };
    let policy = list(|name, balance| {
        let quota = balance.limit.min(STRUCTURED_INTEGER_MAX);
        format!(r#""{name}";q={quota};w={}"#, balance.window_s)
    });
    if policy.is_empty() {
        return None;
    }
    let service = list(|name, balance| {
        let remaining = balance.remaining.min(STRUCTURED_INTEGER_MAX);
        let seconds = balance.full_in_ms.div_ceil(1_000).min(STRUCTURED_INTEGER_MAX);
        format!(r#""{name}";r={remaining};t={seconds}"#)
    });
    Some([
        (RATELIMIT_POLICY, AsciiHeaderValue::new(&policy)),
        (RATELIMIT, AsciiHeaderValue::new(&service)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUESTS: Balance = Balance::own(60, 59, 1, 1_000);
    const TOKENS: Balance = Balance::own(1_000, 850, 150, 8_001);
    const BOTH: Tightest = Tightest { requests: Some(REQUESTS), tokens: Some(TOKENS) };

    fn check(headers: RateLimitHeaders, tightest: &Tightest, expected: &[(&str, &str)]) {
        let fields = fields(headers, tightest);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(fields, expected, "{headers:?}");
    }

    const OPENAI: [(&str, &str); 6] = [
        ("x-ratelimit-limit-requests", "60"),
        ("x-ratelimit-remaining-requests", "59"),
        ("x-ratelimit-reset-requests", "1s"),
        ("x-ratelimit-limit-tokens", "1000"),
        ("x-ratelimit-remaining-tokens", "850"),
        ("x-ratelimit-reset-tokens", "8.001s"),
    ];
    const IETF: [(&str, &str); 2] = [
        ("ratelimit-policy", r#""rpm";q=60;w=60, "tpm";q=1000;w=60"#),
        ("ratelimit", r#""rpm";r=59;t=1, "tpm";r=850;t=9"#),
    ];

    #[test]
    fn each_kind_has_its_fields() {
        check(RateLimitHeaders::Off, &BOTH, &[]);
        check(RateLimitHeaders::Openai, &BOTH, &OPENAI);
        check(RateLimitHeaders::Ietf, &BOTH, &IETF);
        check(RateLimitHeaders::Both, &BOTH, &[&OPENAI[..], &IETF[..]].concat());
    }

    #[test]
    fn only_limits_in_force_have_fields() {
        let tokens_only = Tightest { requests: None, ..BOTH };
        check(RateLimitHeaders::Openai, &tokens_only, &OPENAI[3..]);
        check(
            RateLimitHeaders::Ietf,
            &tokens_only,
            &[("ratelimit-policy", r#""tpm";q=1000;w=60"#), ("ratelimit", r#""tpm";r=850;t=9"#)],
        );
        check(RateLimitHeaders::Openai, &Tightest { tokens: None, ..BOTH }, &OPENAI[..3]);
        check(RateLimitHeaders::Both, &Tightest::default(), &[]);
    }

    #[test]
    fn the_tightest_limit_has_its_name_and_its_window() {
        let org = Balance::own(2_000_000, 1_200, 1_998_800, 59_964).named("org", 60);
        let day =
            Balance { burst: 500, ..Balance::own(5_000, 3, 497, 8_587_000).named("day", 86_400) };
        let tightest = Tightest { requests: Some(day), tokens: Some(org) };
        check(
            RateLimitHeaders::Both,
            &tightest,
            &[
                ("x-ratelimit-limit-requests", "5000"),
                ("x-ratelimit-remaining-requests", "3"),
                ("x-ratelimit-reset-requests", "2h23m7s"),
                ("x-ratelimit-limit-tokens", "2000000"),
                ("x-ratelimit-remaining-tokens", "1200"),
                ("x-ratelimit-reset-tokens", "59.964s"),
                ("ratelimit-policy", r#""day";q=5000;w=86400, "org";q=2000000;w=60"#),
                ("ratelimit", r#""day";r=3;t=8587, "org";r=1200;t=60"#),
            ],
        );
    }

    #[test]
    fn figures_stay_in_the_range_of_a_structured_field() {
        let most = Balance::own(u64::MAX, u64::MAX, u64::MAX, u64::MAX);
        check(
            RateLimitHeaders::Ietf,
            &Tightest { requests: None, tokens: Some(most) },
            &[
                ("ratelimit-policy", r#""tpm";q=999999999999999;w=60"#),
                ("ratelimit", r#""tpm";r=999999999999999;t=999999999999999"#),
            ],
        );
    }
}

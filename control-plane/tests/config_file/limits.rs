//! The sections of models and limits, and what is wrong with a document as a whole.

use flowguard::{
    config_file::Document,
    limits::{Limit, LimitJson, LimitMode, ModelName},
};
use limiter::ClientId;
use serde_json::{Value, json};

use super::document::{check, parse, told};

/// The document that the page of limits begins with.
const FIVE: &str = "\
clients:
  alice: { rpm: 60, tpm: 100000, group: acme/research, plan: pro }
models:
  gpt-4o: [\"gpt-4o\", \"gpt-4o-2*\"]
  small:  [\"*-mini\", \"*haiku*\"]
limits:
  - { name: org,       match: { group: acme },                     tokens: 2000000,  per: 1m }
  - { name: per-model, match: { model: gpt-4o }, each: [client],   tokens: 50000,    per: 1m, trial: 30000 }
  - { name: day,       match: { plan: pro },     each: [client],   requests: 5000,   per: 1d, burst: 500 }
  - { name: running,   match: {},          each: [client, model],  concurrent: 8 }
  - { name: provider,  match: { model: gpt-4o },                   tokens: 10000000, per: 60s, mode: shadow }
";

fn written(limits: &[Limit]) -> Value {
    let limits: Vec<_> = limits.iter().map(LimitJson::from).collect();
    serde_json::to_value(limits).expect("JSON")
}

#[test]
fn limits_and_models_are_read_and_written_again_without_what_was_not_set() {
    let document = parse(FIVE).expect("all is right");
    assert_eq!(
        written(&document.limits),
        json!([
            {"name": "org", "match": {"group": "acme"}, "tokens": 2_000_000, "per": "1m"},
            {
                "name": "per-model", "match": {"model": "gpt-4o"}, "each": ["client"],
                "tokens": 50_000, "per": "1m", "trial": 30_000,
            },
            {
                "name": "day", "match": {"plan": "pro"}, "each": ["client"],
                "requests": 5_000, "per": "1d", "burst": 500,
            },
            {"name": "running", "match": {}, "each": ["client", "model"], "concurrent": 8},
            {
                "name": "provider", "match": {"model": "gpt-4o"},
                "tokens": 10_000_000, "per": "1m", "mode": "shadow",
            },
        ])
    );
    let models: Value = document
        .models
        .iter()
        .map(|(name, patterns)| (name.to_string(), serde_json::to_value(patterns).expect("JSON")))
        .collect();
    assert_eq!(models, json!({"gpt-4o": ["gpt-4o", "gpt-4o-2*"], "small": ["*-mini", "*haiku*"]}));
    let again = json!({
        "limits": written(&document.limits),
        "models": models,
        "clients": {"alice": {"rpm": 60, "tpm": 100_000, "group": "acme/research", "plan": "pro"}},
    });
    assert_eq!(parse(&again.to_string()), Ok(document));
}

#[test]
fn every_field_of_a_limit_can_be_said_and_nulls_are_as_if_absent() {
    let document = parse(
        "limits:\n\
         - name: a\n  \
           match: {client: unknown, group: g, plan: 7, model: other}\n  \
           each: []\n  \
           requests: null\n  \
           tokens: 1000000000000\n  \
           concurrent: ~\n  \
           per: 31d\n  \
           burst: null\n  \
           mode: off\n  \
           trial: 1\n",
    );
    let limits = document.expect("all is right").limits;
    let [limit] = &limits[..] else { panic!("one limit: {limits:?}") };
    assert_eq!(limit.matches.client, Some(ClientId::unknown()));
    assert_eq!(limit.matches.model, Some(ModelName::Other));
    assert_eq!(limit.mode, LimitMode::Off);
    assert_eq!(
        written(&limits)[0],
        json!({
            "name": "a",
            "match": {"client": "unknown", "group": "g", "plan": "7", "model": "other"},
            "tokens": 1_000_000_000_000_u64,
            "per": "31d",
            "mode": "off",
            "trial": 1,
        })
    );
}

#[test]
fn each_error_of_a_limit_is_told_at_the_values_place() {
    check(
        "limits:\n\
         - name: A\n  \
           match:\n    \
             client: other\n    \
             tenant: x\n    \
             plan: null\n  \
           each: [client, team,\n    \
             client]\n  \
           requests: 0\n  \
           tokens: 5\n  \
           per: 1w\n  \
           mode: on\n  \
           rate: 1\n  \
           per: 1m\n\
         - {match: {}, concurrent: 1, per: 1m}\n\
         - {name: b, requests: 10, burst: 11, match: []}\n\
         - 5\n\
         - {name: c, match: {}, each: client}\n",
        &[
            "2:9: name must be 1 to 64 characters of a-z 0-9 -, and neither \"rpm\" nor \"tpm\", not \"A\"",
            "4:13: match.client must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ - + | = / ~, but not . or .. alone, and not \"other\", not \"other\"",
            "5:5: \"tenant\" is not a field: client, group, plan and model in match are",
            "6:11: match.plan must be 1 to 64 characters of A-Z a-z 0-9 . _ : @ + = ~ -, but not . or .. alone, and neither \"unknown\" nor \"other\", not null",
            "7:18: each[1] must be client, group, plan or model, not \"team\"",
            "8:5: each must have each value once, not \"client\" twice",
            "9:13: requests must be null or an integer from 1 to 1000000000000, not 0",
            "10:11: tokens must not be given with requests: a limit has one of requests, tokens and concurrent",
            "11:8: per must be a time from \"1s\" to \"31d\", an integer and s, m, h or d, not \"1w\"",
            "12:9: mode must be enforce, shadow or off, not \"on\"",
            "13:3: \"rate\" is not a field: name, match, each, requests, tokens, concurrent, per, burst, mode and trial are",
            "14:3: per must be given once, not twice",
            "15:3: name is required",
            "15:35: per must not be given with concurrent: places come back, and none refills",
            "16:10: per is required",
            "16:34: burst must be null or an integer from 1 to 10, not 11",
            "16:45: match must be an object of client, group, plan and model, or {} for every request, not a list",
            "17:3: a limit must be an object, not 5",
            "18:10: requests, tokens or concurrent is required",
            "18:30: each must be a list of client, group, plan and model, not client",
        ],
    );
}

#[test]
fn each_error_of_a_model_is_told_at_the_values_place() {
    let patterns: Vec<_> = (0..65).map(|n| n.to_string()).collect();
    check(
        &format!(
            "models:\n  \
               a: [x, \"\", {{}}, X]\n  \
               other: [o]\n  \
               b: c\n  \
               d: []\n  \
               e: [{}]\n  \
               a: [y]\n  \
               f: [null]\n",
            patterns.join(", ")
        ),
        &[
            "2:10: a pattern must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ + = ~ / - *, not \"\"",
            "2:14: a pattern must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ + = ~ / - *, not an object",
            "2:18: patterns must have each value once, not \"X\" twice",
            "3:3: name must be 1 to 64 characters of A-Z a-z 0-9 . _ : @ + = ~ -, but not . or .. alone, and neither \"unknown\" nor \"other\", not \"other\"",
            "4:6: model \"b\" must be a list of 1 to 64 patterns, not c",
            "5:6: model \"d\" must be a list of 1 to 64 patterns, not one of 0",
            "6:6: model \"e\" must be a list of 1 to 64 patterns, not one of 65",
            "7:3: model \"a\" must be given once, not twice: also in 2:3",
            "8:7: a pattern must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ + = ~ / - *, not null",
        ],
    );
}

#[test]
fn sections_of_other_kinds_are_told_what_they_must_be() {
    check(
        "models: [a]\nlimits: {a: {}}\n",
        &[
            "1:9: models must be an object of lists of patterns by their models' names, not a list",
            "2:9: limits must be a list of limits, not an object",
        ],
    );
}

#[test]
fn what_a_limit_names_has_to_be_there_wherever_it_stands() {
    check(
        "limits:\n\
         - {name: a, match: {model: gone}, concurrent: 1}\n\
         - {name: b, match: {model: wrong}, concurrent: 1}\n\
         - {name: c, match: {model: m}, concurrent: 1}\n\
         - {name: c, match: {model: other}, concurrent: 1}\n\
         models: {m: [m], wrong: []}\n",
        &[
            "2:28: match.model must be in the section models, not \"gone\"",
            "5:10: limit \"c\" must be given once, not twice: also in 4:10",
            "6:25: model \"wrong\" must be a list of 1 to 64 patterns, not one of 0",
        ],
    );
}

#[test]
fn patterns_that_tie_are_told_at_the_second_one() {
    check(
        "models:\n  b: [x, gpt*]\n  a: [\"*gpt\"]\n",
        &[
            "2:10: the patterns \"*gpt\" of model \"a\" and \"gpt*\" of model \"b\" both match \"gptgpt\", and neither has more literal characters",
        ],
    );
}

#[test]
fn a_seventeenth_bucket_is_told_of_the_first_client_of_each_kind() {
    let limits = |match_: &str, count: usize| -> String {
        let limit = |n: usize| format!("- {{name: l{n}, match: {{{match_}}}, concurrent: 1}}\n");
        (0..count).map(limit).collect()
    };
    let clients = "clients:\n  a: {rpm: 1, plan: p}\n  b: {plan: p}\n  c: {rpm: 2, plan: p, enabled: false}\n  d: {rpm: 1, tpm: 1}\n";
    assert!(parse(&format!("{clients}limits:\n{}", limits("plan: p", 15))).is_ok());
    let told = told(&format!("{clients}limits:\n{}", limits("plan: p", 16)));
    assert_eq!(
        told,
        [
            "2:3: a request of client \"a\" for model \"other\" would need 17 buckets, 16 at most, of the limits rpm, l0, l1, l2, l3, l4, l5, l6, l7, l8, l9, l10, l11, l12, l13, l14, l15; so would 1 client more"
        ]
    );
    // Those that are not configured may have two of their own.
    assert!(parse(&format!("limits:\n{}", limits("", 14))).is_ok());
    let told = self::told(&format!("limits:\n{}", limits("", 15)));
    assert!(told.len() == 1 && told[0].starts_with("16:10: a request of client \"unknown\""));
}

#[test]
fn there_can_be_a_thousand_limits() {
    let limits = |count: usize| {
        let limit = |n: usize| json!({"name": format!("l{n}"), "match": {"client": format!("c{n}")}, "concurrent": 1});
        json!({"limits": (0..count).map(limit).collect::<Vec<_>>()}).to_string()
    };
    assert_eq!(parse(&limits(1_000)).expect("as many as there can be").limits.len(), 1_000);
    let told = told(&limits(1_001));
    assert!(told[0].ends_with(": this is one limit too many: there can be 1000"), "{told:?}");
}

/// A document of 10,000 clients and 100 limits with mistakes in it, a line each, and the lines of
/// the mistakes.
pub(crate) fn large_with_mistakes() -> (String, Vec<usize>) {
    let mut lines = vec!["clients:".to_owned()];
    let mut wrong = Vec::new();
    for n in 0..10_000 {
        let client = match n % 500 {
            0 => ["rpm: 0", "tpm: x", "group: a//b", "plan: other"][n / 500 % 4],
            _ => "rpm: 60, tpm: 1000, group: acme/research, plan: pro",
        };
        if n % 500 == 0 {
            wrong.push(lines.len() + 1);
        }
        lines.push(format!("  client-{n}: {{{client}}}"));
    }
    lines.push("models:".to_owned());
    for model in ["m: [m*]", "n: [\"*n\"]", "o: [a b]"] {
        lines.push(format!("  {model}"));
    }
    wrong.extend([lines.len() - 1, lines.len()]);
    lines.push("limits:".to_owned());
    for n in 0..100 {
        let limit = match n % 6 {
            0 => ["requests: 5", "burst: 1", "per: 1m, tokens: 0", "concurrent: 1, per: 1s"]
                [n / 6 % 4],
            _ => "requests: 5, per: 1m",
        };
        let model = if n % 100 == 1 { "gone" } else { "m" };
        if n % 6 == 0 || n == 1 {
            wrong.push(lines.len() + 1);
        }
        lines.push(format!("- {{name: l{n}, match: {{client: c{n}, model: {model}}}, {limit}}}"));
    }
    (lines.join("\n"), wrong)
}

#[test]
fn of_a_large_document_every_mistake_is_told_at_once_at_its_place() {
    let (text, wrong) = large_with_mistakes();
    assert_eq!(wrong.len(), 40);
    let errors = Document::parse(text.as_bytes()).expect_err("forty mistakes");
    let told: Vec<_> = errors.told().iter().map(|error| error.place.line).collect();
    assert_eq!((told, errors.untold()), (wrong, 0), "{errors:?}");
}

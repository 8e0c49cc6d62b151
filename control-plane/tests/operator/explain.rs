//! What would be decided over a client's request, over both APIs: it costs nothing and is what is then
//! decided.

use flowguard::ledger::{Answer, End, UnknownClients};
use proto::api::{ExplainClientRequest, ExplainClientResponse, LimitMatch};
use serde_json::{Map, Value, json};
use tonic::Code;

use crate::{
    grpc,
    world::{World, limit, parsed, refused},
};

const POLICIES: [UnknownClients; 4] = [
    UnknownClients::DEFAULT,
    UnknownClients::DEFAULT_EACH,
    UnknownClients::Deny,
    UnknownClients::Allow,
];

/// What both APIs say of a request, which is the same.
async fn explain(world: &World, client: &str, tokens: Option<i64>, model: Option<&str>) -> Value {
    let mut query = Vec::new();
    query.extend(tokens.map(|tokens| format!("tokens={tokens}")));
    query.extend(model.map(|model| format!("model={model}")));
    let path = format!("/api/v1/clients/{client}/explain?{}", query.join("&"));
    let rest = parsed(&world.get(&path).await);
    let served = grpc::serve(world).await;
    let (client_id, model) = (client.to_owned(), model.map(str::to_owned));
    let request = ExplainClientRequest { client_id, tokens, model };
    let answer = served.client().explain_client(request).await.expect("answered").into_inner();
    assert_eq!(as_rest_has_it(answer), rest);
    rest
}

/// Without what is absent.
fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let there = fields.into_iter().filter(|(_, value)| !value.is_null());
    there.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()
}

fn as_rest_has_it(answer: ExplainClientResponse) -> Value {
    let limits: Vec<_> = answer
        .limits
        .into_iter()
        .map(|limit| {
            object([
                ("name", json!(limit.name)),
                ("measure", json!(limit.measure)),
                ("limit", json!(limit.limit)),
                ("per", json!(limit.per)),
                ("burst", json!(limit.burst)),
                ("mode", json!(limit.mode)),
                ("trial", json!(limit.trial.then_some(true))),
                ("enforced", json!(limit.enforced)),
                ("remaining", json!(limit.remaining)),
                ("in_flight", json!(limit.in_flight)),
                ("covers", json!(limit.covers)),
                ("retry_after_ms", json!(limit.retry_after_ms)),
                ("never", json!(limit.never.then_some(true))),
                ("why", json!(limit.why)),
                ("bucket", json!(limit.bucket)),
                ("bucket_of", limit.bucket_of.map_or(Value::Null, of)),
                ("match", limit.r#match.map_or(Value::Null, of)),
                ("each", json!(Some(limit.each).filter(|each| !each.is_empty()))),
            ])
        })
        .collect();
    object([
        ("client_id", json!(answer.client_id)),
        ("configured", json!(answer.configured)),
        ("enabled", json!(answer.enabled)),
        ("unknown_clients", json!(answer.unknown_clients)),
        ("model", json!(answer.model)),
        ("tokens", json!(answer.tokens)),
        ("would_pass", json!(answer.would_pass)),
        ("error", json!(answer.error)),
        ("limit", json!(answer.limit)),
        ("retry_after_ms", json!(answer.retry_after_ms)),
        ("never", json!(answer.never.then_some(true))),
        ("message", json!(answer.message)),
        ("in_flight", json!(answer.in_flight)),
        ("limits", json!(limits)),
    ])
}

fn of(of: LimitMatch) -> Value {
    let LimitMatch { client, group, plan, model } = of;
    object([
        ("client", json!(client)),
        ("group", json!(group)),
        ("plan", json!(plan)),
        ("model", json!(model)),
    ])
}

/// The limit of this name; on trial, its second number.
#[track_caller]
fn limit_of<'a>(explanation: &'a Value, name: &str, is_trial: bool) -> &'a Value {
    let mut limits = explanation["limits"].as_array().expect("a list").iter();
    let is_it =
        |limit: &&Value| limit["name"] == name && (limit["trial"] == Value::Bool(true)) == is_trial;
    limits.find(is_it).unwrap_or_else(|| panic!("no {name}: {explanation}"))
}

/// All that an operator can see of what is left and what happened.
async fn all_that_is_seen(world: &World) -> Vec<String> {
    let mut seen = Vec::new();
    for path in ["stats", "clients", "limits", "limits/each-model/stats", "backup"] {
        let reply = world.get(&format!("/api/v1/{path}")).await;
        // The first line of a backup says when it was made, and how.
        seen.push(reply.body);
    }
    seen.push(format!("{:?}", world.ledger.unknown_snapshot()));
    seen
}

async fn put(world: &World, path: &str, body: Value) {
    let written = world.put(&format!("/api/v1/{path}"), body.to_string()).await;
    assert!(written.status.is_success(), "{}", written.body);
}

/// Limits of each kind, and clients under them.
async fn limited() -> World {
    let world = World::new();
    put(&world, "models/small", json!(["*-mini"])).await;
    for (name, limit) in [
        (
            "each-model",
            json!({"match": {"plan": "pro"}, "each": ["model"], "tokens": 700, "per": "1h"}),
        ),
        (
            "each-client",
            json!({"match": {}, "each": ["client"], "requests": 9, "per": "1d", "burst": 3}),
        ),
        ("at-a-time", json!({"match": {"group": "a"}, "each": ["group"], "concurrent": 2})),
        ("watched", json!({"match": {}, "tokens": 10, "per": "30s", "mode": "shadow"})),
        ("tried", json!({"match": {"model": "small"}, "requests": 100, "per": "1m", "trial": 1})),
        ("asleep", json!({"match": {"client": "acme"}, "requests": 1, "per": "1m", "mode": "off"})),
    ] {
        put(&world, &format!("limits/{name}"), limit).await;
    }
    put(&world, "clients/acme", json!({"rpm": 60, "tpm": 1000, "plan": "pro", "group": "a/b"}))
        .await;
    put(&world, "clients/off", json!({"rpm": 1, "tpm": 1, "enabled": false})).await;
    world
}

#[tokio::test]
async fn a_request_that_would_pass_is_told_so_with_every_limit_that_applies() {
    let world = limited().await;
    let told = explain(&world, "acme", Some(100), Some("gpt-4o-mini")).await;
    assert_eq!(told["would_pass"], true);
    assert_eq!(told["message"], "It would pass, and reserve 100 tokens");
    let one = explain(&world, "acme", Some(1), Some("gpt-4o-mini")).await;
    assert_eq!(one["message"], "It would pass, and reserve 1 token");
    for absent in ["error", "limit", "retry_after_ms", "never", "unknown_clients"] {
        assert!(told.get(absent).is_none(), "{absent}: {told}");
    }
    let facts = ["client_id", "configured", "enabled", "model", "tokens", "in_flight"];
    let facts = facts.map(|fact| &told[fact]);
    assert_eq!(json!(facts), json!(["acme", true, true, "small", 100, 0]));
    let limits = told["limits"].as_array().expect("a list").iter();
    let names: Vec<_> = limits.map(|limit| &limit["name"]).collect();
    let expected = [
        "rpm",
        "tpm",
        "asleep",
        "at-a-time",
        "each-client",
        "each-model",
        "tried",
        "tried",
        "watched",
    ];
    assert_eq!(json!(names), json!(expected));
    for (name, is_trial, expected) in [
        (
            "tpm",
            false,
            json!({
                "name": "tpm", "measure": "tokens", "limit": 1000, "per": "1m", "burst": 1000,
                "mode": "enforce", "enforced": true, "remaining": 1000, "covers": true, "bucket": "own",
            }),
        ),
        (
            "asleep",
            false,
            json!({
                "name": "asleep", "measure": "requests", "limit": 1, "per": "1m", "burst": 1,
                "mode": "off", "enforced": false, "bucket": "shared", "bucket_of": {},
                "match": {"client": "acme"},
            }),
        ),
        (
            "at-a-time",
            false,
            json!({
                "name": "at-a-time", "measure": "concurrent", "limit": 2, "mode": "enforce",
                "enforced": true, "remaining": 2, "in_flight": 0, "covers": true, "bucket": "shared",
                "bucket_of": {"group": "a/b"}, "match": {"group": "a"}, "each": ["group"],
            }),
        ),
        (
            "each-client",
            false,
            json!({
                "name": "each-client", "measure": "requests", "limit": 9, "per": "1d", "burst": 3,
                "mode": "enforce", "enforced": true, "remaining": 3, "covers": true,
                "bucket": "client", "bucket_of": {"client": "acme"}, "match": {}, "each": ["client"],
            }),
        ),
        (
            "each-model",
            false,
            json!({
                "name": "each-model", "measure": "tokens", "limit": 700, "per": "1h", "burst": 700,
                "mode": "enforce", "enforced": true, "remaining": 700, "covers": true,
                "bucket": "shared", "bucket_of": {"model": "small"}, "match": {"plan": "pro"},
                "each": ["model"],
            }),
        ),
        (
            "tried",
            true,
            json!({
                "name": "tried", "measure": "requests", "limit": 1, "per": "1m", "burst": 1,
                "mode": "enforce", "trial": true, "enforced": false, "remaining": 1, "covers": true,
                "bucket": "shared", "bucket_of": {}, "match": {"model": "small"},
            }),
        ),
        (
            "watched",
            false,
            json!({
                "name": "watched", "measure": "tokens", "limit": 10, "per": "30s", "burst": 10,
                "mode": "shadow", "enforced": false, "remaining": 10, "covers": false, "never": true,
                "why": "the request needs 100 tokens, and a full bucket holds 10",
                "bucket": "shared", "bucket_of": {}, "match": {},
            }),
        ),
    ] {
        assert_eq!(limit_of(&told, name, is_trial), &expected);
    }
}

#[tokio::test]
async fn a_debt_is_told_with_the_very_millisecond_at_which_it_is_paid() {
    let world = World::new();
    world.configure("acme", None, Some(1_000)).await;
    world.complete_with("acme", 100, limiter::Tokens::new(1_600).ok(), 5);
    let told = explain(&world, "acme", Some(100), None).await;
    assert_eq!(
        json!([told["would_pass"], told["error"], told["limit"]]),
        json!([false, "tpm_exceeded", "tpm"])
    );
    // 700 tokens are missing, of which a thousand come back in a minute.
    assert_eq!(told["retry_after_ms"], 42_000);
    assert_eq!(
        told["message"],
        "It would be refused by tpm, and pass in 42000 ms, if nobody else asks"
    );
    let tpm = limit_of(&told, "tpm", false);
    assert_eq!(
        json!([tpm["remaining"], tpm["covers"], tpm["retry_after_ms"]]),
        json!([-600, false, 42_000])
    );
    world.later(41_999);
    assert_eq!(explain(&world, "acme", Some(100), None).await["retry_after_ms"], 1);
    assert!(matches!(world.ask("acme", 100), Answer::Refused { .. }));
    world.later(1);
    assert_eq!(explain(&world, "acme", Some(100), None).await["would_pass"], true);
    assert!(matches!(world.ask("acme", 100), Answer::Admitted { .. }));
}

#[tokio::test]
async fn what_never_fits_is_named_and_says_why() {
    let world = limited().await;
    let told = explain(&world, "acme", Some(5_000), None).await;
    assert_eq!(
        json!([told["error"], told["limit"], told["never"]]),
        json!(["tpm_exceeded", "tpm", true])
    );
    let why = "the request needs 5000 tokens, and a full bucket holds 1000";
    assert_eq!(
        told["message"],
        format!("It would be refused by tpm, however long it waits: {why}")
    );
    assert_eq!(limit_of(&told, "tpm", false)["why"], why);
    assert!(told.get("retry_after_ms").is_none());
    // The smaller bucket is named where the client's own would do.
    let told = explain(&world, "acme", Some(800), None).await;
    assert_eq!(
        json!([told["error"], told["limit"]]),
        json!(["token_limit_exceeded", "each-model"])
    );
}

#[tokio::test]
async fn places_are_told_with_who_has_them() {
    let world = limited().await;
    let first = world.ask_admitted("acme", 1);
    world.ask_admitted("acme", 1);
    let told = explain(&world, "acme", Some(1), None).await;
    assert_eq!(
        json!([told["error"], told["limit"], told["retry_after_ms"], told["in_flight"]]),
        json!(["concurrency_exceeded", "at-a-time", 1_000, 2])
    );
    let places = limit_of(&told, "at-a-time", false);
    assert_eq!(json!([places["remaining"], places["in_flight"]]), json!([0, 2]));
    // There are fewer of them than are taken.
    let fewer = json!({"match": {"group": "a"}, "each": ["group"], "concurrent": 1});
    put(&world, "limits/at-a-time", fewer).await;
    let told = explain(&world, "acme", Some(1), None).await;
    assert_eq!(limit_of(&told, "at-a-time", false)["remaining"], -1);
    world.end(first, End::Canceled);
    assert_eq!(explain(&world, "acme", Some(1), None).await["in_flight"], 1);
    assert_eq!(explain(&world, "off", Some(1), None).await["in_flight"], 0);
}

#[tokio::test]
async fn a_client_that_is_not_enabled_has_its_own_limits_off_and_no_others() {
    let world = limited().await;
    let told = explain(&world, "off", Some(100), None).await;
    assert_eq!(json!([told["would_pass"], told["enabled"]]), json!([true, false]));
    for own in ["rpm", "tpm"] {
        let own = limit_of(&told, own, false);
        assert_eq!(
            json!([own["mode"], own["enforced"], own["remaining"]]),
            json!(["off", false, 1])
        );
        assert!(own.get("covers").is_none());
    }
    assert_eq!(limit_of(&told, "each-client", false)["enforced"], true);
}

#[tokio::test]
async fn without_tokens_it_reserves_what_a_real_request_would() {
    let world = World::new();
    world.configure("small", None, Some(400)).await;
    assert_eq!(explain(&world, "small", None, None).await["tokens"], 400, "what its limit holds");
    world.configure("large", None, Some(40_000)).await;
    assert_eq!(explain(&world, "large", None, None).await["tokens"], 1_000, "the default");
    let floor = json!({"tpm": 40_000, "min_estimate": 2_500});
    put(&world, "clients/large", floor).await;
    assert_eq!(explain(&world, "large", None, None).await["tokens"], 2_500);
    assert_eq!(explain(&world, "large", Some(7), None).await["tokens"], 2_500, "the floor");
    assert_eq!(explain(&world, "large", Some(3_000), None).await["tokens"], 3_000);
}

#[tokio::test]
async fn an_id_that_nobody_configured_is_treated_as_its_request_would_be() {
    for policy in POLICIES {
        let world = World::with_unknown_clients(&policy);
        for id in ["nobody", "unknown"] {
            let told = explain(&world, id, Some(1), None).await;
            assert_eq!(json!([told["configured"], told.get("enabled")]), json!([false, null]));
            let buckets = told["limits"].as_array().expect("a list").iter();
            let buckets: Vec<_> = buckets.map(|limit| &limit["bucket"]).collect();
            let (becomes, expected) = match policy {
                UnknownClients::Shared { .. } => ("shared", json!(["unknown", "unknown"])),
                UnknownClients::Each { .. } => ("each", json!(["own", "own"])),
                UnknownClients::Deny => ("deny", json!([])),
                UnknownClients::Allow => ("allow", json!([])),
            };
            assert_eq!((&told["unknown_clients"], json!(buckets)), (&json!(becomes), expected));
            if matches!(policy, UnknownClients::Deny) {
                let refusal =
                    json!([told["would_pass"], told["error"], told["never"], told.get("tokens")]);
                assert_eq!(refusal, json!([false, "unknown_client", true, null]));
                let says = told["message"].as_str().expect("a text");
                assert!(says.contains("no client is configured under this id"), "{says}");
            } else {
                assert_eq!(told["would_pass"], true);
            }
        }
    }
}

#[tokio::test]
async fn where_each_unknown_id_has_buckets_of_its_own_those_are_told() {
    let each = UnknownClients::Each { rpm: limit(2), tpm: limit(1_000) };
    let world = World::with_unknown_clients(&each);
    let asked = world.ask_admitted("a", 1);
    for (id, remaining, in_flight) in [("a", 1, 1), ("b", 2, 0)] {
        let told = explain(&world, id, Some(1), None).await;
        assert_eq!(limit_of(&told, "rpm", false)["remaining"], remaining, "{id}");
        assert_eq!(told["in_flight"], in_flight, "{id}");
    }
    world.end(asked, End::Lost);
    assert_eq!(explain(&world, "a", Some(1), None).await["in_flight"], 0);
}

#[tokio::test]
async fn whatever_is_asked_nothing_is_other_than_before() {
    let world = limited().await;
    world.ask_admitted("acme", 100);
    let before = all_that_is_seen(&world).await;
    for client in ["acme", "off", "nobody", "unknown"] {
        for tokens in [None, Some(100), Some(1_000_000_000_000)] {
            for model in [None, Some("x-mini"), Some("other-one")] {
                explain(&world, client, tokens, model).await;
            }
        }
    }
    assert_eq!(all_that_is_seen(&world).await, before);
}

#[tokio::test]
async fn what_no_request_could_have_is_refused_in_the_same_words_over_both_apis() {
    let world = World::new();
    let served = grpc::serve(&world).await;
    let models = "must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ + = ~ / -";
    let tokens = "tokens must be an integer from 0 to 1000000000000, not";
    let request = |client_id: &str, tokens, model: Option<&str>| {
        let (client_id, model) = (client_id.to_owned(), model.map(str::to_owned));
        Some(ExplainClientRequest { client_id, tokens, model })
    };
    for (path, message, request) in [
        ("a?tokens=-1", format!("{tokens} \"-1\""), None),
        ("a?tokens=+1", format!("{tokens} \"+1\""), None),
        ("a?tokens=%2B1", format!("{tokens} \"+1\""), None),
        ("a?tokens=01", format!("{tokens} \"01\""), None),
        ("a?tokens=", format!("{tokens} \"\""), None),
        (
            "a?tokens=1000000000001",
            format!("{tokens} 1000000000001"),
            request("a", Some(1_000_000_000_001), None),
        ),
        ("a?model=", format!("model {models}, not \"\""), request("a", None, Some(""))),
        ("a?model=a%20b", format!("model {models}, not \"a b\""), request("a", None, Some("a b"))),
        ("a?tokens=1&tokens=2", "tokens must be given once, not twice".to_owned(), None),
        ("a?token=1", "\"token\" is not a parameter: tokens and model are".to_owned(), None),
        (
            "a%20b?",
            "client_id must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ - + | = / ~, but not . or .. \
             alone, not \"a b\""
                .to_owned(),
            request("a b", None, None),
        ),
    ] {
        let path = path.replacen('?', "/explain?", 1);
        let reply = world.get(&format!("/api/v1/clients/{path}")).await;
        reply.is_error(400, "invalid_field", &message);
        if let Some(request) = request {
            let status = refused(served.client().explain_client(request).await);
            assert_eq!((status.code(), status.message()), (Code::InvalidArgument, &*message));
        }
    }
    let negative =
        ExplainClientRequest { client_id: "a".to_owned(), tokens: Some(-1), ..Default::default() };
    let status = refused(served.client().explain_client(negative).await);
    assert_eq!(status.message(), format!("{tokens} -1"));
}

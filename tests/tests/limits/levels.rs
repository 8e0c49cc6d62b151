//! Three levels and two models, on two Envoys of two workers, under a crowd.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use harness::TestStack;
use harness::http_client::HttpClient;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{ask, limits_of};

const CROWD: usize = 64;
const ESTIMATE: u64 = 100;

/// So long that nearly nothing refills meanwhile, and books are balanced to the token.
const WINDOW: &str = "31d";
const ORG: u64 = 60_000;
const TEAM: u64 = 30_000;
const CLIENT: u64 = 20_000;
const MODEL: u64 = 40_000;

const CLIENTS: [(&str, &str); 4] =
    [("ann", "acme/red"), ("bob", "acme/red"), ("cid", "acme/blue"), ("dan", "acme/blue")];
const MODELS: [&str; 2] = ["gpt-4o-2024-11-20", "gpt-4o-mini"];

#[tokio::test(flavor = "multi_thread")]
async fn every_bucket_of_three_levels_and_two_models_balances_under_a_crowd() {
    balances_under_a_crowd(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes half a minute: the crowd in its whole length"]
async fn every_bucket_of_three_levels_and_two_models_balances_under_a_crowd_of_20_s() {
    balances_under_a_crowd(Duration::from_secs(20)).await;
}

async fn balances_under_a_crowd(time: Duration) {
    let stack = TestStack::builder().envoys(2).workers(2).start().await;
    for (client, group) in CLIENTS {
        let limits = json!({"group": group, "rpm": null, "tpm": null});
        assert!(stack.admin().put(client, &limits).await.status.is_success());
    }
    stack.admin().put_model("large", &["gpt-4o-2*"]).await;
    stack.admin().put_model("small", &["*-mini"]).await;
    let tokens = |more: Value, tokens: u64| {
        let mut limit = json!({"tokens": tokens, "per": WINDOW});
        limit.as_object_mut().expect("an object").extend(more.as_object().expect("one").clone());
        limit
    };
    stack.admin().put_limit("a-org", &tokens(json!({"match": {"group": "acme"}}), ORG)).await;
    stack.admin().put_limit("b-team", &tokens(json!({"match": {}, "each": ["group"]}), TEAM)).await;
    stack
        .admin()
        .put_limit("c-client", &tokens(json!({"match": {}, "each": ["client"]}), CLIENT))
        .await;
    stack
        .admin()
        .put_limit("d-model", &tokens(json!({"match": {}, "each": ["model"]}), MODEL))
        .await;

    let until = Instant::now() + time;
    let mut crowd = JoinSet::new();
    for member in 0..CROWD {
        let proxy = HttpClient::http1(stack.envoys[member % 2].proxy_address());
        crowd.spawn(async move {
            let mut seen = Vec::new();
            let mut number = member as u64;
            while Instant::now() < until {
                number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                // The first of them asks most, and so does everybody for the first model.
                let skewed = |bits: u64, of: usize| {
                    usize::try_from(bits % (3 * of as u64)).map_or(0, |at| at.min(of - 1))
                };
                let (client, group) =
                    CLIENTS[CLIENTS.len() - 1 - skewed(number >> 33, CLIENTS.len())];
                let model = MODELS[skewed(number >> 40, MODELS.len())];
                let used = 1 + (number >> 48) % ESTIMATE;
                let query = format!("prompt_tokens={used}&completion_tokens=0");
                let request = ask(&proxy, client, model, &query).tokens(ESTIMATE);
                let answer = request.send().await;
                let refused_by = match answer.status.as_u16() {
                    200 => None,
                    429 => Some(answer.json()["limit"].as_str().expect("a limit").to_owned()),
                    status => panic!("{status} {}", answer.text()),
                };
                seen.push((client, group, model, used, refused_by));
            }
            seen
        });
    }
    let seen: Vec<_> = crowd.join_all().await.into_iter().flatten().collect();

    // What was used in each bucket, as the upstream itself answered it.
    let mut used = HashMap::<(&str, &str), u64>::new();
    let mut refused = HashMap::<String, u64>::new();
    for (client, group, model, tokens, refused_by) in seen {
        match refused_by {
            None => {
                for bucket in
                    [("a-org", ""), ("b-team", group), ("c-client", client), ("d-model", model)]
                {
                    *used.entry(bucket).or_default() += tokens;
                }
            }
            Some(limit) => *refused.entry(limit).or_default() += 1,
        }
    }
    assert!(refused.len() >= 2, "the crowd is too small: {refused:?}");

    let refill = |limit: u64| limit * (time.as_secs() + 60) / (31 * 24 * 60 * 60) + 1;
    for (client, group) in CLIENTS {
        let settled = |used: u64, capacity: u64, remaining: &Value| {
            let left = remaining["remaining"].as_u64()?;
            let missing = capacity - left;
            (missing <= used && used <= missing + refill(capacity)).then_some(())
        };
        harness::deadline::eventually(&format!("{client}'s books balance"), || async {
            let limits = limits_of(&stack, client).await;
            let used = |bucket| used.get(&bucket).copied().unwrap_or_default();
            settled(used(("a-org", "")), ORG, &limits["a-org"])?;
            settled(used(("b-team", group)), TEAM, &limits["b-team"])?;
            settled(used(("c-client", client)), CLIENT, &limits["c-client"])
        })
        .await;
    }
    for (bucket, capacity) in
        [("a-org", ORG), ("b-team", TEAM), ("c-client", CLIENT), ("d-model", MODEL)]
    {
        for (key, used) in &used {
            assert!(key.0 != bucket || *used <= capacity + refill(capacity), "{key:?} {used}");
        }
    }
    let metrics = stack.control_plane.metrics().await;
    for (limit, count) in refused {
        let labels = [("limit", limit.as_str()), ("mode", "enforce")];
        let counted = metrics.value("flowguard_limit_refused_total", &labels).unwrap_or_default();
        // Several limits may refuse one request, of which one is named.
        #[expect(clippy::cast_precision_loss, reason = "a test's requests are few")]
        let count = count as f64;
        assert!(counted >= count, "{limit}: {counted} of {count}");
    }
}

#[tokio::test]
async fn a_request_that_the_org_refuses_costs_its_team_its_client_and_its_model_nothing() {
    let stack = TestStack::start().await;
    stack.admin().put("ann", &json!({"group": "acme/red", "rpm": 60, "tpm": 1_000})).await;
    stack.admin().put_model("large", &["gpt-4o-2*"]).await;
    stack
        .admin()
        .put_limit("z-org", &json!({"match": {"group": "acme"}, "tokens": 150, "per": WINDOW}))
        .await;
    let each = |each: &str| json!({"match": {}, "each": [each], "tokens": 1_000, "per": WINDOW});
    stack.admin().put_limit("team", &each("group")).await;
    stack.admin().put_limit("client", &each("client")).await;
    stack.admin().put_limit("model", &each("model")).await;
    let proxy = stack.proxy();
    let send =
        || ask(&proxy, "ann", MODELS[0], "prompt_tokens=100&completion_tokens=0").tokens(100);
    assert_eq!(send().send().await.status, 200);
    let left = |limits: &Value| {
        ["team", "client", "model", "z-org"].map(|name| limits[name]["remaining"].clone())
    };
    harness::deadline::eventually_equal("settled", json!(50), || async {
        limits_of(&stack, "ann").await["z-org"]["remaining"].clone()
    })
    .await;
    let before = left(&limits_of(&stack, "ann").await);
    assert_eq!(before, [json!(900), json!(900), json!(900), json!(50)]);

    for _ in 0..20 {
        let answer = send().send().await;
        assert_eq!(answer.status, 429);
        let body = answer.json();
        assert_eq!(
            (&body["error"], &body["limit"]),
            (&json!("token_limit_exceeded"), &json!("z-org"))
        );
    }
    assert_eq!(left(&limits_of(&stack, "ann").await), before);
    let stats = stack.admin().stats("ann").await;
    assert_eq!((stats.rpm_remaining, stats.dropped_requests), (Some(59), 20));
}

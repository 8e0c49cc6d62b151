//! What an issuer signed is as good as a key until it expires, and is told nowhere.

use harness::check;
use harness::deadline::eventually;
use harness::http_client::HttpClient;
use serde_json::json;

use crate::tokens::token;
use crate::world::{send, stack, with_tokens};

#[tokio::test]
async fn no_token_of_an_issuer_is_in_any_log_or_metric() {
    let claim = json!(["envoy.filters.http.jwt_authn", "payload", "sub"]).to_string();
    let builder = with_tokens(stack("jwt")).setting("IDENTITY_CLAIM", &claim);
    let stack = builder.setting("LOG_LEVEL", "debug").with_whole_admin().start().await;
    stack.admin().put_client("a", None, None).await;
    let about = |sub: &str, exp: u64| {
        token(&json!({"iss": "https://issuer.example", "exp": exp, "sub": sub}))
    };
    let later = 4_000_000_000;
    let good = about("a", later);
    let unsigned = &good[..good.len() - 1];
    let (expired, nobodys) = (about("a", 1_000_000_000), about("b\nc", later));
    let tokens = [&*good, &expired, &nobodys, unsigned];
    let mut sent = 0;
    for token in tokens {
        for header in ["authorization: Bearer ", "x-client-id: ", "x-api-key: ", "cookie: a="] {
            let headers = format!("{header}{token}\r\n");
            let path = format!("/?access_token={token}");
            for path in ["/", &*path] {
                let answer = send(stack.proxy_address(), path, headers.as_bytes()).await;
                let answer = answer.expect("an answer");
                assert!(!answer.text().contains(token), "{}", answer.text());
                sent += 1;
            }
        }
    }
    let headers = format!("authorization: Bearer {good}\r\n");
    check::admitted(&send(stack.proxy_address(), "/", headers.as_bytes()).await.unwrap());
    eventually("all are in the access log", || async {
        (stack.envoy().access_log().lines().count() > sent).then_some(())
    })
    .await;
    let metrics = HttpClient::one_connection_each(stack.control_plane.metrics_address());
    let mut texts = vec![
        ("the access log", stack.envoy().access_log()),
        ("Envoy's log", stack.envoy().log()),
        ("the control plane's log", stack.control_plane.log()),
        ("the metrics", metrics.get("/metrics").send().await.text()),
    ];
    for path in ["/stats", "/stats/prometheus", "/clusters", "/config_dump"] {
        texts.push((path, stack.envoy().admin().get(path).send().await.text()));
    }
    for (place, text) in texts {
        for token in tokens {
            let signature = token.rsplit('.').next().expect("a signature");
            assert!(!text.contains(signature), "{place} has a token");
        }
    }
}

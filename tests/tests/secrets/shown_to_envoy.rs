//! Secrets in a client's requests.

use harness::check;
use harness::deadline::eventually;
use harness::raw_client::exchange;

use crate::world::World;

/// Where a key belongs, and where a header is told, counted, or passed on.
const HEADERS: [&str; 13] = [
    "authorization: Bearer ",
    "authorization: Basic ",
    "authorization: ",
    "x-api-key: ",
    "api-key: ",
    "x-goog-api-key: ",
    "x-client-id: ",
    "x-token-estimate: ",
    "x-request-id: ",
    "cookie: key=",
    "user-agent: ",
    "traceparent: ",
    "x-forwarded-for: ",
];

async fn send(world: &World, path: &str, headers: &str) -> Option<u16> {
    let request = format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n{headers}\r\n");
    let answer = exchange(world.stack.proxy_address(), request.as_bytes()).await?;
    Some(answer.status.as_u16())
}

/// A text in a path or a query.
fn encoded(text: &str) -> String {
    text.replace('"', "%22").replace(',', "%2C")
}

/// Good keys pass, wherever a library puts them.
pub(crate) async fn rightly(world: &World) {
    for key in &world.keys {
        for header in ["authorization: Bearer ", "x-api-key: ", "x-goog-api-key: "] {
            let status = send(world, "/v1/x", &format!("{header}{key}\r\n")).await;
            assert_eq!(status, Some(200), "{header}");
        }
        assert_eq!(send(world, &format!("/v1/x?key={key}&alt=sse"), "").await, Some(200));
        // A good one hides no wrong place.
        let both = format!("x-api-key: {key}\r\nx-client-id: {key}\r\nx-request-id: {key}\r\n");
        assert_eq!(send(world, &format!("/v1/x?other={key}"), &both).await, Some(200));
    }
}

/// Wrong ones do not, and what is no key's place takes none.
pub(crate) async fn wrongly(world: &World) {
    let mut sent = 0;
    for text in world.shown() {
        for header in HEADERS {
            let status = send(world, "/v1/x", &format!("{header}{text}\r\n")).await;
            assert!(matches!(status, Some(200 | 400 | 401)), "{status:?}: {header}");
            sent += 1;
        }
        let encoded = encoded(&text);
        let mut paths = vec![format!("/v1/x?key={encoded}"), format!("/v1/x?token={encoded}")];
        // A path is the upstream's, which the access log tells: of a request that goes nowhere it is
        // told up to a key.
        if text.starts_with("fg") {
            paths.push(format!("/{encoded}/v1/models/{encoded}:generate"));
        }
        for path in paths {
            let status = send(world, &path, "").await;
            assert!(matches!(status, Some(200 | 401)), "{status:?}");
            sent += 1;
        }
    }
    assert!(sent > 500, "{sent}");
    eventually("all are in the access log", || async {
        let lines = world.stack.envoy().access_log().lines().count();
        (lines >= sent).then_some(())
    })
    .await;
    check::filter_is_unharmed(world.stack.envoy()).await;
}

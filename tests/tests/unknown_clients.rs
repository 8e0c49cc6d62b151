//! A client id that is not configured: limited together with all others of its kind, or denied, or
//! let through.

use harness::TestStack;
use harness::check::{self, RPM_EXCEEDED, TPM_EXCEEDED, UNKNOWN_CLIENT};

#[tokio::test]
async fn unknown_clients_share_one_pair_of_buckets() {
    let stack = TestStack::builder()
        .setting("UNKNOWN_CLIENT_RPM", "4")
        .setting("UNKNOWN_CLIENT_TPM", "100")
        .start()
        .await;
    stack.admin().put_client("known", 1, 1).await;
    let proxy = stack.proxy();
    for id in ["a", "b", "c"] {
        check::admitted(&proxy.post("/").client(id).tokens(30).send().await);
    }
    check::refused_for_now(&proxy.post("/").client("d").tokens(50).send().await, &TPM_EXCEEDED);
    check::refused_for_good(&proxy.post("/").client("e").tokens(101).send().await);
    check::admitted(&proxy.post("/").client("f").tokens(1).send().await);
    check::refused_for_now(&proxy.post("/").client("g").tokens(1).send().await, &RPM_EXCEEDED);
    check::admitted(&proxy.post("/").client("known").tokens(1).send().await);
    assert_eq!(
        stack.admin().get("a").await.status.as_u16(),
        404,
        "an unknown client is not remembered"
    );
}

#[tokio::test]
async fn unknown_clients_can_be_let_through_without_a_limit() {
    let stack = TestStack::builder()
        .setting("UNKNOWN_CLIENTS", "allow")
        .setting("UNKNOWN_CLIENT_RPM", "1")
        .start()
        .await;
    for _ in 0..10 {
        check::admitted(&stack.proxy().post("/").client("a").tokens(1_000_000).send().await);
    }
}

#[tokio::test]
async fn unknown_clients_can_be_denied() {
    let stack = TestStack::builder().setting("UNKNOWN_CLIENTS", "deny").start().await;
    stack.admin().put_client("known", None, None).await;
    for id in ["a", "b", "a"] {
        check::refused(&stack.proxy().post("/").client(id).tokens(1).send().await, &UNKNOWN_CLIENT);
    }
    check::admitted(&stack.proxy().post("/").client("known").tokens(1).send().await);
    assert_eq!(stack.upstream.requests().len(), 1);
}

//! The screen of what happened.

use harness::TestStack;
use harness::browser::{Browser, Key};
use harness::check;
use harness::http_client::HttpClient;
use http::Method;
use serde_json::json;

use super::person::{asks, choose, configure, put, says, tab_to};

const CHANGES: &str = "[aria-label=Changes] li";

#[tokio::test(flavor = "multi_thread")]
async fn who_changed_what_who_was_refused_and_who_left_is_told_and_a_change_is_taken_back() {
    let mut stack = TestStack::start().await;
    let server = HttpClient::one_connection_each(stack.control_plane.rest_address());
    let day =
        json!({ "name": "org-day", "match": { "group": "org" }, "tokens": 10_000, "per": "1d" });
    let acme = json!({ "rpm": 300, "group": "org" });
    configure(&server, json!({ "clients": { "acme": acme }, "limits": [day] })).await;
    let browser = Browser::start(stack.control_plane.rest_address()).await;
    let proxy = stack.proxy();
    let request = || proxy.post("/test").client("acme").tokens(1).send();
    browser.go("/").await;
    choose(&browser, "a", "Events").await;
    browser.wait_for_text("h1", "Events").await;
    browser.wait_for_text(".connection", "Live").await;

    put(&server, "/api/v1/clients/acme", &json!({ "rpm": 2, "group": "org" })).await;
    browser.wait_for_text(CHANGES, "by anybody (the port is open)").await;
    browser.wait_for_text(CHANGES, "changed").await;
    let change = browser.text(CHANGES).await;
    assert!(change.contains("client acme") && change.contains("rpm"), "{change}");
    assert!(change.contains("300") && change.contains('2'), "{change}");
    for _ in 0..2 {
        check::admitted(&request().await);
    }
    check::refused_for_now(&request().await, &check::RPM_EXCEEDED);
    let refused = |part: &str| format!("table[aria-label='Refused, by {part}'] tbody tr");
    browser.wait_for_text(&refused("client"), "acme").await;
    browser.wait_for_text(&refused("client"), "rpm").await;
    browser.wait_for_text(&refused("limit"), "rpm").await;
    says(&browser, "1 request refused since").await;

    choose(&browser, "button", "Undo: client/acme, changed").await;
    asks(&browser, "Undo: client/acme").await;
    asks(&browser, "What was spent stays spent.").await;
    browser.is_accessible("what is undone").await;
    choose(&browser, "button", "Write it").await;
    says(&browser, "Undone: ").await;
    check::admitted(&request().await);

    let deleted = server.request(Method::DELETE, "/api/v1/limits/org-day").send().await;
    assert_eq!(deleted.status, 200);
    browser.wait_for_text(CHANGES, "limit org-day").await;
    choose(&browser, "button", "Undo: limit/org-day, deleted").await;
    asks(&browser, "It is made anew.").await;
    choose(&browser, "button", "Create it").await;
    browser.wait_until_gone("dialog").await;
    browser.wait_for_text(CHANGES, "created").await;
    let limit = server.get("/api/v1/limits/org-day").send().await.json();
    assert_eq!(limit["tokens"], 10_000, "{limit}");

    tab_to(&browser, "summary", "As a table").await;
    browser.press(Key::Enter).await;
    let told = "[aria-label='What happened, as a table'] tr";
    browser.wait_for_text(told, "A worker joined").await;
    stack.envoys[0].process().terminate();
    browser.wait_for_text(told, "A worker left").await;
    browser.wait_for_text(told, "none then").await;
    browser.is_accessible("a time line with its table").await;

    // What nobody here can know is said as such.
    browser.expect_error("net::ERR_");
    stack.control_plane.process().kill();
    browser.wait_for_text(".banner", "No connection to the control plane").await;
    stack.control_plane.restart().await;
    browser.wait_for_text(told, "The connection was lost, for").await;
    says(&browser, "nothing was heard: only Envoy knows").await;
    says(&browser, "1 request refused since").await;
}

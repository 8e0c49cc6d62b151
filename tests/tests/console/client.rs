//! The screen of one client.

use harness::TestStack;
use harness::browser::{Browser, Key};
use harness::check;
use harness::http_client::HttpClient;
use serde_json::json;

use super::person::{asks, choose, configure, says, tab_to, wait_for_focus, wait_for_place};

const ID: &str = "acme/x+y=~|";

/// The same as a part of a path.
const PATH: &str = "acme%2Fx%2By%3D~%7C";

/// Makes a key of the client whose screen is shown, and answers it. It is closed by mistake, and copied then.
async fn new_key(browser: &Browser) -> String {
    choose(browser, "button", "New key").await;
    asks(browser, "Whoever shows it is this client.").await;
    choose(browser, "button", "Make key").await;
    asks(browser, "It is shown this once.").await;
    let key = browser.text("[aria-label='The new key']").await;
    browser.press(Key::Escape).await;
    asks(browser, "Close without a copy?").await;
    assert_eq!(browser.text("[aria-label='The new key']").await, key);
    choose(browser, "button", "Copy key").await;
    asks(browser, "Copied").await;
    choose(browser, "button", "Close it").await;
    browser.wait_until_gone("dialog").await;
    key
}

/// Nothing in the page, and nothing that it keeps, has the key.
async fn is_nowhere(browser: &Browser, key: &str) {
    let places =
        "const kept = JSON.stringify([{ ...localStorage }, { ...sessionStorage }, history.state]);
        const all = [document.documentElement.outerHTML, kept, location.href, document.cookie];
        return all.filter((place) => place.includes(arguments[0])).length";
    assert_eq!(browser.script(places, &[json!(key)]).await, 0, "the key is still on the page");
}

/// That it was copied: it is pasted where clients are looked for.
async fn is_copied(browser: &Browser, key: &str) {
    browser.go("/#/").await;
    browser.tab_to("#filter", 30).await;
    browser.press_with(&[Key::Control], Key::Char('v')).await;
    let pasted = browser.script("return document.activeElement.value", &[]).await;
    assert_eq!(pasted, key, "what is pasted");
    browser.press_with(&[Key::Control], Key::Char('a')).await;
    browser.press(Key::Delete).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_gets_a_key_is_refused_reset_and_loses_the_key_by_the_keyboard_alone() {
    let stack = TestStack::builder().setting("FLOWGUARD_IDENTITY", "api-key").start().await;
    let server = HttpClient::one_connection_each(stack.control_plane.rest_address());
    configure(
        &server,
        json!({ "clients": { ID: { "rpm": 3, "tpm": 100_000, "group": "org/x" } } }),
    )
    .await;
    let browser = Browser::start(stack.control_plane.rest_address()).await;
    browser.go("/").await;
    browser.wait_for_text(".shown", "1 client").await;
    browser.tab_to("[role=grid]", 30).await;
    browser.press(Key::Down).await;
    browser.press(Key::Enter).await;
    browser.wait_for_text("h1", ID).await;
    says(&browser, "group org/x").await;
    says(&browser, "It has no key.").await;

    let key = new_key(&browser).await;
    is_nowhere(&browser, &key).await;
    says(&browser, &key[..16]).await;
    is_copied(&browser, &key).await;

    let request = |tokens: u32| {
        let request = stack.proxy().post("/test").tokens(tokens);
        request.header("authorization", format!("Bearer {key}"))
    };
    for _ in 0..3 {
        check::admitted(&request(10).send().await);
    }
    for _ in 0..2 {
        check::refused_for_now(&request(10).send().await, &check::RPM_EXCEEDED);
    }
    stack.admin().wait_for_tokens_used(PATH, 30).await;
    browser.go(&format!("/#/clients/{PATH}")).await;
    let limits = "[aria-label='Limits that apply']";
    for words in [
        "3 requests a minute",
        "this client's own",
        "100,000 tokens a minute",
        "0 of 3 requests left",
    ] {
        browser.wait_for_text(limits, words).await;
    }
    says(&browser, "It would be refused now. It passes in").await;
    says(&browser, "5 requests, 2 refused, 30 tokens").await;
    browser.wait_for_text("table[aria-label=Decisions] tbody tr", "by rpm, told to wait").await;
    let decided = browser.texts("table[aria-label=Decisions] tbody tr").await;
    let passed = decided.iter().filter(|row| row.contains("passed")).count();
    assert_eq!((decided.len(), passed), (5, 3), "{decided:?}");
    assert!(decided.first().is_some_and(|row| row.contains("by rpm")), "{decided:?}");
    tab_to(&browser, "summary", "As a table").await;
    browser.press(Key::Enter).await;
    let is_told = "const sum = (label) => [...document.querySelectorAll(`[data-label='${label}']`)]
            .reduce((all, cell) => all + Number(cell.innerText), 0);
        return sum('Passed') === 3 && sum('Refused') === 2 && sum('Tokens used') === 30";
    browser.wait_until("3 passed, 2 refused and 30 tokens in the hour", is_told, &[]).await;

    choose(&browser, "button", "Reset buckets").await;
    asks(&browser, "what it owes is forgotten").await;
    choose(&browser, "button", "Reset buckets").await;
    browser.wait_until_gone("dialog").await;
    browser.wait_for_text(limits, "3 of 3 requests left").await;
    check::admitted(&request(10).send().await);
    choose(&browser, "button", "Revoke key").await;
    asks(&browser, "answered 401 from the next one on").await;
    choose(&browser, "button", "Revoke key").await;
    says(&browser, "It has no key.").await;
    assert_eq!(request(10).send().await.status, 401, "the key is revoked");
    wait_for_focus(&browser, "h2", "Keys").await;

    id_that_nobody_configured(&browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_a_model_that_refuses_is_the_one_that_is_shown_and_another_choice_stays() {
    let stack = TestStack::start().await;
    let server = HttpClient::one_connection_each(stack.control_plane.rest_address());
    let large =
        json!({ "name": "large-hour", "match": { "model": "large" }, "requests": 1, "per": "1h" });
    let models = json!({ "large": ["gpt-4o-2*"] });
    let clients = json!({ "acme": { "rpm": 300 } });
    configure(&server, json!({ "clients": clients, "models": models, "limits": [large] })).await;
    let browser = Browser::start(stack.control_plane.rest_address()).await;
    browser.go("/#/clients/acme").await;
    says(&browser, "It would pass").await;
    says(&browser, "Limits for other models: large-hour.").await;
    let path = "/openai/deployments/gpt-4o-2024-08-06/chat/completions";
    for _ in 0..2 {
        stack.proxy().post(path).client("acme").tokens(1).send().await;
    }
    // Its statistics, and its decisions, come by themselves.
    says(&browser, "1 request (other limits 1)").await;
    says(&browser, "(model large)").await;
    says(&browser, "Held by large-hour.").await;
    browser.is_accessible("a client whom a limit of a model refuses").await;

    tab_to(&browser, "select", "Model of the request").await;
    browser.press(Key::Home).await;
    wait_for_place(&browser, "/#/clients/acme?model=").await;
    says(&browser, "It would pass").await;
    browser.reload().await;
    says(&browser, "Limits for other models: large-hour.").await;
    wait_for_place(&browser, "/#/clients/acme?model=").await;
}

/// It is told what is known of it, and is a step away from being configured.
async fn id_that_nobody_configured(browser: &Browser) {
    browser.go("/#/clients/no%2Fbody").await;
    says(browser, "Nobody configured this id.").await;
    says(browser, "all ids that nobody configured, one bucket for all of them").await;
    choose(browser, "a", "Configure it").await;
    says(browser, "No client of this name is configured.").await;
    choose(browser, "a", "Configure it").await;
    wait_for_place(browser, "/#/edit/new-client?name=no%2Fbody").await;
    tab_to(browser, "input", "Id").await;
    assert_eq!(browser.script("return document.activeElement.value", &[]).await, "no/body");
}

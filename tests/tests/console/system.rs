//! The screen of the control plane itself, and who may see what.

use std::fs;
use std::path::Path;

use harness::TestStack;
use harness::browser::{Browser, Key};
use harness::control_plane::{ControlPlane, Settings};
use harness::deadline::SOON;
use harness::http_client::HttpClient;
use harness::process::printed;
use harness::tools;
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

use super::explain::answer_of_curl;
use super::person::{asks, choose, fill, line_for, overwrite, says, wait_for_focus};

/// What would be an element, if it were not text.
const MARKUP: &str = "<img src=x onerror=alert(1)>";

#[tokio::test(flavor = "multi_thread")]
async fn health_is_told_in_words_and_what_a_file_owns_is_shown_and_not_written() {
    let folder = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
    let file = folder.path().join(format!("{MARKUP}.json"));
    let write =
        |document: &serde_json::Value| fs::write(&file, document.to_string()).expect("a file");
    let right = json!({ "clients": { "acme": { "rpm": 5 } } });
    write(&right);
    let path = file.to_str().expect("a path of text");
    let stack = TestStack::builder().setting("CONFIG_FILE", path).start().await;
    let browser = Browser::start(stack.control_plane.rest_address()).await;
    browser.go("/").await;
    choose(&browser, "a", "System").await;
    says(&browser, "Healthy").await;
    says(&browser, "No Envoy is connected").await;
    // A worker connects when it has something to ask.
    stack.proxy().post("/test").client("acme").tokens(1).send().await;
    says(&browser, "1 client, 0 limits, 0 models").await;
    says(&browser, "1 worker of 1 Envoy").await;
    browser.wait_for_text("table[aria-label=Workers] tbody tr", "enforce").await;
    browser.is_accessible("a healthy control plane").await;
    write(&json!({ "clients": { "acme": { "rpm": "many" } } }));
    says(&browser, "Degraded").await;
    says(&browser, "CONFIG_FILE").await;
    says(&browser, MARKUP).await;
    says(&browser, "FlowGuardConfigurationRefused").await;
    assert_eq!(
        browser.script("return document.querySelector('[onerror]')", &[]).await,
        json!(null)
    );
    browser.is_accessible("a degraded control plane").await;
    write(&right);
    says(&browser, "Healthy").await;

    // It asks whether it may write, and is told.
    browser.expect_error("status of 409");
    browser.go("/#/edit/clients/acme").await;
    says(&browser, "which alone can change it.").await;
    says(&browser, MARKUP).await;
    let are_off = "const fields = [...document.querySelectorAll('form input, form textarea')];
        return fields.length > 0 && fields.every((field) => field.matches(':disabled'))";
    browser.wait_until("fields that cannot be written", are_off, &[]).await;
}

/// A token that is made before a control plane has the folder.
async fn token(data: &Path, name: &str, scopes: &str) -> String {
    let mut command = tools::flowguard();
    command.env_clear().env("DATA_DIR", data);
    command.args(["tokens", "create", "--local", "--name", name, "--scopes", scopes]);
    let made = printed("flowguard tokens create", SOON, &mut Command::from(command)).await;
    made.trim_end().to_owned()
}

/// Writes a token where one is asked for.
async fn show(browser: &Browser, token: &str) {
    asks(browser, "Token of the control plane").await;
    wait_for_focus(browser, "input", "Token of the control plane").await;
    overwrite(browser, token).await;
    browser.press(Key::Enter).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_asked_for_kept_for_the_tab_alone_and_does_what_it_may() {
    let folder = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
    let data = folder.path().join("data");
    let all = token(&data, "all", "read,write,keys,tokens").await;
    let reader = token(&data, "reader", "read").await;
    let data = data.to_str().expect("a path of text").to_owned();
    let settings = [("ADMIN_AUTH", "required"), ("DATA_DIR", &data), ("DEMO_CLIENTS", "false")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let control_plane =
        ControlPlane::start(Settings::from(settings), folder.path().to_owned()).await;
    let server = HttpClient::one_connection_each(control_plane.rest_address());
    let acme = || server.request(http::Method::PUT, "/api/v1/clients/acme");
    let authorization = format!("Bearer {all}");
    let put =
        acme().header("authorization", &authorization).json(&json!({ "rpm": 60 })).send().await;
    assert!(put.status.is_success(), "{}", put.text());

    let browser = Browser::start(control_plane.rest_address()).await;
    browser.expect_error("status of 401");
    browser.go("/").await;
    asks(&browser, "wants a token").await;
    browser.is_accessible("who is asked for a token").await;
    show(&browser, "fga_abc…").await;
    let said =
        "return document.querySelector('#token').validationMessage.includes('no whole token')";
    browser.wait_until("that it is no whole token", said, &[]).await;
    show(&browser, "wrong").await;
    asks(&browser, "the token").await;
    asks(&browser, "fga_").await;
    show(&browser, &all).await;
    browser.wait_until_gone("dialog").await;
    browser.wait_for_text(".connection", "Live").await;
    browser.wait_for_text(".shown", "1 client").await;
    let kept = "const has = (place) => JSON.stringify(place).includes(arguments[0]);
        return [has({ ...sessionStorage }), has({ ...localStorage }), has(document.cookie),
            has(location.href), has(document.documentElement.outerHTML)]";
    let kept_in = browser.script(kept, &[json!(all)]).await;
    assert_eq!(kept_in, json!([true, false, false, false, false]));

    browser.go("/#/explain?client=acme").await;
    says(&browser, "It would pass").await;
    let line = line_for(&browser, "curl").await;
    assert!(line.contains("$FLOWGUARD_TOKEN") && !line.contains(&all[..20]), "no token is in it");
    let answer = answer_of_curl(&server, &line, &all).await;
    assert_eq!(answer["would_pass"], true, "{answer}");

    browser.expect_error("status of 403");
    choose(&browser, "button", "A token is in use").await;
    show(&browser, &reader).await;
    browser.wait_until_gone("dialog").await;
    browser.go("/#/edit/clients/acme").await;
    fill(&browser, "Requests a minute", "7").await;
    choose(&browser, "button", "Save").await;
    wait_for_focus(&browser, "button", "Save now").await;
    browser.press(Key::Enter).await;
    says(&browser, "Nothing was saved.").await;
    says(&browser, "Saving takes another token.").await;
    says(&browser, "the scope write").await;
    let now =
        server.get("/api/v1/clients/acme").header("authorization", &authorization).send().await;
    assert_eq!(now.json()["rpm"], 60);
    choose(&browser, "button", "Discard changes").await;
    browser.go("/#/clients/acme").await;
    says(&browser, "The token in use may not see this.").await;
    says(&browser, "60 requests a minute").await;
    choose(&browser, "button", "A token is in use").await;
    choose(&browser, "button", "Forget it").await;
    asks(&browser, "wants a token").await;
    assert_eq!(browser.script(kept, &[json!(reader)]).await[0], false, "it is forgotten");
}

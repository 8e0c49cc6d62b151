//! The page itself: it comes up by what is in the program, and asks nobody else for anything.

use harness::browser::{Browser, NARROW, Scheme, WIDE};
use harness::control_plane::{ControlPlane, Settings};
use harness::deadline::eventually_equal;
use harness::http_client::HttpClient;
use serde_json::json;
use tempfile::TempDir;

use super::person::put;

/// Tells the page whether anybody sees it.
const SEEN: &str = "
    const isHidden = !arguments[0];
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => isHidden });
    document.dispatchEvent(new Event('visibilitychange'))";

#[tokio::test(flavor = "multi_thread")]
async fn the_console_comes_up_alone_for_everybody_in_both_colours_on_every_screen() {
    let folder = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
    let control_plane = ControlPlane::start(Settings::new(), folder.path().to_owned()).await;
    let browser = Browser::start(control_plane.rest_address()).await;
    browser.go("/").await;
    browser.wait_for("main").await;
    let title = browser.script("return document.title", &[]).await;
    assert!(title.as_str().is_some_and(|title| title.contains("FlowGuard")), "{title}");
    for size in [WIDE, NARROW] {
        browser.set_size(size).await;
        for scheme in Scheme::ALL {
            browser.prefer(scheme).await;
            browser.is_accessible(&format!("{scheme:?}, {size:?}")).await;
            assert!(!browser.scrolls_sideways().await, "{size:?}");
        }
    }
    let requests = browser.requests().await;
    let scripts = requests.iter().filter(|request| request.ends_with("/console/main.js")).count();
    assert!(scripts > 0, "{requests:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_told_to_let_the_page_do_nothing_but_call_this_api() {
    let folder = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
    let control_plane = ControlPlane::start(Settings::new(), folder.path().to_owned()).await;
    let client = HttpClient::http1(control_plane.rest_address());
    for path in ["/", "/console/main.js", "/console/style/main.css", "/console/icon.svg"] {
        let answer = client.get(path).send().await;
        assert_eq!(answer.status, 200, "{path}");
        for (name, value) in [
            (
                "content-security-policy",
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                 connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            ),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path} {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_nobody_sees_holds_no_stream_and_is_told_afterwards_what_it_missed() {
    let folder = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
    let control_plane = ControlPlane::start(Settings::new(), folder.path().to_owned()).await;
    let server = HttpClient::one_connection_each(control_plane.rest_address());
    let browser = Browser::start(control_plane.rest_address()).await;
    browser.go("/").await;
    browser.wait_for_text(".connection", "Live").await;
    browser.script(SEEN, &[json!(false)]).await;
    eventually_equal("nobody who listens", json!(0), || async {
        server.get("/api/v1/system").send().await.json()["event_listeners"].clone()
    })
    .await;
    put(&server, "/api/v1/clients/meanwhile", &json!({ "rpm": 60 })).await;
    browser.script(SEEN, &[json!(true)]).await;
    browser.wait_for_text(".connection", "Live").await;
    browser.wait_for_text(".rows", "meanwhile").await;
    let said = "return document.getElementById('polite').textContent";
    assert_eq!(browser.script(said, &[]).await, "", "it was not away");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_every_object_has_is_no_screen() {
    let folder = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
    let control_plane = ControlPlane::start(Settings::new(), folder.path().to_owned()).await;
    let browser = Browser::start(control_plane.rest_address()).await;
    for name in ["constructor", "__proto__", "toString"] {
        browser.go(&format!("/#/{name}")).await;
        browser.reload().await;
        browser.wait_for_text("h1", "No such page").await;
        browser.wait_for_text(".connection", "Live").await;
    }
}

/// Storage as it is where site data is blocked.
const BLOCKED: &str = "
    for (const name of ['localStorage', 'sessionStorage']) {
        Object.defineProperty(window, name, { get() { throw new DOMException('blocked', 'SecurityError'); } });
    }";

#[tokio::test(flavor = "multi_thread")]
async fn where_site_data_is_blocked_the_page_works_all_the_same() {
    let folder = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
    let control_plane = ControlPlane::start(Settings::new(), folder.path().to_owned()).await;
    let browser = Browser::start(control_plane.rest_address()).await;
    let blocked = json!({ "source": BLOCKED });
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", blocked).await;
    browser.go("/").await;
    browser.wait_for_text(".connection", "Live").await;
}

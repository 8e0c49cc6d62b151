//! The page itself: it comes up by what is in the program, and asks nobody else for anything.

use harness::browser::{Browser, NARROW, Scheme, WIDE};
use harness::control_plane::{ControlPlane, Settings};
use harness::http_client::HttpClient;
use tempfile::TempDir;

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

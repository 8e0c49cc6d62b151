//! What somebody does at the keyboard, and sees, whatever the screen is.

use harness::browser::{Browser, Key};
use harness::http_client::HttpClient;
use http::Method;
use serde_json::{Value, json};

/// More of them than any page has places for the keyboard.
const PRESSES_MAX: usize = 80;

/// Presses Tab until an element of this kind has the focus whose name begins so.
pub(crate) async fn tab_to(browser: &Browser, kind: &str, called: &str) {
    let (begin, mut passed) = (format!("\"{called}"), Vec::new());
    for _ in 0..PRESSES_MAX {
        browser.press(Key::Tab).await;
        let focused = browser.focused().await;
        if focused.split(['#', ' ']).next() == Some(kind) && focused.contains(&begin) {
            return;
        }
        passed.push(focused);
    }
    panic!("Tab leads to no {kind} {called:?}, but to\n{}", passed.join("\n"));
}

/// Goes to a link or a button with Tab, and presses Enter.
pub(crate) async fn choose(browser: &Browser, kind: &str, called: &str) {
    tab_to(browser, kind, called).await;
    browser.press(Key::Enter).await;
}

/// Goes to a field with Tab, and writes in place of what stands there.
pub(crate) async fn fill(browser: &Browser, field: &str, text: &str) {
    tab_to(browser, "input", field).await;
    overwrite(browser, text).await;
}

/// Writes in place of all that stands in the field that has the focus.
pub(crate) async fn overwrite(browser: &Browser, text: &str) {
    browser.press_with(&[Key::Control], Key::Char('a')).await;
    browser.write(text).await;
}

/// Waits until an element of this kind has the focus whose name begins so.
pub(crate) async fn wait_for_focus(browser: &Browser, kind: &str, called: &str) {
    let is_there = "const e = document.activeElement;
        const called = e.getAttribute('aria-label') ?? e.labels?.[0]?.innerText ?? e.innerText ?? '';
        return e.localName === arguments[0] && called.trim().startsWith(arguments[1])";
    let what = format!("the focus on {kind} {called:?}");
    browser.wait_until(&what, is_there, &[json!(kind), json!(called)]).await;
}

/// Waits until the screen says this.
pub(crate) async fn says(browser: &Browser, text: &str) {
    browser.wait_for_text("main", text).await;
}

/// Waits until a dialog says this.
pub(crate) async fn asks(browser: &Browser, text: &str) {
    browser.wait_for_text("dialog[open]", text).await;
}

pub(crate) async fn wait_for_place(browser: &Browser, place: &str) {
    let is_there = "return location.pathname + location.hash === arguments[0]";
    browser.wait_until(place, is_there, &[json!(place)]).await;
}

/// The line that the screen offers for a terminal.
pub(crate) async fn line_for(browser: &Browser, program: &str) -> String {
    browser.text(&format!("[aria-label='The same as {program}']")).await
}

/// Puts a whole configuration in force.
pub(crate) async fn configure(server: &HttpClient, config: Value) {
    let put = server.request(Method::PUT, "/api/v1/config").json(&config).send().await;
    assert_eq!(put.status, 200, "{}", put.text());
}

/// Writes one thing, as somebody else would.
pub(crate) async fn put(server: &HttpClient, path: &str, body: &Value) {
    let put = server.request(Method::PUT, path).json(body).send().await;
    assert!(put.status.is_success(), "{path}: {}", put.text());
}

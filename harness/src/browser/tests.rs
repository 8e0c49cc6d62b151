//! The browser finds what it is there to find, on pages that do what no page may do.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use super::*;

const POLICY: &str =
    "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'\r\n";

/// A server that answers with one page, whatever is asked, until its test's process ends.
fn serve(headers: &str, page: &str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\n{headers}content-length: {}\r\n\
         connection: close\r\n\r\n{page}",
        page.len()
    );
    std::thread::spawn(move || {
        for mut peer in listener.incoming().flatten() {
            // A browser may open a connection and say nothing.
            let answer = answer.clone();
            std::thread::spawn(move || {
                let mut request = [0; 8 * 1024];
                if peer.read(&mut request).is_ok_and(|len| len > 0) {
                    let _ = peer.write_all(answer.as_bytes());
                }
            });
        }
    });
    address
}

/// A page whose body this is, and whose icon is in itself.
fn page(body: &str) -> String {
    format!(
        "<!doctype html><html lang=en><head><title>Page</title><link rel=icon href=data:,></head>\
         <body><main><h1>Heading</h1>{body}</main></body></html>"
    )
}

/// What is said of a browser that has looked at a page, by which its test fails.
async fn told(headers: &str, body: &str) -> String {
    let browser = Browser::start(serve(headers, &page(body))).await;
    browser.go("/").await;
    browser.wait_for("h1").await;
    let dropped = std::thread::spawn(move || drop(browser)).join();
    match dropped {
        Ok(()) => String::new(),
        Err(panicked) => *panicked.downcast::<String>().expect("a message"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_asks_another_server_fails_its_test() {
    let other = serve("", "");
    let told = told("", &format!("<img src='http://{other}/picture' alt='A picture'>")).await;
    assert!(told.contains(&format!("it asked another server: http://{other}/picture")), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_breaks_its_policy_fails_its_test() {
    let told = told(POLICY, "<p style='color: red'>Red</p>").await;
    assert!(told.contains("the page's policy was broken"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_in_the_console_fails_its_test_unless_it_is_expected() {
    const SCRIPT: &str =
        "<script>console.warn('a warning'); throw new Error('nobody caught it')</script>";
    let told = told("", SCRIPT).await;
    assert!(
        told.contains("an error in the console") && told.contains("nobody caught it"),
        "{told}"
    );
    assert!(!told.contains("a warning"), "{told}");

    let browser = Browser::start(serve("", &page(SCRIPT))).await;
    browser.expect_error("nobody caught it");
    browser.go("/").await;
    let console = browser.console().await;
    assert!(console.iter().any(|message| message.text.contains("a warning")), "{console:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_an_address_fails_its_test() {
    let key = "fgk_abcDEF123456_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG_1a2B3c";
    let told = told("", &format!("<script>fetch('/?key={key}')</script>")).await;
    assert!(told.contains("a key or a token stands in the browser's addresses"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_somebody_out_is_found_behind_a_policy_in_both_colours() {
    let body = "<p>Fine</p><img src='data:,'>";
    let browser = Browser::start(serve(
        "content-security-policy: default-src 'none'; img-src data:\r\n",
        &page(body),
    ))
    .await;
    browser.go("/").await;
    for scheme in Scheme::ALL {
        browser.prefer(scheme).await;
        let found = judge::violations(&browser.session).await.join("\n");
        assert!(found.contains("image-alt"), "{found}");
        let is_dark = "return matchMedia('(prefers-color-scheme: dark)').matches";
        assert_eq!(browser.script(is_dark, &[]).await, json!(scheme == Scheme::Dark));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_used_by_keys_and_looks_as_large_as_it_is_told() {
    let body = "<label>Name <input id=name></label> <button id=go>Go</button> <p id=said></p>\
                <script>document.querySelector('#go').onclick = () => { \
                document.querySelector('#said').textContent = `Hello ${document.querySelector('#name').value}` }</script>";
    let browser = Browser::start(serve("", &page(body))).await;
    browser.go("/#there").await;
    assert_eq!(browser.place().await, "/#there");
    browser.tab_to("#name", 2).await;
    assert_eq!(browser.focused().await, "input#name \"Name\"");
    browser.write("Zoë").await;
    browser.press(Key::Tab).await;
    assert_eq!(browser.focused().await, "button#go \"Go\"");
    browser.press(Key::Enter).await;
    browser.wait_for_text("#said", "Hello Zoë").await;
    browser.press_with(&[Key::Shift], Key::Tab).await;
    browser.press_with(&[Key::Control], Key::Char('a')).await;
    browser.write("Al").await;
    browser.click("#go").await;
    browser.wait_for_text("p", "Hello Al").await;
    assert_eq!(browser.texts("p, h1").await, ["Heading", "Hello Al"]);

    for (width, height) in [WIDE, NARROW] {
        browser.set_size((width, height)).await;
        let size = browser.script("return [innerWidth, innerHeight]", &[]).await;
        assert_eq!(size, json!([width, height]));
    }
    assert!(!browser.scrolls_sideways().await);
    assert!(browser.metric("TaskDuration").await > 0.0);
    assert!(browser.heap_used().await > 0.0);
    assert!(browser.requests().await.iter().any(|request| request.ends_with('/')));
    let folder = TempDir::new().expect("a temporary folder");
    let picture = folder.path().join("picture.png");
    browser.screenshot(&picture).await;
    assert!(fs::read(&picture).expect("a picture").starts_with(b"\x89PNG"));
}

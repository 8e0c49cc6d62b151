//! Every screen and dialog for everybody: those who do not see it, who see it small or in the dark, and those
//! who are shown what strangers wrote.

use harness::TestStack;
use harness::browser::{Browser, Key, NARROW, Scheme, WIDE};
use harness::http_client::HttpClient;
use serde_json::{Value, json};

use super::person::{configure, wait_for_place};

/// What would be an element, if it were not text; as a part of an address, too.
const MARKUP: &str = "<img src=x onerror=alert(1)>";
const MARKUP_PART: &str = "%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E";

/// Runs from right to left, and then turns around what follows.
const RIGHT_TO_LEFT: &str = "مريم \u{202e} gpj.exe";

/// A client whose id has all that an id can have, and how it stands in an address.
const ODD: &str = "a/b+c=d~e|f";
const ODD_PART: &str = "a%2Fb%2Bc%3Dd~e%7Cf";

async fn strangers(stack: &TestStack) -> String {
    let server = HttpClient::one_connection_each(stack.control_plane.rest_address());
    let longest = "W".repeat(128);
    let limit = json!({
        "name": "l".repeat(64), "match": { "group": "g".repeat(64), "model": "m".repeat(64) },
        "each": ["client", "model"], "tokens": 1_000_000_000_000_u64, "per": "31d",
    });
    let known = json!({ "rpm": 1, "identities": [MARKUP, RIGHT_TO_LEFT, "i".repeat(512)] });
    configure(&server, json!({
        "clients": {
            longest.as_str(): { "rpm": 1, "tpm": 1_000_000_000_000_u64, "group": "g".repeat(64), "plan": "p".repeat(64) },
            ODD: { "rpm": 1 },
            "known": known,
        },
        "models": { "m".repeat(64): ["p".repeat(128)] },
        "limits": [limit],
    }))
    .await;
    for _ in 0..2 {
        for client in [ODD, &longest] {
            stack.proxy().post("/test").client(client).tokens(1).send().await;
        }
    }
    assert_eq!(server.post("/api/v1/clients/known/keys").send().await.status, 201);
    longest
}

/// Types one more line where a client's identities stand.
const TYPE: &str = "
    const field = document.querySelector('form textarea');
    field.value += '\\n' + arguments[0];
    field.dispatchEvent(new Event('input', { bubbles: true }))";

/// Nothing of what strangers wrote is an element, and no script of theirs ran: with its window open nothing here could.
async fn is_text(browser: &Browser, what: &str) {
    let made =
        "return document.querySelectorAll('[onerror], img[src=x], script:not([src])').length";
    assert_eq!(browser.script(made, &[]).await, 0, "{what}");
}

/// It is for everybody, whatever the size and the colours.
async fn is_for_all(browser: &Browser, what: &str) {
    for size in [WIDE, NARROW] {
        browser.set_size(size).await;
        let wider = "const width = document.documentElement.clientWidth;
            return [...document.querySelectorAll('main *, dialog')].filter((e) => e.checkVisibility()
                && !e.closest('svg, .table-scroll, pre, [tabindex=\"0\"]') && e.getBoundingClientRect().right > width + 1)
                .map((e) => e.outerHTML.slice(0, 120)).slice(0, 5)";
        let sideways = browser.scrolls_sideways().await;
        assert!(!sideways, "{what}, {size:?}: {}", browser.script(wider, &[]).await);
        for scheme in Scheme::ALL {
            browser.prefer(scheme).await;
            browser.is_accessible(&format!("{what}, {size:?}, {scheme:?}")).await;
        }
    }
    is_text(browser, what).await;
}

/// Waits until a screen has read what it shows.
async fn is_there(browser: &Browser) {
    let is_read = "const reading = [...document.querySelectorAll('main [aria-busy]')];
        return document.querySelector('main h1') && !reading.some((e) => e.checkVisibility())";
    browser.wait_until("a screen that has read all", is_read, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_screen_is_for_everybody_whatever_strangers_wrote() {
    let stack = TestStack::start().await;
    let longest = strangers(&stack).await;
    let browser = Browser::start(stack.control_plane.rest_address()).await;
    // What nobody can have as an id, and what is not there.
    browser.expect_error("status of 400");
    let (limit, model) = ("l".repeat(64), "m".repeat(64));
    for (place, shows) in [
        ("", ODD),
        ("clients/known", MARKUP),
        (&format!("clients/{longest}"), &longest),
        (&format!("clients/{ODD_PART}"), ODD),
        (&format!("clients/{MARKUP_PART}"), "No client can have this id."),
        (&format!("explain?client={longest}"), "It would"),
        (
            &format!("explain?client={MARKUP_PART}&tokens={MARKUP_PART}"),
            "There is no answer to that.",
        ),
        ("edit", ODD),
        (&format!("edit/clients/{ODD_PART}"), ODD),
        (&format!("edit/limits/{limit}"), &limit),
        (&format!("edit/models/{model}"), &model),
        (&format!("edit/clients/{MARKUP_PART}"), ""),
        (&format!("edit/new-client?name={MARKUP_PART}"), "New client"),
        ("events", "applied"),
        (&format!("events?object={MARKUP_PART}"), MARKUP),
        ("system", "Healthy"),
        (MARKUP_PART, "No such page"),
    ] {
        browser.go(&format!("/#/{place}")).await;
        browser.wait_for_text("main", shows).await;
        is_there(&browser).await;
        is_for_all(&browser, place).await;
        if place == "clients/known" {
            browser.wait_for_text("[dir=auto]", RIGHT_TO_LEFT).await;
        }
    }
}

/// Presses a button by what it is called: the keyboard's way there is another test's.
async fn press(browser: &Browser, called: &str) {
    let pressed = "const button = [...document.querySelectorAll('button')].filter((e) => e.checkVisibility()).reverse()
            .find((e) => (e.getAttribute('aria-label') ?? e.innerText).startsWith(arguments[0]));
        button?.click();
        return Boolean(button)";
    browser.wait_until(&format!("a button {called:?}"), pressed, &[json!(called)]).await;
}

async fn is_asked(browser: &Browser, screen: &str, buttons: &[&str]) {
    browser.go(&format!("/#/{screen}")).await;
    is_there(browser).await;
    for button in buttons {
        press(browser, button).await;
        browser.wait_for("dialog[open] h2").await;
    }
    let what = format!("{screen}: {}", buttons.join(", "));
    is_for_all(browser, &what).await;
    let inside = "return document.querySelector('dialog[open]').contains(document.activeElement)";
    assert_eq!(browser.script(inside, &[]).await, true, "{what}: the keyboard is in it");
}

async fn escape(browser: &Browser) {
    browser.press(Key::Escape).await;
    browser.wait_until_gone("dialog").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_dialog_is_for_everybody_and_ends_by_escape() {
    let stack = TestStack::start().await;
    let longest = strangers(&stack).await;
    let browser = Browser::start(stack.control_plane.rest_address()).await;
    for (screen, buttons) in [
        ("", &["Use a token"][..]),
        ("clients/known", &["Reset buckets"]),
        ("clients/known", &["New key"]),
        ("clients/known", &["Revoke key"]),
        (&format!("edit/clients/{longest}"), &["Delete client"]),
        (&format!("edit/limits/{}", "l".repeat(64)), &["Delete limit"]),
        (&format!("edit/models/{}", "m".repeat(64)), &["Delete model"]),
        ("edit/clients/known", &["Delete client"]),
    ] {
        is_asked(&browser, screen, buttons).await;
        escape(&browser).await;
    }
    is_asked(&browser, "clients/known", &["New key", "Make key"]).await;
    // It asks whether that was meant.
    browser.press(Key::Escape).await;
    browser.wait_for_text("dialog[open]", "Close without a copy?").await;
    escape(&browser).await;

    browser.go("/#/edit/clients/known").await;
    is_there(&browser).await;
    browser.script(TYPE, &[json!(format!("{MARKUP}{RIGHT_TO_LEFT}"))]).await;
    press(&browser, "Save").await;
    browser.wait_for_text("dialog[open]", "No verdict would have been another one.").await;
    is_for_all(&browser, "what is saved").await;
    press(&browser, "Save now").await;
    browser.wait_for_text("main", "Saved. In force now").await;
    browser.script(TYPE, &[json!("another")]).await;
    browser.script("location.hash = '#/events'", &[]).await;
    browser.wait_for_text("dialog[open]", "Leave without saving?").await;
    is_for_all(&browser, "who leaves").await;
    press(&browser, "Discard changes").await;
    wait_for_place(&browser, "/#/events").await;
    press(&browser, "Undo: client/known").await;
    browser.wait_for_text("dialog[open]", MARKUP).await;
    is_for_all(&browser, "what is undone").await;
    escape(&browser).await;
    let texts: Value = browser
        .script("return document.body.innerText.includes(arguments[0])", &[json!(MARKUP)])
        .await;
    assert_eq!(texts, true, "the change is told with its text");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_of_who_comes_too_late_is_for_everybody() {
    let stack = TestStack::start().await;
    strangers(&stack).await;
    let server = HttpClient::one_connection_each(stack.control_plane.rest_address());
    let known = server.get("/api/v1/clients/known").send().await.json();
    let put = async |rpm: u32| {
        let mut config = known.clone();
        config["rpm"] = rpm.into();
        let request = server.request(http::Method::PUT, "/api/v1/clients/known");
        assert_eq!(request.json(&config).send().await.status, 200);
    };
    let browser = Browser::start(stack.control_plane.rest_address()).await;
    // What a browser says of a write that was too late.
    browser.expect_error("status of 412");

    put(7).await;
    put(1).await;
    // The first of these two: it was made undone already.
    is_asked(&browser, "events", &["Undo: client/known"]).await;
    browser.wait_for_text("dialog[open]", "Nothing to undo").await;
    escape(&browser).await;

    put(8).await;
    press(&browser, "Undo: client/known").await;
    browser.wait_for_text("dialog[open]", "After undo").await;
    put(9).await;
    press(&browser, "Write it").await;
    browser.wait_for_text("dialog[open]", "Somebody was faster").await;
    is_for_all(&browser, "who was slower").await;
    escape(&browser).await;

    browser.go("/#/edit/clients/known").await;
    is_there(&browser).await;
    browser.script(TYPE, &[json!("one more")]).await;
    press(&browser, "Save").await;
    browser.wait_for_text("dialog[open]", "What it would have done").await;
    assert_eq!(stack.admin().delete("known").await.status, 200);
    press(&browser, "Save now").await;
    browser.wait_for_text("dialog[open]", "known is not there any more").await;
    is_for_all(&browser, "who saves what was deleted").await;
    press(&browser, "Create it again").await;
    browser.wait_for_text("main", "Created. In force now").await;
    let identities = server.get("/api/v1/clients/known").send().await.json();
    assert!(identities.to_string().contains("one more"), "{identities}");
}

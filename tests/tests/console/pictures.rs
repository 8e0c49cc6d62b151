//! Pictures of every screen beside real traffic, for people to look at: all of them in `target/console-pictures`.
//! With `BLESS=1` those of the README are taken anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use harness::TestStack;
use harness::browser::{Browser, Key, NARROW, Scheme, WIDE};
use harness::http_client::HttpClient;
use harness::load::Load;
use harness::random;
use serde_json::json;

/// A picture of nothing is smaller.
const BYTES_MIN: u64 = 12_000;

/// The README's: what the picture is called, and here.
const OF_README: [(&str, &str); 3] = [
    ("now", "now-wide-light"),
    ("client", "client-wide-dark"),
    ("configure", "configure-wide-light"),
];

/// What each screen is called, where it is, and what it shows when it has read all. What is changed in the last one
/// is saved nowhere, so that it would ask before another is shown.
const SCREENS: [(&str, &str, &str); 6] = [
    ("now", "#/", ".row[aria-rowindex='2'][data-kind=refused]"),
    ("client", "#/clients/search-bot", "main table td"),
    ("explain", "#/explain?client=search-bot&tokens=40000", "main .bar"),
    ("events", "#/events", "main svg"),
    ("system", "#/system", "main dd"),
    ("configure", "#/edit/limits/search-per-minute", "main form"),
];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// An installation as people have them.
async fn configure(server: &HttpClient) {
    let client = |rpm: u64, tpm: u64, group: &str, plan: &str| json!({ "rpm": rpm, "tpm": tpm, "group": group, "plan": plan });
    let document = json!({
        "clients": {
            "assistant": client(600, 90_000, "product/chat", "enterprise"),
            "search-bot": client(120, 20_000, "product/search", "pro"),
            "summaries": client(60, 40_000, "product/search", "pro"),
            "nightly-eval": client(3_000, 200_000, "research", "enterprise"),
            "mail-drafts": client(60, 6_000, "growth", "free"),
            "translations": client(300, 60_000, "growth", "pro"),
            "fraud-score": client(1_200, 30_000, "risk", "enterprise"),
            "playground": client(20, 2_000, "research", "free"),
        },
        "models": { "large": ["gpt-*", "claude-opus-*"] },
        "limits": [
            { "name": "search-per-minute", "match": { "group": "product/search" }, "tokens": 24_000, "per": "1m" },
            { "name": "free-per-day", "match": { "plan": "free" }, "each": ["client"], "requests": 2_000, "per": "1d" },
            { "name": "at-once", "match": {}, "each": ["client"], "concurrent": 16, "mode": "shadow" },
        ],
    });
    let put = server.request(http::Method::PUT, "/api/v1/config").json(&document).send().await;
    assert_eq!(put.status, 200, "{}", put.text());
}

/// Types a smaller limit, and asks what it would have done.
async fn preview(browser: &Browser) {
    browser.wait_for("input[inputmode=numeric]").await;
    browser.click("input[inputmode=numeric]").await;
    browser.press_with(&[Key::Control], Key::Char('a')).await;
    browser.write("600").await;
    browser.click(".outlook button").await;
    browser.wait_for(".outlook table").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_screen_is_there_to_be_looked_at() {
    let stack = TestStack::builder().start().await;
    let server = HttpClient::one_connection_each(stack.control_plane.rest_address());
    configure(&server).await;
    let busy = [
        "assistant",
        "search-bot",
        "summaries",
        "nightly-eval",
        "mail-drafts",
        "translations",
        "fraud-score",
    ];
    let proxy = stack.proxy();
    let chance = Arc::new(Mutex::new(random::with_a_new_seed()));
    let load = Load::start(2, move || {
        let mut chance = chance.lock().expect("a lock");
        let client = busy[chance.usize(..busy.len())];
        let request = proxy.post("/v1/chat/completions").client(client).tokens(chance.u32(20..420));
        request.json(&json!({ "model": "gpt-5", "messages": [] }))
    });
    let browser = Browser::start(stack.control_plane.rest_address()).await;
    let folder = workspace().join("target/console-pictures");
    fs::create_dir_all(&folder).expect("a folder");
    browser.go("/").await;
    load.wait_for(400, 200).await;
    for (screen, place, shows) in SCREENS {
        browser.go(&format!("/{place}")).await;
        browser.wait_for(shows).await;
        if screen == "configure" {
            preview(&browser).await;
        }
        for (width, size) in [("wide", WIDE), ("narrow", NARROW)] {
            browser.set_size(size).await;
            for (colours, scheme) in [("light", Scheme::Light), ("dark", Scheme::Dark)] {
                browser.prefer(scheme).await;
                let picture = folder.join(format!("{screen}-{width}-{colours}.png"));
                browser.screenshot(&picture).await;
                let bytes = fs::metadata(&picture).expect("a picture").len();
                assert!(bytes > BYTES_MIN, "{}: {bytes} bytes", picture.display());
                assert!(!browser.scrolls_sideways().await, "{screen} {width}");
            }
        }
        browser.set_size(WIDE).await;
        browser.prefer(Scheme::Light).await;
    }
    load.stop().await;
    if std::env::var_os("BLESS").is_some() {
        for (name, picture) in OF_README {
            let to = workspace().join(format!("docs/console/{name}.png"));
            fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
            fs::copy(folder.join(format!("{picture}.png")), to).expect("a copy");
        }
    }
}

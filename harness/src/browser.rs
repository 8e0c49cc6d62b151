//! A browser that a test uses as a person does: it looks, types, presses keys, waits until something is there.
//! A real Chromium, without a window, driven by its chromedriver.
//!
//! ```no_run
//! # async fn test(control_plane: &harness::control_plane::ControlPlane) {
//! use harness::browser::{Browser, Key, NARROW, Scheme};
//!
//! let browser = Browser::start(control_plane.rest_address()).await;
//! browser.prefer(Scheme::Dark).await;
//! browser.go("/#/explain").await;
//! browser.click("#client").await;
//! browser.write("acme").await;
//! browser.press(Key::Enter).await;
//! browser.wait_for_text("[role=status]", "would pass").await;
//! browser.set_size(NARROW).await;
//! browser.is_accessible("the explanation").await;
//! # }
//! ```
//!
//! Elements are named by CSS selectors; of several that match, the first one is meant. Every wait is for a
//! condition, and a failure after [`SOON`](crate::deadline::SOON). A test is a failure too where the browser
//! did, until it was dropped, what a page of `FlowGuard` never does: it asked another server, broke the page's
//! policy, had an error in its console that the test did not [expect](Browser::expect_error), or showed a key
//! in an address. So declare the browser after the parts that it looks at: it is dropped before them.
//!
//! When a test fails, the console and what stands on the page are printed, and there is a picture of it in
//! `target/console-failures`.

mod conduct;
mod judge;
mod keys;
mod session;
#[cfg(test)]
mod tests;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

pub use self::conduct::Message;
pub use self::keys::Key;

use self::conduct::Conduct;
use self::session::Session;
use crate::deadline::eventually;
use crate::http_client::HttpClient;
use crate::ports::free_port;
use crate::process::Process;
use crate::tools;

/// The width and the height of a window.
pub type Size = (u32, u32);

/// A desk's.
pub const WIDE: Size = (1_440, 900);

/// A telephone's.
pub const NARROW: Size = (390, 844);

/// Which colours a person prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Scheme {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Light, Self::Dark];
}

/// A running Chromium. Dropping it judges what it did, and ends it.
///
/// The fields are in the order in which they are dropped.
#[derive(Debug)]
pub struct Browser {
    session: Session,
    origin: String,
    conduct: Conduct,
    _driver: Process,
    _folder: TempDir,
}

impl Browser {
    /// Starts one with an empty profile and a [wide](WIDE) window, for the pages of this server. It prefers
    /// light colours and no motion, so that a picture of a page is always the same.
    pub async fn start(server: SocketAddr) -> Self {
        let folder = TempDir::with_prefix("flowguard-browser-").expect("a temporary folder");
        let port = free_port();
        let mut command = tools::chromedriver();
        tools::clean_environment(&mut command);
        // What the two keep ends with the folder, and times are the same everywhere.
        command.env("HOME", folder.path()).env("TMPDIR", folder.path()).env("TZ", "UTC");
        command.arg(format!("--port={port}"));
        let mut driver = Process::spawn("chromedriver", command, folder.path());
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let client = HttpClient::one_connection_each(address);
        eventually("a ready chromedriver", || {
            let ended = driver.exit_status();
            assert!(ended.is_none(), "chromedriver ended: {ended:?}\n{}", driver.log_tail());
            let request = client.get("/status");
            async move {
                request
                    .try_send()
                    .await
                    .ok()
                    .filter(|answer| answer.json()["value"]["ready"] == true)
            }
        })
        .await;
        let session = Session::start(address, &capabilities(folder.path())).await;
        let origin = format!("http://{server}");
        let conduct = Conduct::of(&origin);
        let browser = Self { session, origin, conduct, _driver: driver, _folder: folder };
        browser.set_size(WIDE).await;
        browser.prefer(Scheme::Light).await;
        browser
    }

    /// Goes to a path of the server, and a place in the page if one is named (`/#/events`); waits until it is
    /// loaded.
    pub async fn go(&self, path: &str) {
        self.session.post("/url", &json!({ "url": format!("{}{path}", self.origin) })).await;
    }

    /// Loads the page again.
    pub async fn reload(&self) {
        self.session.post("/refresh", &json!({})).await;
    }

    /// The path and the place in the page where it is.
    pub async fn place(&self) -> String {
        self.text_of("return location.pathname + location.search + location.hash").await
    }

    /// Makes the window so large.
    pub async fn set_size(&self, (width, height): Size) {
        let screen =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", screen).await;
    }

    /// A person who prefers these colours, and no motion.
    pub async fn prefer(&self, scheme: Scheme) {
        self.prefer_with_motion(scheme, false).await;
    }

    /// The same, who says whether things may move.
    pub async fn prefer_with_motion(&self, scheme: Scheme, motion: bool) {
        let scheme = if scheme == Scheme::Dark { "dark" } else { "light" };
        let motion = if motion { "no-preference" } else { "reduce" };
        let features = json!({ "features": [
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": motion },
        ] });
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Waits until an element is there and can be seen.
    pub async fn wait_for(&self, selector: &str) {
        let what = format!("{selector} on the page");
        self.wait_until(&what, VISIBLE, &[json!(selector)]).await;
    }

    /// Waits until no such element can be seen.
    pub async fn wait_until_gone(&self, selector: &str) {
        let what = format!("no {selector} on the page any more");
        self.wait_until(&what, GONE, &[json!(selector)]).await;
    }

    /// Waits until one of these elements shows this text, among others.
    pub async fn wait_for_text(&self, selector: &str, text: &str) {
        let what = format!("{text:?} in {selector}");
        self.wait_until(&what, SHOWS, &[json!(selector), json!(text)]).await;
    }

    /// Waits until a script returns what is true; see [`script`](Self::script).
    pub async fn wait_until(&self, what: &str, script: &str, arguments: &[Value]) {
        eventually(what, || async {
            let value = self.session.script(script, arguments).await;
            let value = value.unwrap_or_else(|error| panic!("{what}: {error}"));
            let is_true = !matches!(value, Value::Null | Value::Bool(false));
            is_true.then_some(())
        })
        .await;
    }

    /// The text that an element shows, once it is there.
    pub async fn text(&self, selector: &str) -> String {
        self.wait_for(selector).await;
        let text = "return document.querySelector(arguments[0])?.innerText ?? ''";
        self.script(text, &[json!(selector)]).await.as_str().unwrap_or_default().to_owned()
    }

    /// The texts of all these elements that can be seen, also of none.
    pub async fn texts(&self, selector: &str) -> Vec<String> {
        let texts = self.script(TEXTS, &[json!(selector)]).await;
        let texts = texts.as_array().cloned().unwrap_or_default();
        texts.iter().map(|text| text.as_str().unwrap_or_default().to_owned()).collect()
    }

    /// An attribute of an element, once it is there.
    pub async fn attribute(&self, selector: &str, name: &str) -> Option<String> {
        self.wait_for(selector).await;
        let attribute = "return document.querySelector(arguments[0])?.getAttribute(arguments[1])";
        let value = self.script(attribute, &[json!(selector), json!(name)]).await;
        value.as_str().map(str::to_owned)
    }

    /// Clicks on an element, once it is there, where nothing else is in front of it.
    pub async fn click(&self, selector: &str) {
        self.wait_for(selector).await;
        let using = json!({ "using": "css selector", "value": selector });
        let element = self.session.post("/element", &using).await;
        let id = element.as_object().and_then(|element| element.values().next()?.as_str());
        let id = id.unwrap_or_else(|| panic!("no element: {element}"));
        self.session.post(&format!("/element/{id}/click"), &json!({})).await;
    }

    /// Presses a key, and lets it go.
    pub async fn press(&self, key: Key) {
        self.press_with(&[], key).await;
    }

    /// The same while others are held down: `&[Key::Shift]`, `Key::Tab`.
    pub async fn press_with(&self, held: &[Key], key: Key) {
        self.session.post("/actions", &keys::pressed(held, key)).await;
    }

    /// Types a text where the focus is.
    pub async fn write(&self, text: &str) {
        self.session.post("/actions", &keys::typed(text)).await;
    }

    /// What has the focus, as `button#save "Save"`: its tag, its id if it has one, and what it is called.
    pub async fn focused(&self) -> String {
        self.text_of(FOCUSED).await
    }

    /// Presses Tab until an element has the focus, `presses_max` times at most.
    pub async fn tab_to(&self, selector: &str, presses_max: usize) {
        let has_it = "return document.activeElement?.matches(arguments[0]) ?? false";
        for _ in 0..presses_max {
            self.press(Key::Tab).await;
            if self.script(has_it, &[json!(selector)]).await == true {
                return;
            }
        }
        panic!(
            "{presses_max} times Tab do not lead to {selector}, but to {}",
            self.focused().await
        );
    }

    /// Whether the page is wider than the window.
    pub async fn scrolls_sideways(&self) -> bool {
        let wider =
            "const page = document.documentElement; return page.scrollWidth > page.clientWidth";
        self.script(wider, &[]).await == true
    }

    /// What the body of a function returns that runs in the page. It finds its arguments in `arguments`, and
    /// may return a promise.
    pub async fn script(&self, script: &str, arguments: &[Value]) -> Value {
        let value = self.session.script(script, arguments).await;
        value.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    async fn text_of(&self, script: &str) -> String {
        self.script(script, &[]).await.as_str().unwrap_or_default().to_owned()
    }

    /// A command of Chromium's developer tools, as `Network.emulateNetworkConditions`.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.session.devtools(command, &parameters).await
    }

    /// A figure of `Performance.getMetrics`: `TaskDuration` are seconds that the page's thread was at work.
    pub async fn metric(&self, name: &str) -> f64 {
        self.devtools("Performance.enable", json!({})).await;
        let metrics = self.devtools("Performance.getMetrics", json!({})).await;
        let metrics = metrics["metrics"].as_array().cloned().unwrap_or_default();
        let metric = metrics.iter().find(|metric| metric["name"] == name);
        metric.and_then(|metric| metric["value"].as_f64()).unwrap_or_else(|| panic!("no {name}"))
    }

    /// Bytes of the scripts' memory that are in use, once all that can be freed is.
    pub async fn heap_used(&self) -> f64 {
        self.devtools("HeapProfiler.collectGarbage", json!({})).await;
        self.metric("JSHeapUsedSize").await
    }

    /// Writes a picture of the window as a PNG.
    pub async fn screenshot(&self, to: &Path) {
        let picture = self.session.get("/screenshot").await;
        let picture = picture.unwrap_or_else(|error| panic!("no picture: {error}"));
        let png = BASE64_STANDARD.decode(picture.as_str().unwrap_or_default());
        fs::write(to, png.expect("a picture"))
            .unwrap_or_else(|error| panic!("{}: {error}", to.display()));
    }

    /// Lines of the console that have this in them are no failure: an answer of 401 is one, as `status of 401`.
    pub fn expect_error(&self, part: &str) {
        self.conduct.expect(part);
    }

    /// All lines of the console so far.
    pub async fn console(&self) -> Vec<Message> {
        self.conduct.console(&self.session).await
    }

    /// The addresses of all requests so far.
    pub async fn requests(&self) -> Vec<String> {
        self.conduct.requests(&self.session).await
    }

    /// That axe finds nothing on the page which keeps anybody out, in the colours that are preferred.
    pub async fn is_accessible(&self, what: &str) {
        let found = judge::violations(&self.session).await;
        assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let is_failing = std::thread::panicking();
        let (session, conduct) = (&self.session, &self.conduct);
        let name = std::thread::current().name().unwrap_or("test").replace("::", ".");
        // Nothing can be awaited here, and the test's own runtime may be gone.
        let problems = std::thread::scope(|scope| {
            let judged =
                scope.spawn(move || judge::at_the_end(session, conduct, is_failing, &name));
            judged.join().unwrap_or_else(|_| vec!["the browser can't be judged".to_owned()])
        });
        if !problems.is_empty() {
            let problems = problems.join("\n");
            assert!(is_failing, "the browser did what no page may do:\n{problems}");
            eprintln!("the browser:\n{problems}");
        }
    }
}

/// How Chromium is to be started.
fn capabilities(folder: &Path) -> Value {
    let arguments = [
        "--headless=new".to_owned(),
        // In containers there is neither what its sandbox takes, nor much shared memory.
        "--no-sandbox".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--disable-gpu".to_owned(),
        // It ends with its driver, however that ends.
        "--remote-debugging-pipe".to_owned(),
        "--lang=en-US".to_owned(),
        "--no-first-run".to_owned(),
        format!("--user-data-dir={}", folder.join("profile").display()),
        // Where it begins: its own first page is large, and asks others.
        "about:blank".to_owned(),
    ];
    json!({ "alwaysMatch": {
        "goog:chromeOptions": {
            "binary": tools::chromium(),
            "args": arguments,
            "perfLoggingPrefs": { "enableNetwork": true, "enablePage": false },
        },
        "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        "unhandledPromptBehavior": "ignore",
    } })
}

const VISIBLE: &str = "const found = document.querySelectorAll(arguments[0]); \
                       return [...found].some((e) => e.checkVisibility({ visibilityProperty: true }))";

const GONE: &str = "const found = document.querySelectorAll(arguments[0]); \
                    return ![...found].some((e) => e.checkVisibility({ visibilityProperty: true }))";

const SHOWS: &str = "const found = document.querySelectorAll(arguments[0]); \
                     return [...found].some((e) => e.innerText.includes(arguments[1]))";

const TEXTS: &str = "const found = document.querySelectorAll(arguments[0]); return [...found] \
                     .filter((e) => e.checkVisibility({ visibilityProperty: true })).map((e) => e.innerText)";

const FOCUSED: &str = "const e = document.activeElement; if (!e) return ''; \
                       const id = e.id ? `#${e.id}` : ''; \
                       const called = e.getAttribute('aria-label') ?? e.labels?.[0]?.innerText ?? e.innerText; \
                       return `${e.localName}${id} \"${(called ?? '').trim().split('\\n')[0]}\"`";

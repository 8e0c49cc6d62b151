//! The screen of all clients, beside real traffic.

use std::time::{Duration, Instant};

use harness::TestStack;
use harness::browser::{Browser, Key, NARROW};
use harness::http_client::HttpClient;
use harness::load::send_many;
use serde_json::{Value, json};

/// How old a figure on the page may be.
const OLD_MAX: Duration = Duration::from_secs(2);

/// What of a core a page may take that shows 10,000 clients, of which 200 are busy: seconds at work in a second.
const WORK_MAX: f64 = 0.3;

/// The texts of the row of a client, by what stands in them.
const ROW: &str = "
    const row = [...document.querySelectorAll('.row')].find((row) =>
        !row.hidden && row.querySelector('.client a').textContent === arguments[0]);
    if (!row) return null;
    const text = (part) => row.querySelector(part).innerText;
    return {
        kind: row.dataset.kind, requests: text('.requests'), refused: text('.refused'),
        limits: [...row.querySelectorAll('.bar:not([hidden])')].map((bar) => bar.title),
    };";

async fn row(browser: &Browser, client: &str) -> Value {
    browser.script(ROW, &[json!(client)]).await
}

/// Names of the rows from the top, as they are drawn.
async fn order(browser: &Browser) -> Vec<String> {
    let names = "return [...document.querySelectorAll('.row:not([hidden])')]
        .sort((one, other) => one.ariaRowIndex - other.ariaRowIndex)
        .map((row) => row.querySelector('.client a').textContent)";
    let names = browser.script(names, &[]).await;
    names
        .as_array()
        .expect("names")
        .iter()
        .map(|name| name.as_str().expect("a name").to_owned())
        .collect()
}

async fn put_clients(server: &HttpClient, clients: Value) {
    let request = server.request(http::Method::PUT, "/api/v1/config");
    let put = request.json(&json!({ "clients": clients })).send().await;
    assert_eq!(put.status, 200, "{}", put.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_do_is_shown_within_two_seconds_and_those_who_are_refused_come_first() {
    let stack = TestStack::builder().start().await;
    let server = HttpClient::one_connection_each(stack.control_plane.rest_address());
    let acme = json!({ "rpm": 5, "tpm": 100_000, "group": "org/search" });
    let quiet = json!({ "rpm": 600, "tpm": 100_000, "plan": "pro" });
    put_clients(&server, json!({ "a-quiet": quiet, "acme": acme, "busy": { "rpm": 6_000 } })).await;
    let browser = Browser::start(stack.control_plane.rest_address()).await;
    browser.go("/").await;
    browser.wait_for_text(".shown", "3 clients").await;
    browser.wait_for_text(".connection", "Live").await;
    assert_eq!(order(&browser).await, ["a-quiet", "acme", "busy"]);

    for client in ["acme", "busy"] {
        for _ in 0..9 {
            stack.proxy().post("/test").client(client).tokens(10).send().await;
        }
    }
    let asked = Instant::now();
    let is_told = "return [...document.querySelectorAll('.row:not([hidden])')].some((row) =>
        row.dataset.kind === 'refused' && row.innerText.includes('by rpm')
        && row.querySelector('.bar').title.startsWith('0 of 5 requests'))";
    browser.wait_until("acme is refused by rpm", is_told, &[]).await;
    assert!(asked.elapsed() < OLD_MAX, "{:?}", asked.elapsed());
    let told = row(&browser, "acme").await;
    assert!(
        told["limits"][1].as_str().expect("a limit").contains("of 100,000 tokens left"),
        "{told}"
    );

    let is_first = "return document.querySelector('.row[aria-rowindex=\"2\"] .client a').textContent === 'acme'";
    browser.wait_until("acme is first", is_first, &[]).await;
    // What is over is told as that: rates fall to nothing, and the first limit is full again a minute later.
    let is_over = "return [...document.querySelectorAll('.row:not([hidden]) .requests')].every((cell) => cell.innerText === '0')";
    browser.wait_until("all rates are 0", is_over, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_found_sorted_grouped_held_and_opened_by_the_keyboard_alone() {
    let stack = TestStack::builder().start().await;
    let server = HttpClient::one_connection_each(stack.control_plane.rest_address());
    let of = |group: &str| json!({ "rpm": 600, "group": group });
    let clients = json!({ "a/b+c=~": of("org/x"), "acme": of("org/y"), "bot": of("org/x"), "zoo": { "tpm": 7 } });
    put_clients(&server, clients).await;
    let browser = Browser::start(stack.control_plane.rest_address()).await;
    browser.go("/").await;
    browser.wait_for_text(".shown", "4 clients").await;

    browser.tab_to("#filter", 15).await;
    browser.write("org/x").await;
    browser.wait_for_text(".shown", "2 of 4 clients").await;
    assert_eq!(order(&browser).await, ["a/b+c=~", "bot"]);
    browser.tab_to("[data-kind=debt]", 5).await;
    browser.press(Key::Enter).await;
    browser.wait_for_text("main", "No client is like that.").await;
    browser.tab_to(".state button", 6).await;
    browser.press(Key::Enter).await;
    browser.wait_for_text(".shown", "4 clients").await;

    browser.go("/#/explain").await;
    browser.go("/#/").await;
    browser.wait_for_text(".shown", "4 clients").await;
    browser.tab_to("select", 15).await;
    browser.write("Id").await;
    browser.tab_to("label:nth-of-type(2) select", 2).await;
    browser.write("By g").await;
    browser.wait_for_text(".row", "no group").await;
    assert_eq!(
        order(&browser).await,
        ["org/x", "a/b+c=~", "bot", "org/y", "acme", "no group", "zoo"]
    );

    // What is held stays as it is, whatever happens, and goes on afterwards.
    browser.tab_to(".controls > button", 3).await;
    browser.press(Key::Space).await;
    stack.admin().put_client("new", 1, None).await;
    stack.proxy().post("/test").client("acme").tokens(1).send().await;
    let pressed = browser.attribute(".controls > button", "aria-pressed").await;
    assert_eq!(pressed.as_deref(), Some("true"));
    browser.press(Key::Space).await;
    browser.wait_for_text(".shown", "5 clients").await;

    browser.tab_to("[role=grid]", 3).await;
    browser.press(Key::Down).await;
    browser.press(Key::Down).await;
    browser.press(Key::Enter).await;
    browser
        .wait_until(
            "the client's own page",
            "return location.hash === '#/clients/a%2Fb%2Bc%3D~'",
            &[],
        )
        .await;
    browser.wait_for_text("h1", "a/b+c=~").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_that_goes_away_is_told_and_comes_back_without_a_reload() {
    let mut stack = TestStack::builder().start().await;
    stack.admin().put_client("acme", 600, None).await;
    let browser = Browser::start(stack.control_plane.rest_address()).await;
    browser.expect_error("net::ERR_");
    browser.go("/").await;
    browser.wait_for_text(".rows", "acme").await;
    browser.script("window.same = true", &[]).await;
    stack.control_plane.process().kill();
    browser.wait_for_text(".banner", "No connection to the control plane").await;
    browser.wait_for_text(".banner", "Figures are from").await;
    browser.is_accessible("a page whose figures are old").await;
    assert_eq!(
        browser
            .script("return document.querySelectorAll('.row:not([hidden])').length > 0", &[])
            .await,
        true
    );
    stack.control_plane.restart().await;
    browser.wait_until_gone(".banner").await;
    stack.admin().put_client("later", 600, None).await;
    browser.wait_for_text(".rows", "later").await;
    assert_eq!(browser.script("return window.same", &[]).await, true, "the page was loaded again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_owed_what_a_burst_holds_and_what_refuses_nothing_is_shown_as_such() {
    let stack = TestStack::builder().start().await;
    let server = HttpClient::one_connection_each(stack.control_plane.rest_address());
    let document = json!({
        "clients": { "debtor": { "tpm": 1_000 }, "quiet": { "rpm": 60 } },
        "limits": [
            { "name": "day", "match": {}, "each": ["client"], "requests": 5_000, "per": "1d", "burst": 50 },
            { "name": "watched", "match": { "client": "debtor" }, "requests": 1, "per": "1d", "mode": "shadow" },
        ],
    });
    let put = server.request(http::Method::PUT, "/api/v1/config").json(&document).send().await;
    assert_eq!(put.status, 200, "{}", put.text());
    let browser = Browser::start(stack.control_plane.rest_address()).await;
    browser.go("/").await;
    browser.wait_for_text(".rows", "quiet").await;
    let used = stack.proxy().post("/v1/chat/completions?total_tokens=9000").client("debtor");
    assert_eq!(used.tokens(10).json(&json!({ "model": "gpt-4o" })).send().await.status, 200);
    browser.wait_for_text(".row", "in debt").await;
    let told = row(&browser, "debtor").await["limits"].to_string();
    assert!(told.starts_with("[\"−") && told.contains("of 1,000 tokens left"), "{told}");
    assert!(told.contains("49 of 50 requests left"), "{told}");
    let told = row(&browser, "quiet").await["limits"].to_string();
    assert!(told.contains("50 of 50 requests left"), "{told}");

    // A limit that is new, or gone, is there at once, or gone, whether the client asks or not.
    let limit = json!({ "match": {}, "requests": 7, "per": "1d" });
    let made = server.request(http::Method::PUT, "/api/v1/limits/new").json(&limit).send().await;
    assert_eq!(made.status, 201);
    browser.wait_for_text(".row", "7 / 7").await;
    let gone = server.request(http::Method::DELETE, "/api/v1/limits/new").send().await;
    assert_eq!(gone.status, 200);
    let is_gone = "return ![...document.querySelectorAll('.bar:not([hidden])')].some((bar) => bar.title.includes('of 7 '))";
    browser.wait_until("a limit that is gone", is_gone, &[]).await;
}

/// The answer to who all clients are is kept back, as on a slow way, until `window.release()`.
const KEEP_BACK: &str = "
    const real = window.fetch;
    window.fetch = async (where, how) => {
        const answer = await real(where, how);
        if (String(where).startsWith('/api/v1/clients?')) {
            await new Promise((release) => { window.release = release; });
        }
        return answer;
    };";

#[tokio::test(flavor = "multi_thread")]
async fn who_is_written_while_all_are_read_is_shown_as_it_was_written() {
    let stack = TestStack::builder().start().await;
    let server = HttpClient::one_connection_each(stack.control_plane.rest_address());
    put_clients(&server, json!({ "kept": {} })).await;
    let browser = Browser::start(stack.control_plane.rest_address()).await;
    browser.go("/").await;
    browser.wait_for_text(".rows", "kept").await;
    // A document says who there is: all are read anew.
    put_clients(&server, json!({ "kept": {}, "leaves": {} })).await;
    browser.wait_for_text(".rows", "leaves").await;
    browser.script(KEEP_BACK, &[]).await;
    put_clients(&server, json!({ "kept": {}, "leaves": { "rpm": 60 } })).await;
    browser.wait_until("a list kept back", "return 'release' in window", &[]).await;
    stack.admin().put_client("comes", 600, None).await;
    assert_eq!(stack.admin().delete("leaves").await.status, 200);
    browser.wait_for_text(".shown", "1 client").await;
    browser.script("window.release()", &[]).await;
    browser.wait_for_text(".rows", "comes").await;
    browser.wait_for_text(".shown", "2 clients").await;
    assert_eq!(order(&browser).await, ["comes", "kept"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_clients_take_less_than_a_third_of_a_core() {
    let stack = TestStack::builder().start().await;
    put_ten_thousand(&stack).await;
    let browser = Browser::start(stack.control_plane.rest_address()).await;
    browser.go("/").await;
    browser.wait_for(".row").await;
    let painted =
        "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null";
    browser.wait_until("a first picture", painted, &[]).await;
    let painted = browser.script(painted, &[]).await.as_f64().expect("milliseconds");
    println!("the first picture after {painted:.0} ms");
    browser.wait_for_text(".shown", "10,000 clients").await;
    let drawn = browser.script("return document.querySelectorAll('.row').length", &[]).await;
    assert!(drawn.as_u64().expect("a number") < 60, "{drawn} rows are drawn");

    let (mut work, mut began) = (0.0, None);
    for round in 0..8_u32 {
        second_of_traffic(&stack).await;
        if round == 0 {
            let are_busy =
                "return Number(document.querySelector('[data-sum=active] dd').textContent) > 60";
            browser.wait_until("busy clients", are_busy, &[]).await;
        }
        if round == 1 {
            began = Some((Instant::now(), browser.metric("TaskDuration").await));
        }
    }
    if let Some((when, before)) = began {
        work = (browser.metric("TaskDuration").await - before) / when.elapsed().as_secs_f64();
    }
    println!("{work:.3} s of work in a second");
    assert!(work < WORK_MAX, "the page takes {work:.2} of a core");
}

/// How many bytes of scripts' memory may be added in ten minutes: a twentieth of what 10,000 clients take.
const ADDED_MAX: f64 = 0.05;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes twelve minutes: the memory of a page beside traffic"]
async fn a_page_that_is_open_beside_traffic_takes_no_more_memory_after_ten_minutes() {
    let stack = TestStack::builder().start().await;
    put_ten_thousand(&stack).await;
    let browser = Browser::start(stack.control_plane.rest_address()).await;
    browser.go("/").await;
    browser.wait_for_text(".shown", "10,000 clients").await;
    // Everything has been there once after two minutes: a minute of figures of each, and what is drawn.
    let mut used = Vec::new();
    for minute in 1..=12 {
        for _ in 0..60 {
            second_of_traffic(&stack).await;
        }
        used.push(browser.heap_used().await);
        println!("after {minute} minutes: {:.2} MB", used[used.len() - 1] / 1e6);
    }
    // What is about to be freed is there in one minute or another.
    let least = |used: &[f64]| used.iter().copied().fold(f64::INFINITY, f64::min);
    let (begun, ended) = (least(&used[1..4]), least(&used[9..]));
    assert!(ended < begun * (1.0 + ADDED_MAX), "{begun} bytes became {ended}");
}

async fn put_ten_thousand(stack: &TestStack) {
    let server = HttpClient::one_connection_each(stack.control_plane.rest_address());
    let client = |n: u32| {
        (format!("c{n:05}"), json!({ "rpm": 600, "tpm": 90_000, "group": format!("g{}", n % 40) }))
    };
    let clients: serde_json::Map<_, _> = (0..10_000).map(client).collect();
    put_clients(&server, Value::Object(clients)).await;
}

/// A request of each of 200 clients of ten thousand, within a second.
async fn second_of_traffic(stack: &TestStack) {
    let until = Instant::now() + Duration::from_secs(1);
    let proxy = stack.proxy();
    let request = move |n: usize| proxy.post("/test").client(&format!("c{:05}", n * 50)).tokens(10);
    send_many(200, 8, request).await;
    #[expect(clippy::disallowed_methods, reason = "paces the load: a request of each a second")]
    tokio::time::sleep_until(until.into()).await;
}

/// What is left of 1440 pixels when all is twice as large, and four times: the second is WCAG's reflow.
const ENLARGED: [(u32, u32); 2] = [(720, 450), (320, 256)];

#[tokio::test(flavor = "multi_thread")]
async fn on_a_telephone_and_enlarged_nothing_is_wider_than_the_screen() {
    let stack = TestStack::builder().start().await;
    let longest = "x".repeat(128);
    stack.admin().put_client(&longest, 600, 1_000_000_000_000).await;
    let browser = Browser::start(stack.control_plane.rest_address()).await;
    for size in [NARROW].into_iter().chain(ENLARGED) {
        browser.set_size(size).await;
        let own = format!("clients/{longest}");
        for place in ["", "explain", "edit", "edit/new-limit", "events", "system", &own] {
            browser.go(&format!("/#/{place}")).await;
            browser.wait_for("h1").await;
            assert!(!browser.scrolls_sideways().await, "#/{place} at {size:?}");
        }
    }
}

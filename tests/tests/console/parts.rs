//! The console's small pieces: what they say of a number, a moment, a stream of bytes. They are modules that a
//! browser reads as they are, here from the folder itself.

use std::fs;
use std::net::SocketAddr;

use harness::browser::Browser;
use harness::tools;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Serves the console's folder, and an empty page at `/`.
async fn folder() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    address
}

async fn answer(stream: TcpStream) {
    let mut stream = BufReader::new(stream);
    let mut lines = Vec::new();
    while !lines.ends_with(b"\r\n\r\n") {
        if !matches!(stream.read_until(b'\n', &mut lines).await, Ok(1..)) {
            return;
        }
    }
    let lines = String::from_utf8_lossy(&lines);
    let path = lines.split(' ').nth(1).unwrap_or_default();
    let file = path.strip_prefix("/console/").filter(|file| !file.contains(".."));
    let (kind, body) = match file {
        Some(file) => (
            "text/javascript",
            fs::read(tools::workspace().join("control-plane/console").join(file)),
        ),
        None => (
            "text/html",
            Ok(b"<!doctype html><link rel=icon href=data:,><div id=polite></div>".to_vec()),
        ),
    };
    let body = body.unwrap_or_default();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    // Who has gone wants no answer.
    let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
}

/// What a function of a module of the console returns for each of these arguments.
async fn said(browser: &Browser, module: &str, function: &str, arguments: &[Value]) -> Vec<Value> {
    let script = "
        const [module, name, given] = arguments;
        const all = await import(`/console/${module}.js`);
        return given.map((one) => all[name](...one));";
    let script = format!("return (async (...arguments) => {{{script}}})(...arguments)");
    let arguments = [json!(module), json!(function), json!(arguments)];
    browser.script(&script, &arguments).await.as_array().expect("a list").clone()
}

async fn page() -> Browser {
    let browser = Browser::start(folder().await).await;
    browser.go("/").await;
    browser
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_have_one_form_each() {
    let browser = page().await;
    let rows: [(&str, Value, &str); 33] = [
        ("count", json!(0), "0"),
        ("count", json!(1_234_567), "1,234,567"),
        ("count", json!(-5), "−5"),
        ("brief", json!(9_999), "9,999"),
        ("brief", json!(10_000), "10K"),
        ("brief", json!(1_250_000), "1.3M"),
        ("brief", json!(-1_000_000_000_000_i64), "−1T"),
        ("rate", json!(0), "0"),
        ("rate", json!(0.001), "0.1"),
        ("rate", json!(12.34), "12.3"),
        ("rate", json!(99.96), "100.0"),
        ("rate", json!(1_204.4), "1,204"),
        ("percent", json!(0), "0 %"),
        ("percent", json!(0.0004), "< 0.1 %"),
        ("percent", json!(0.374), "37.4 %"),
        ("percent", json!(0.9999), "99.9 %"),
        ("percent", json!(1), "100 %"),
        ("duration", json!(-5), "0 ms"),
        ("duration", json!(0), "0 ms"),
        ("duration", json!(0.2), "1 ms"),
        ("duration", json!(999), "999 ms"),
        ("duration", json!(1_000), "1 s"),
        ("duration", json!(1_234), "1.234 s"),
        ("duration", json!(10_500), "10.5 s"),
        ("duration", json!(59_999), "59.999 s"),
        ("duration", json!(60_000), "1 min"),
        ("duration", json!(125_000), "2 min 5 s"),
        ("duration", json!(3_599_999), "1 h"),
        ("duration", json!(3_600_000), "1 h"),
        ("duration", json!(12_000_000), "3 h 20 min"),
        ("duration", json!(86_399_999), "1 d"),
        ("duration", json!(86_400_000), "1 d"),
        ("duration", json!(187_200_000), "2 d 4 h"),
    ];
    for (function, number, expected) in rows {
        let told = said(&browser, "parts/number", function, &[json!([number])]).await;
        assert_eq!(told, [json!(expected)], "{function}({number})");
    }
    let told =
        said(&browser, "parts/number", "counted", &[json!([1, "request"]), json!([2, "request"])])
            .await;
    assert_eq!(told, [json!("1 request"), json!("2 requests")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_read_the_same_however_their_bytes_are_cut() {
    let browser = page().await;
    let script = "return (async () => {
        const { EventReader } = await import('/console/api/sse.js');
        const text = ': comment\\n\\nid: 1-1\\nevent: clients\\ndata: {\"a\":1}\\n\\r\\n' +
            'data:two\\r\\ndata: lines\\r\\n\\r\\nevent: nothing\\n\\nid\\ndata\\n\\nid:9\\rdata:x\\r\\rdata: unfinished';
        const whole = [...new EventReader().read(text)];
        for (let first = 0; first <= text.length; first += 1) {
            for (const second of [first, first + 1, first + 2, first + 7]) {
                const reader = new EventReader();
                const cut = [text.slice(0, first), text.slice(first, second), text.slice(second)];
                const told = cut.flatMap((piece) => [...reader.read(piece)]);
                if (JSON.stringify(told) !== JSON.stringify(whole)) return { first, second, told };
            }
        }
        return whole;
    })()";
    let told = browser.script(script, &[]).await;
    let expected = json!([
        { "name": "clients", "id": "1-1", "data": "{\"a\":1}" },
        { "name": "message", "id": null, "data": "two\nlines" },
        { "name": "message", "id": "", "data": "" },
        { "name": "message", "id": "9", "data": "x" },
    ]);
    assert_eq!(told, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_has_an_end_and_an_id_that_can_be_sent_back() {
    let browser = page().await;
    let script = "return (async () => {
        const { EventReader } = await import('/console/api/sse.js');
        const ids = ['1-1', 'a b', 'caf\\u00e9', '\\u202ex', 'x'.repeat(300)];
        const told = ids.map((id) => [...new EventReader().read(`id: ${id}\\ndata: 1\\n\\n`)][0].id ?? null);
        const endless = new EventReader();
        let megabytes = 0;
        try {
            for (; megabytes < 100; megabytes += 1) [...endless.read(`data: ${'x'.repeat(2 ** 20)}\\n`)];
        } catch (error) {
            told.push(error.message, megabytes < 20);
        }
        return told;
    })()";
    let told = browser.script(script, &[]).await;
    assert_eq!(told, json!(["1-1", null, null, null, null, "an event without an end", true]));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_listener_is_told_whatever_goes_wrong_with_another_one() {
    let browser = page().await;
    let script = "return (async () => {
        const { Topic } = await import('/console/base/topic.js');
        const told = [];
        window.reportError = ({ message }) => told.push(message);
        const topic = new Topic();
        topic.listen(() => { throw new Error('wrong'); });
        topic.listen((text) => told.push(text));
        topic.tell('heard');
        return told;
    })()";
    assert_eq!(browser.script(script, &[]).await, json!(["wrong", "heard"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_no_json_is_an_error_and_half_a_character_has_an_address() {
    let browser = page().await;
    let script = "return (async () => {
        const { call, path } = await import('/console/api/client.js');
        const { address } = await import('/console/base/address.js');
        const wrong = await call('GET', '/').catch(({ status, code, message }) => [status, code, message]);
        return [wrong, path('clients', '\\ud800/'), address(['clients', '\\ud800/'])];
    })()";
    let told = browser.script(script, &[]).await;
    let wrong = json!([0, "no_answer", "the control plane's answer cannot be read"]);
    assert_eq!(told, json!([wrong, "/api/v1/clients/%EF%BF%BD%2F", "#/clients/%EF%BF%BD%2F"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minute_is_the_sum_of_what_was_told_and_forgets_what_is_older() {
    let browser = page().await;
    let script = "return (async () => {
        const { Minute } = await import('/console/live/minute.js');
        const minute = new Minute();
        const sums = (now) => {
            let [requests, refused] = [0, 0];
            minute.each(now, (_, all, denied) => { requests += all; refused += denied; });
            return [requests, refused];
        };
        const told = [];
        for (let half = 0; half < 10; half += 1) minute.add(1000500 + half * 500, 500, 3, 30, 1);
        told.push(sums(1005000), minute.rates(1005000).requests, minute.refused());
        told.push(minute.rates(1007000).tokens, sums(1050000));
        minute.add(1064999, 500, 2, 0, 0);
        told.push(sums(1064999), minute.rates(1064999).requests > 1, sums(2000000));
        minute.add(1900000, 500, 4, 0, 0);
        told.push(sums(1900000));
        return told;
    })()";
    let told = browser.script(script, &[]).await;
    let expected = json!([[30, 10], 6, 10, 0, [30, 10], [2, 0], true, [0, 0], [4, 0]]);
    assert_eq!(told, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_refills_evenly_from_what_was_told_and_strangers_have_a_bound() {
    let browser = page().await;
    let script = "return (async () => {
        const { limitAt, left, partLeft } = await import('/console/live/clients.js');
        const of = (what) => limitAt(0, { name: 'l', limit: 1000, ...what });
        const owed = of({ remaining: 0, balance: -8000, full_in_ms: 540000 });
        const burst = of({ remaining: 10, burst: 50, full_in_ms: 40000 });
        const places = of({ remaining: 3 });
        const shadow = of({ remaining: 0, full_in_ms: 60000, mode: 'shadow' });
        return [
            [0, 270000, 540000, 900000].map((now) => left(owed, now)),
            [0, 20000, 50000].map((now) => left(burst, now)),
            [0, 90000].map((now) => left(places, now)),
            partLeft(shadow, 0) > partLeft(of({ remaining: 1000, full_in_ms: 0 }), 0) - 0.001,
        ];
    })()";
    let expected = json!([[-8000, -3500, 1000, 1000], [10, 30, 50], [3, 3], true]);
    assert_eq!(browser.script(script, &[]).await, expected);

    let script = "return (async () => {
        const { feed } = await import('/console/live/feed.js');
        const { clients, STRANGERS_MAX } = await import('/console/live/clients.js');
        const one = { over_ms: 500, requests_per_s: 2, tokens_per_s: 0, refused_per_s: 0, in_flight: 0, limits: [] };
        const tell = (from, to) => feed.clients.tell({
            time: new Date().toISOString(),
            clients: Array.from({ length: to - from }, (_, index) => ({ ...one, client: `s${from + index}` })),
        });
        tell(0, 2000);
        const few = clients.size;
        tell(2000, 9000);
        return [few, clients.size === STRANGERS_MAX];
    })()";
    assert_eq!(browser.script(script, &[]).await, json!([2000, true]));
}

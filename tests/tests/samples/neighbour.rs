//! Somebody else on the same Envoy, and all that he sees of it.

use harness::envoy::Envoy;
use harness::raw_client::RawConnection;

/// Who the neighbour is.
pub(crate) const HOST: &str = "neighbour.example.com";

/// Requests of his, each without its first headers: some that FlowGuard would refuse, some that it
/// would change, and some that a setting of the whole Envoy would change.
const REQUESTS: [(&str, &str); 8] = [
    ("a page", "GET / HTTP/1.1\r\n"),
    ("a health check", "GET /healthz HTTP/1.1\r\nUser-Agent: kube-probe/1.33\r\n"),
    (
        "what no client of FlowGuard's may say",
        "POST /orders HTTP/1.1\r\nX-Client-ID: not an id\r\nX-Token-Estimate: many\r\nContent-Length: 2\r\n\r\nok",
    ),
    (
        "an encoding",
        "POST /v1/chat/completions HTTP/1.1\r\nAccept-Encoding: gzip, br\r\nContent-Length: 31\r\n\r\n{\"usage\": {\"total_tokens\": 9}} ",
    ),
    (
        "an underscore",
        "GET /legacy?a=b_c HTTP/1.1\r\nmy_header: 1\r\nx_client_id: 2\r\nx-client-id: 3\r\n",
    ),
    (
        "proxies before Envoy",
        "GET / HTTP/1.1\r\nX-Forwarded-For: 203.0.113.7, 10.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Request-Id: 5\r\n",
    ),
    (
        "headers of Envoy's",
        "GET / HTTP/1.1\r\nx-envoy-retry-on: 5xx\r\nx-envoy-max-retries: 3\r\nx-envoy-internal: true\r\n",
    ),
    ("an upgrade", "GET /chat HTTP/1.1\r\nUpgrade: h2c\r\n"),
];

/// What a request was to him: what the upstream says that it saw, and what came back, to the byte.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    what: &'static str,
    answer: String,
}

/// Does all that he does.
pub(crate) async fn goes_about(envoy: &Envoy) -> Vec<Seen> {
    let mut seen = Vec::new();
    for (what, request) in REQUESTS {
        seen.push(Seen { what, answer: answer(envoy, HOST, request).await });
    }
    assert!(seen.iter().all(|seen| seen.answer.starts_with("HTTP/1.1 ")), "{seen:?}");
    seen
}

/// The whole answer to a request to a host, but for what differs from one answer to the next.
pub(crate) async fn answer(envoy: &Envoy, host: &str, request: &str) -> String {
    let (head, body) = request.split_once("\r\n\r\n").unwrap_or((request.trim_end(), ""));
    let mut connection = RawConnection::open(envoy.proxy_address()).await;
    let request = format!("{head}\r\nHost: {host}\r\nConnection: close\r\n\r\n{body}");
    connection.write(request.as_bytes()).await;
    let answer = connection.read_to_the_end().await;
    let text = String::from_utf8(answer.into()).expect("an answer of text");
    text.split_inclusive('\n').map(without_chance).collect()
}

fn without_chance(line: &str) -> String {
    let by_chance = ["date: ", "x-request-id: ", "x-envoy-upstream-service-time: "];
    let name = by_chance.into_iter().find(|name| line.starts_with(name));
    name.map_or_else(|| line.to_owned(), |name| format!("{name}…\r\n"))
}

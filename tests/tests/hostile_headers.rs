//! Nothing a client sends harms the filter: it is answered, and so is the next request on the same
//! worker.

use futures_util::future::join_all;
use harness::TestStack;
use harness::check::{
    self, INVALID_CLIENT_ID, INVALID_ESTIMATE, NO_CLIENT_ID, NO_ESTIMATE, Refusal,
};
use harness::http_client::HttpClient;
use harness::raw_client::{RawConnection, exchange};

/// Who answers a hostile request, and how.
#[derive(Clone, Copy, Debug)]
enum Expected {
    Admitted,
    Refused(&'static Refusal),
    /// Envoy itself refuses to parse it.
    RefusedByEnvoy(u16),
}

use Expected::{Admitted, Refused, RefusedByEnvoy};

/// One worker, so that every request meets the same VM; unknown clients are let through.
async fn one_worker() -> TestStack {
    TestStack::builder().setting("UNKNOWN_CLIENTS", "allow").start().await
}

fn get_with(headers: &[u8]) -> Vec<u8> {
    [b"GET / HTTP/1.1\r\nHost: proxy\r\n", headers, b"\r\n\r\n"].concat()
}

async fn is_answered(stack: &TestStack, headers: &[u8], expected: Expected) {
    let shown =
        String::from_utf8_lossy(&headers[..headers.len().min(80)]).escape_debug().to_string();
    println!("{shown}");
    let answer = exchange(stack.proxy_address(), &get_with(headers)).await;
    let answer = answer.unwrap_or_else(|| panic!("closed without an answer: {shown}"));
    match expected {
        Admitted => check::admitted(&answer),
        Refused(refusal) => check::refused(&answer, refusal),
        RefusedByEnvoy(status) => assert_eq!(answer.status.as_u16(), status, "{}", answer.text()),
    }
    assert!(
        !answer.headers.contains_key("x-evil"),
        "a header was smuggled into the answer: {shown}"
    );
}

async fn next_request_is_fine(stack: &TestStack) {
    check::admitted(&stack.proxy().post("/").client("a").tokens(1).send().await);
}

#[tokio::test]
async fn any_byte_in_either_header_is_answered() {
    let stack = one_worker().await;
    for byte in 0..=u8::MAX {
        let in_alphabet = byte.is_ascii_alphanumeric() || b"._:@+|=/~-".contains(&byte);
        // A line feed alone ends the line, and what follows is no header. A carriage return alone
        // is taken out by Envoy, for the filter and for the upstream alike.
        let by_envoy = matches!(byte, 0..=8 | 11..=12 | 14..=31 | 127);
        let id = [b"X-Client-ID: a", &[byte][..], b"b\r\nX-Token-Estimate: 1"].concat();
        let estimate = [b"X-Client-ID: a\r\nX-Token-Estimate: 1", &[byte][..], b"2"].concat();
        let (for_id, for_estimate) = match byte {
            b'\n' => (RefusedByEnvoy(400), RefusedByEnvoy(400)),
            b'\r' => (Admitted, Admitted),
            _ if by_envoy => (RefusedByEnvoy(400), RefusedByEnvoy(400)),
            _ if byte.is_ascii_digit() => (Admitted, Admitted),
            _ if in_alphabet => (Admitted, Refused(&INVALID_ESTIMATE)),
            _ => (Refused(&INVALID_CLIENT_ID), Refused(&INVALID_ESTIMATE)),
        };
        is_answered(&stack, &id, for_id).await;
        is_answered(&stack, &estimate, for_estimate).await;
    }
    next_request_is_fine(&stack).await;
    check::filter_is_unharmed(stack.envoy()).await;
}

#[tokio::test]
async fn values_that_are_not_utf_8_are_answered_400() {
    let stack = one_worker().await;
    let values: &[&[u8]] = &[
        b"\xff",
        b"\xff\xfe\xfd",
        b"a\x80",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xc0\xaf",
        &[0xff; 10_000],
    ];
    let http2 = HttpClient::http2(stack.proxy_address());
    for value in values {
        let id = [b"X-Client-ID: ", *value, b"\r\nX-Token-Estimate: 1"].concat();
        is_answered(&stack, &id, Refused(&INVALID_CLIENT_ID)).await;
        next_request_is_fine(&stack).await;
        let estimate = [b"X-Client-ID: a\r\nX-Token-Estimate: ", *value].concat();
        is_answered(&stack, &estimate, Refused(&INVALID_ESTIMATE)).await;
        next_request_is_fine(&stack).await;

        let answer = http2.get("/").header("x-client-id", value).tokens(1).send().await;
        check::refused(&answer, &INVALID_CLIENT_ID);
        let answer = http2.post("/").client("a").header("x-token-estimate", value).send().await;
        check::refused(&answer, &INVALID_ESTIMATE);
        let answer = http2.post("/").client("a").tokens(1).header("x-other", value).send().await;
        check::admitted(&answer);
    }
    check::filter_is_unharmed(stack.envoy()).await;
}

#[tokio::test]
async fn repeated_headers_are_answered_400() {
    let stack = one_worker().await;
    let cases: &[(&str, &Refusal)] = &[
        ("X-Client-ID: a\r\nX-Client-ID: a\r\nX-Token-Estimate: 1", &INVALID_CLIENT_ID),
        ("X-Client-ID: a\r\nx-client-id: b\r\nX-Token-Estimate: 1", &INVALID_CLIENT_ID),
        ("X-Client-ID: a\r\nX-Client-ID:\r\nX-Token-Estimate: 1", &INVALID_CLIENT_ID),
        ("X-Client-ID:\r\nX-Client-ID: a\r\nX-Token-Estimate: 1", &INVALID_CLIENT_ID),
        ("X-Client-ID: a,b\r\nX-Token-Estimate: 1", &INVALID_CLIENT_ID),
        ("X-Client-ID: a, a\r\nX-Token-Estimate: 1", &INVALID_CLIENT_ID),
        ("X-Client-ID: a\r\nX-Token-Estimate: 1\r\nX-Token-Estimate: 1", &INVALID_ESTIMATE),
        (
            "X-Client-ID: a\r\nX-Token-Estimate: 1\r\nOther: x\r\nX-TOKEN-ESTIMATE: 2",
            &INVALID_ESTIMATE,
        ),
        ("X-Client-ID: a\r\nX-Token-Estimate: 1,1", &INVALID_ESTIMATE),
        ("X-Client-ID: a\r\nX-Token-Estimate: 1\r\nX-Token-Estimate:", &INVALID_ESTIMATE),
    ];
    for (headers, refusal) in cases {
        is_answered(&stack, headers.as_bytes(), Refused(refusal)).await;
        next_request_is_fine(&stack).await;
    }
    let http2 = HttpClient::http2(stack.proxy_address());
    let twice = http2.post("/").client("a").client("a").tokens(1).send().await;
    check::refused(&twice, &INVALID_CLIENT_ID);
    let twice = http2.post("/").client("a").tokens(1).tokens(1).send().await;
    check::refused(&twice, &INVALID_ESTIMATE);
    next_request_is_fine(&stack).await;
    check::filter_is_unharmed(stack.envoy()).await;
}

#[tokio::test]
async fn empty_padded_and_similar_headers_are_told_apart() {
    let stack = one_worker().await;
    let cases: &[(&str, Expected)] = &[
        ("X-Client-ID:\r\nX-Token-Estimate: 1", Refused(&INVALID_CLIENT_ID)),
        ("X-Client-ID:   \r\nX-Token-Estimate: 1", Refused(&INVALID_CLIENT_ID)),
        ("X-Client-ID: a\r\nX-Token-Estimate:", Refused(&INVALID_ESTIMATE)),
        ("X-Client-ID: \t a \t\r\nX-Token-Estimate: \t 1 \t", Admitted),
        ("x-CLIENT-id:a\r\nX-TOKEN-estimate:1", Admitted),
        ("X-Client-IDs: a\r\nX-Token-Estimate: 1", Refused(&NO_CLIENT_ID)),
        ("X-Client-ID: a\r\nX-Token-Estimates: 1", Refused(&NO_ESTIMATE)),
        ("X-Client-ID : a\r\nX-Token-Estimate: 1", RefusedByEnvoy(400)),
        // A header with an underscore is none, for the filter as for the upstream.
        ("X_Client_ID: a\r\nX-Token-Estimate: 1", Refused(&NO_CLIENT_ID)),
        ("X-Client_ID: a\r\nX-Token-Estimate: 1", Refused(&NO_CLIENT_ID)),
        ("X-Client-ID: a\r\nX_Token_Estimate: 1", Refused(&NO_ESTIMATE)),
        ("X-Client-ID: a\r\nX_Client_ID: b\r\nX-Token-Estimate: 1", Admitted),
        ("_: x\r\nX-Client-ID: a\r\nX-Token-Estimate: 1", Admitted),
        (": a\r\nX-Token-Estimate: 1", RefusedByEnvoy(400)),
        ("X-Client-ID\r\nX-Token-Estimate: 1", RefusedByEnvoy(400)),
    ];
    for (headers, expected) in cases {
        is_answered(&stack, headers.as_bytes(), *expected).await;
    }
    is_answered(&stack, b"X-Cli\xffent-ID: a\r\nX-Token-Estimate: 1", RefusedByEnvoy(400)).await;
    next_request_is_fine(&stack).await;
    check::filter_is_unharmed(stack.envoy()).await;
}

#[tokio::test]
async fn line_breaks_and_nuls_smuggle_nothing() {
    let stack = one_worker().await;
    let rest = b"\r\nX-Token-Estimate: 1";
    let cases: &[(&[u8], Expected)] = &[
        (b"X-Client-ID: a\r\n X-Evil: 1", Refused(&INVALID_CLIENT_ID)),
        (b"X-Client-ID: a\r\n\tb", Refused(&INVALID_CLIENT_ID)),
        (b"X-Client-ID: a\rX-Evil: 1", Refused(&INVALID_CLIENT_ID)),
        (b"X-Client-ID: a%0d%0aX-Evil: 1", Refused(&INVALID_CLIENT_ID)),
        (b"X-Client-ID: a\\r\\nX-Evil: 1", Refused(&INVALID_CLIENT_ID)),
        (b"X-Client-ID: a\x00X-Evil: 1", RefusedByEnvoy(400)),
        (b"X-Client-ID: \x00", RefusedByEnvoy(400)),
        // Lines are lines; what stands on its own line is a header of its own, of the request.
        (b"X-Client-ID: a\nX-Evil: 1", Admitted),
        (b"X-Client-ID: a\r\nX-Evil: 1", Admitted),
    ];
    for (headers, expected) in cases {
        is_answered(&stack, &[headers, &rest[..]].concat(), *expected).await;
        next_request_is_fine(&stack).await;
    }
    check::filter_is_unharmed(stack.envoy()).await;
}

#[tokio::test]
async fn very_long_and_very_many_headers_are_answered() {
    let stack = one_worker().await;
    let long = |bytes: usize| "a".repeat(bytes).into_bytes();
    let id = |value: Vec<u8>| [b"X-Token-Estimate: 1\r\nX-Client-ID: ", &value[..]].concat();
    let estimate = |value: Vec<u8>| [b"X-Client-ID: a\r\nX-Token-Estimate: ", &value[..]].concat();
    is_answered(&stack, &id(long(64 * 1024)), Refused(&INVALID_CLIENT_ID)).await;
    is_answered(&stack, &estimate(vec![b'1'; 64 * 1024]), Refused(&INVALID_ESTIMATE)).await;
    is_answered(&stack, &id(long(128 * 1024)), RefusedByEnvoy(431)).await;
    is_answered(&stack, &estimate(vec![b'1'; 128 * 1024]), RefusedByEnvoy(431)).await;
    let many = "X-Client-ID: a\r\n".repeat(90) + "X-Token-Estimate: 1";
    is_answered(&stack, many.as_bytes(), Refused(&INVALID_CLIENT_ID)).await;
    let too_many = "X-Client-ID: a\r\n".repeat(200) + "X-Token-Estimate: 1";
    is_answered(&stack, too_many.as_bytes(), RefusedByEnvoy(431)).await;
    next_request_is_fine(&stack).await;
    check::filter_is_unharmed(stack.envoy()).await;
}

#[tokio::test]
async fn a_refused_request_does_not_disturb_the_next_one_on_its_connection() {
    let stack = one_worker().await;
    stack.admin().put_client("spent", None, 1).await;
    let refused = get_with(b"X-Client-ID: spent\r\nX-Token-Estimate: 2");
    let admitted = get_with(b"X-Client-ID: a\r\nX-Token-Estimate: 1");
    let mut connection = RawConnection::open(stack.proxy_address()).await;
    // One after the other, and then all at once: pipelined requests are answered in their order.
    for requests in [&[&refused][..], &[&admitted], &[&refused, &admitted, &refused, &admitted]] {
        connection.write(&requests.iter().copied().flatten().copied().collect::<Vec<_>>()).await;
        for request in requests {
            let answer = connection.read_answer().await.expect("an answer");
            if *request == &refused {
                check::refused_for_good(&answer);
            } else {
                check::admitted(&answer);
            }
        }
    }

    // After a 400 Envoy closes a connection of HTTP/1.1, and says so.
    connection.write(&get_with(b"X-Client-ID: \xff\r\nX-Token-Estimate: 1")).await;
    let answer = connection.read_answer().await.expect("an answer");
    check::refused(&answer, &INVALID_CLIENT_ID);
    assert_eq!(answer.header("connection"), Some("close"));
}

#[tokio::test]
async fn http_2_frames_with_forbidden_bytes_smuggle_nothing() {
    let stack = one_worker().await;
    let values: &[&[u8]] =
        &[b"a\r\nx-evil: 1", b"a\nx-evil: 1", b"a\rb", b"a\0b", b"\0", b" a", b"a "];
    // Envoy closes such a connection some seconds later only.
    join_all(values.iter().map(async |value| {
        println!("{}", String::from_utf8_lossy(value).escape_debug());
        let mut connection = RawConnection::open(stack.proxy_address()).await;
        connection
            .write(&http2::request(&[(b"x-client-id", value), (b"x-token-estimate", b"1")]))
            .await;
        http2::expect_no_success(&mut connection).await;
        next_request_is_fine(&stack).await;
    }))
    .await;
    check::filter_is_unharmed(stack.envoy()).await;
}

#[tokio::test]
async fn http_2_headers_that_another_hop_could_read_otherwise_are_refused() {
    let stack = one_worker().await;
    let headers: &[(&[u8], &[u8])] = &[
        (b"X-Client-ID", b"a"),
        (b"x-client-id", b"b"),
        (b"x-client-id ", b"b"),
        (b"x-client-id:", b"b"),
        (b"x-client-id\0", b"b"),
        (b"x-client-id\r\nx-other", b"b"),
        (b"", b"b"),
        (b":path", b"/other"),
        (b":x-client-id", b"b"),
        (b"connection", b"x-client-id"),
        (b"proxy-connection", b"x-client-id"),
        (b"keep-alive", b"x-client-id"),
        (b"upgrade", b"websocket"),
        (b"transfer-encoding", b"chunked"),
        (b"content-length", b"5"),
        (b"te", b"x-client-id"),
    ];
    for header in headers {
        println!("{}", header.0.escape_ascii());
        let mut connection = RawConnection::open(stack.proxy_address()).await;
        let ours: &[(&[u8], &[u8])] = &[(b"x-client-id", b"a"), (b"x-token-estimate", b"1")];
        connection.write(&http2::request(&[ours, &[*header]].concat())).await;
        http2::expect_no_success(&mut connection).await;
        next_request_is_fine(&stack).await;
    }
    check::filter_is_unharmed(stack.envoy()).await;
}

/// The few frames of HTTP/2 that a request needs, with header values of any bytes.
mod http2 {
    use harness::raw_client::RawConnection;

    const HEADERS: u8 = 1;
    const RST_STREAM: u8 = 3;
    const SETTINGS: u8 = 4;
    const GOAWAY: u8 = 7;

    /// Entries 8 and 12 of HPACK's static table; the high bit marks an indexed field.
    const STATUS_400: u8 = 0x8c;

    pub(super) fn request(headers: &[(&[u8], &[u8])]) -> Vec<u8> {
        let pseudo_headers: &[(&[u8], &[u8])] = &[
            (b":method", b"GET"),
            (b":scheme", b"http"),
            (b":path", b"/"),
            (b":authority", b"proxy"),
        ];
        let mut block = Vec::new();
        for (name, value) in pseudo_headers.iter().chain(headers) {
            // A literal without indexing, its name and its value as plain strings.
            block.push(0);
            for text in [name, value] {
                block.push(u8::try_from(text.len()).expect("a short string"));
                block.extend_from_slice(text);
            }
        }
        let end_of_stream_and_headers = 0x1 | 0x4;
        [
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
            frame(SETTINGS, 0, 0, &[]),
            frame(HEADERS, end_of_stream_and_headers, 1, &block),
        ]
        .concat()
    }

    /// The status, which comes first in a block of headers, behind a change of the table's size if
    /// there is one (RFC 7541 section 6.3). Any byte may follow, since ids are random.
    fn status(block: &[u8]) -> Option<u8> {
        let mut bytes = block.iter().copied().peekable();
        while let Some(size) = bytes.next_if(|byte| byte & 0xe0 == 0x20) {
            if size & 0x1f == 0x1f {
                while bytes.next()? & 0x80 != 0 {}
            }
        }
        bytes.next()
    }

    /// The request is reset, its connection given up, or it is answered 400.
    pub(super) async fn expect_no_success(connection: &mut RawConnection) {
        while let Some(header) = connection.read_exactly(9).await {
            let length = u32::from_be_bytes([0, header[0], header[1], header[2]]);
            let payload = connection.read_exactly(length as usize).await.expect("a whole frame");
            match header[3] {
                HEADERS => {
                    assert_eq!(status(&payload), Some(STATUS_400), "not answered 400: {payload:?}");
                    return;
                }
                RST_STREAM | GOAWAY => return,
                _ => {}
            }
        }
    }

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
        let head = [length[1], length[2], length[3], kind, flags];
        [&head[..], &stream.to_be_bytes(), payload].concat()
    }
}

//! What clients can take of Envoy: connections, and memory.

use std::net::SocketAddr;

use harness::TestStack;
use harness::check;
use harness::deadline::{eventually, soon};
use harness::http_client::HttpClient;
use harness::raw_client::RawConnection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

const PRESSURE: &str = "overload.envoy.resource_monitors.fixed_heap.pressure";
const ENDED: &str = "envoy.overload_actions.reset_high_memory_stream.count";

/// An upstream whose responses to `/endless` never end, and which answers anything else.
async fn endless_upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(answer(connection));
        }
    });
    address
}

async fn answer(mut connection: TcpStream) {
    let mut request = [0; 4096];
    while let Ok(length @ 1..) = connection.read(&mut request).await {
        if !request[..length].starts_with(b"GET /endless ") {
            let _ = connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
            continue;
        }
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n";
        let mut sent = connection.write_all(head).await;
        while sent.is_ok() {
            sent = connection.write_all(&[b'x'; 16 * 1024]).await;
        }
    }
}

/// A client that asks for a response without an end and reads nothing of it.
async fn stalled(proxy: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    // What is not read is to fill Envoy's memory, not the kernel's.
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let mut stream = soon("a connection", socket.connect(proxy)).await.expect("a connection");
    let request =
        b"GET /endless HTTP/1.1\r\nHost: proxy\r\nX-Client-ID: a\r\nX-Token-Estimate: 1\r\n\r\n";
    stream.write_all(request).await.expect("a request");
    stream
}

/// A stack whose Envoy may have 128 MiB.
async fn small_stack() -> TestStack {
    let stack = TestStack::builder()
        .upstream(format!("http://{}", endless_upstream().await))
        .setting("ENVOY_HEAP_BYTES", "134217728")
        .start()
        .await;
    stack.admin().put_client("a", None, None).await;
    stack.admin().put_client("honest", None, None).await;
    stack
}

/// Envoy keeps about to its bound of memory. It looks at intervals, so what arrives in between may
/// exceed it a little.
async fn memory_is_bounded(stack: &TestStack) {
    let pressure = stack.envoy().stat(PRESSURE).await;
    assert!(pressure < 150, "Envoy has {pressure} % of what it may have");
}

/// Somebody else's request passes, at the latest once the unread responses have been ended.
async fn an_honest_request_passes(stack: &TestStack) {
    let honest = HttpClient::one_connection_each(stack.proxy_address());
    eventually("an answer to an honest request", || async {
        let answer = honest.get("/").client("honest").tokens(1).send().await;
        if answer.status.as_u16() == 503 {
            assert_eq!(answer.text(), "envoy overloaded");
            return None;
        }
        check::admitted(&answer);
        Some(())
    })
    .await;
    memory_is_bounded(stack).await;
}

// Each stream makes Envoy hold some 0.6 MB; together they want more than twice what it may have.
const STALLED: usize = 500;

#[tokio::test]
async fn responses_over_http_1_that_nobody_reads_do_not_fill_the_memory() {
    let stack = small_stack().await;
    let mut clients = Vec::new();
    for _ in 0..STALLED / 10 {
        for _ in 0..10 {
            clients.push(stalled(stack.proxy_address()).await);
        }
        an_honest_request_passes(&stack).await;
    }
    an_honest_request_passes(&stack).await;
    check::filter_is_unharmed(stack.envoy()).await;
}

#[tokio::test]
async fn responses_over_http_2_that_nobody_reads_do_not_fill_the_memory() {
    let stack = small_stack().await;
    let client = HttpClient::http2(stack.proxy_address());
    let mut streams = Vec::new();
    for _ in 0..STALLED / 10 {
        for _ in 0..10 {
            streams.push(client.get("/endless").client("a").tokens(1).open().await);
        }
        an_honest_request_passes(&stack).await;
    }
    eventually("an ended stream", || async { (stack.envoy().stat(ENDED).await > 0).then_some(()) })
        .await;
    an_honest_request_passes(&stack).await;
    check::filter_is_unharmed(stack.envoy()).await;
}

#[tokio::test]
async fn what_envoy_does_under_pressure_is_in_its_statistics() {
    let stack = TestStack::start().await;
    let stats = eventually("a look at the memory", || async {
        let stats = stack.envoy().stats("^overload|^envoy.overload_actions").await;
        (stats.get(PRESSURE) > Some(&0)).then_some(stats)
    })
    .await;
    for name in [
        PRESSURE,
        ENDED,
        "overload.envoy.resource_monitors.global_downstream_max_connections.pressure",
        "overload.envoy.overload_actions.shrink_heap.active",
        "overload.envoy.overload_actions.reset_high_memory_stream.active",
        "overload.envoy.overload_actions.disable_http_keepalive.active",
        "overload.envoy.overload_actions.stop_accepting_requests.active",
    ] {
        assert!(stats.contains_key(name), "{name} in {stats:?}");
    }
    assert!(stats[PRESSURE] < 20, "an idle Envoy has {} %", stats[PRESSURE]);
}

#[tokio::test]
async fn connections_beyond_the_bound_are_closed_and_the_others_are_served() {
    const CONNECTIONS: usize = 5;
    let stack = TestStack::builder()
        .setting("ENVOY_CONNECTIONS_MAX", &CONNECTIONS.to_string())
        .start()
        .await;
    stack.admin().put_client("a", None, None).await;
    let request = b"GET / HTTP/1.1\r\nHost: proxy\r\nX-Client-ID: a\r\nX-Token-Estimate: 1\r\n\r\n";
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut connection = RawConnection::open(stack.proxy_address()).await;
        connection.write(request).await;
        check::admitted(&connection.read_answer().await.expect("an answer"));
        connections.push(connection);
    }
    let mut one_more = RawConnection::open(stack.proxy_address()).await;
    one_more.write(request).await;
    assert!(one_more.read_answer().await.is_none(), "there is one connection too many");
    for mut connection in connections {
        connection.write(request).await;
        check::admitted(&connection.read_answer().await.expect("an answer"));
    }
    let freed = eventually("room for a connection", || async {
        let mut connection = RawConnection::open(stack.proxy_address()).await;
        connection.write(request).await;
        connection.read_answer().await
    });
    check::admitted(&freed.await);
}

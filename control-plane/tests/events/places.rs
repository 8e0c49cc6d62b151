//! Places: how many can listen, and what ends a stream.

use std::time::Duration;

use flowguard::credentials::{Scope, Secret, SecretKind, Token, TokenName, UnixSeconds, Validity};
use harness::{
    deadline::{eventually, soon},
    events::EventReader,
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::{Instant, interval},
};

use crate::world::World;

const STREAMS_MAX: usize = 32;

/// Long enough for those who read, on a busy machine.
const UNREAD_TIMEOUT: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn so_many_can_listen_and_one_more_is_told_to_come_back() {
    let world = World::start().await;
    let mut readers = Vec::new();
    for _ in 0..STREAMS_MAX {
        readers.push(world.listen("?topics=config").await);
    }
    let refused = world.rest().get("/api/v1/events").send().await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.json()["error"], "too_many_streams");
    assert_eq!(refused.header("retry-after"), Some("5"));
    // The others' places are their own.
    let mut others = Vec::new();
    for _ in 0..128 {
        let mut peer = TcpStream::connect(world.address).await.expect("connected");
        let request = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n";
        peer.write_all(request).await.expect("sent");
        let mut answer = [0; 12];
        soon("an answer", peer.read_exact(&mut answer)).await.expect("answered");
        assert_eq!(&answer, b"HTTP/1.1 200");
        others.push(peer);
    }
    world.configure("acme", None).await;
    for reader in &mut readers {
        reader.until("config", |_| true).await;
    }
    readers.pop();
    eventually("a free place", || {
        let request = world.rest().get("/api/v1/events?topics=config");
        async move { (request.open().await.status() == 200).then_some(()) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_when_the_token_is_revoked_that_opened_it() {
    let world = World::locked().await;
    let secret = Secret::new(SecretKind::Token);
    world.tokens.put(Token {
        public: secret.public_part(),
        digest: secret.digest(),
        name: TokenName::parse("console").expect("a name"),
        scopes: [Scope::Read].into_iter().collect(),
        validity: Validity {
            created: UnixSeconds::new(1_700_000_000).expect("a second"),
            expires: None,
        },
    });
    assert_eq!(world.rest().get("/api/v1/events").send().await.status, 401);
    let mut reader =
        EventReader::open(&world.rest(), "?topics=config", Some(secret.expose()), None).await;
    assert_eq!(reader.next().await.expect("an event").name, "ready");
    assert!(world.tokens.remove(secret.public_part()).is_some());
    let end = reader.until("end", |_| true).await;
    assert_eq!(end.data["reason"], "not_allowed");
    assert_eq!(reader.next().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_streams_end_when_the_process_stops() {
    let world = World::start().await;
    let mut reader = world.listen("").await;
    world.health.stop();
    world.shutdown.cancel();
    let end = reader.until("end", |_| true).await;
    assert_eq!(end.data["reason"], "stopping");
    assert_eq!(reader.next().await, None);
    soon("the end of the server", world.server).await.expect("no panic");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_does_not_read_holds_up_nobody_and_loses_its_place() {
    let world = World::within(UNREAD_TIMEOUT).await;
    let mut peer = TcpStream::connect(world.address).await.expect("connected");
    let request = b"GET /api/v1/events?topics=config HTTP/1.1\r\nhost: localhost\r\n\r\n";
    peer.write_all(request).await.expect("sent");
    let mut reader = world.listen("?topics=config").await;
    let events = world.operator.events();
    let text = "x".repeat(64 * 1024);
    // More than the sockets hold between the two.
    let mut told = 0;
    for n in 0..400 {
        events.configured(&json!({ "n": n, "text": text }), None);
        let heard = reader.until("config", |data| data["n"] == n).await;
        told += heard.data.to_string().len();
    }
    assert!(told > 20 << 20, "{told} bytes");
    // Its peer has to read in time what was written to it, as on every connection.
    let started = Instant::now();
    let mut looks = interval(Duration::from_millis(100));
    while events.listeners() > 1 {
        assert!(started.elapsed() < 4 * UNREAD_TIMEOUT, "it still has its place");
        looks.tick().await;
    }
    let mut rest = Vec::new();
    let whole = soon("what was written before", peer.read_to_end(&mut rest)).await;
    let is_cut = whole.is_err() || !rest.ends_with(b"0\r\n\r\n");
    assert!(is_cut && rest.len() < told, "{} bytes", rest.len());
    drop(reader);
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_never_read_lose_their_places_though_the_kernel_takes_all_that_is_sent() {
    let world = World::within(UNREAD_TIMEOUT).await;
    let request = b"GET /api/v1/events?topics=config HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut peers = Vec::new();
    for _ in 0..STREAMS_MAX {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(1_024).expect("a small buffer");
        let mut peer = socket.connect(world.address).await.expect("connected");
        peer.write_all(request).await.expect("sent");
        peers.push(peer);
    }
    let events = world.operator.events();
    let listeners = |wanted: usize| async move { (events.listeners() == wanted).then_some(()) };
    eventually("all places are taken", || listeners(STREAMS_MAX)).await;
    assert_eq!(world.rest().get("/api/v1/events").send().await.status, 503);
    // More than these peers have room for, and less than the server's kernel keeps.
    for n in 0..32 {
        events.configured(&json!({ "n": n, "text": "x".repeat(1_024) }), None);
    }
    eventually("all places are free", || listeners(0)).await;
    world.listen("?topics=config").await;
}

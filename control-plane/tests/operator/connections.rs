//! Who gets a place when all are taken: attacks by peers that only want to keep theirs.

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use flowguard::listener::{Connection, ConnectionLimits, Listener, UNREAD_TIMEOUT};
use futures_util::FutureExt as _;
use proto::api::ListClientsRequest;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::{Instant, sleep, timeout},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use crate::{
    grpc,
    http_server::{bound, exchange, serve},
    world::World,
};

/// As many as a port has places, and some that wait.
const ATTACKERS: usize = 140;

/// Far below every time limit by which a silent peer is closed.
const AT_ONCE: Duration = Duration::from_secs(2);

const HEALTH: &[u8] = b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

async fn check_health_at_once(address: SocketAddr, attack: &str) {
    let started = Instant::now();
    let answer = exchange(address, HEALTH).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{attack}: {answer}");
    assert!(started.elapsed() < AT_ONCE, "{attack}: after {:?}", started.elapsed());
}

#[tokio::test]
async fn peers_that_keep_the_server_waiting_hold_up_nobody() {
    let post = "POST /api/v1/clients HTTP/1.1\r\nhost: localhost\r\n\
        content-type: application/json\r\n";
    let whole = "GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n";
    for (attack, sent) in [
        ("silence", String::new()),
        ("half a header", "GET /health HTTP/1.1\r\nhost: loc".to_owned()),
        ("silence after a request", whole.to_owned()),
        ("a body that does not come", format!("{post}content-length: 100\r\n\r\n{{")),
        ("chunks that do not come", format!("{post}transfer-encoding: chunked\r\n\r\n1\r\n{{\r\n")),
        ("a second request's half", format!("{whole}GET /he")),
        ("a body that nobody reads", whole.replace("\r\n\r\n", "\r\ncontent-length: 9\r\n\r\n1")),
    ] {
        let served = serve(World::new().rest()).await;
        let mut peers = Vec::new();
        for _ in 0..ATTACKERS {
            let mut peer = TcpStream::connect(served.address).await.expect("connected");
            peer.write_all(sent.as_bytes()).await.expect("sent");
            peers.push(peer);
        }
        check_health_at_once(served.address, attack).await;
    }
}

#[tokio::test]
async fn peers_that_do_not_read_their_answers_hold_up_nobody() {
    let world = World::new();
    for n in 0..20_000 {
        world.configure(&format!("{n:0>128}"), Some(1), None).await;
    }
    let served = serve(world.rest()).await;
    let mut peers = Vec::new();
    for _ in 0..ATTACKERS {
        let mut peer = TcpStream::connect(served.address).await.expect("connected");
        let request = b"GET /api/v1/stats HTTP/1.1\r\nhost: localhost\r\n\r\n";
        // Those that made room for others may be gone already.
        let _ = peer.write_all(request).await;
        peers.push(peer);
    }
    check_health_at_once(served.address, "answers that nobody reads").await;
}

#[tokio::test]
async fn http2_connections_that_answer_pings_hold_up_nobody() {
    let served = grpc::serve(&World::new()).await;
    let mut channels = Vec::new();
    for _ in 0..ATTACKERS {
        channels.push(grpc::connect(served.address).await);
    }
    let started = Instant::now();
    let mut health = HealthClient::new(grpc::connect(served.address).await);
    health.check(HealthCheckRequest::default()).await.expect("answered");
    assert!(started.elapsed() < AT_ONCE, "after {:?}", started.elapsed());
}

#[tokio::test]
async fn calls_that_are_left_open_hold_up_nobody() {
    let served = grpc::serve(&World::new()).await;
    let mut watches = Vec::new();
    for _ in 0..ATTACKERS {
        let mut health = HealthClient::new(grpc::connect(served.address).await);
        watches.push(health.watch(HealthCheckRequest::default()).await.expect("watched"));
    }
    let started = Instant::now();
    let mut client = grpc::connect(served.address)
        .map(proto::api::flow_guard_service_client::FlowGuardServiceClient::new)
        .await;
    client.list_clients(ListClientsRequest::default()).await.expect("answered");
    assert!(started.elapsed() < AT_ONCE, "after {:?}", started.elapsed());
}

async fn listener(
    connections_max: usize,
    idle_timeout: Option<Duration>,
) -> (Listener, SocketAddr) {
    let unread_timeout = UNREAD_TIMEOUT;
    within(ConnectionLimits { connections_max, read_timeout: None, idle_timeout, unread_timeout })
        .await
}

async fn within(limits: ConnectionLimits) -> (Listener, SocketAddr) {
    let (tcp, address) = bound().await;
    (Listener::new(tcp, limits), address)
}

async fn next(listener: &mut Listener, address: SocketAddr) -> (TcpStream, Connection) {
    let peer = TcpStream::connect(address).await.expect("connected");
    (peer, listener.accept().await)
}

/// Reads until the connection ends, as a server does that waits for a request.
async fn ended(mut connection: Connection) -> std::io::ErrorKind {
    connection.read_u8().await.expect_err("nobody sends").kind()
}

#[tokio::test]
async fn the_connection_that_has_waited_longest_makes_room() {
    let (mut listener, address) = listener(3, None).await;
    let (_first, first) = next(&mut listener, address).await;
    let (_second, second) = next(&mut listener, address).await;
    let (_third, third) = next(&mut listener, address).await;
    // The first has worked since.
    drop(first.info().handle.at_work());
    let first = tokio::spawn(ended(first));
    let third = tokio::spawn(ended(third));
    let second = tokio::spawn(ended(second));

    let (_fourth, _kept) = next(&mut listener, address).await;
    assert_eq!(second.await.expect("ended"), std::io::ErrorKind::ConnectionAborted);
    let (_fifth, _kept) = next(&mut listener, address).await;
    assert_eq!(third.await.expect("ended"), std::io::ErrorKind::ConnectionAborted);
    assert!(!first.is_finished());
}

#[tokio::test]
async fn connections_at_work_keep_their_places_and_the_first_that_is_not_makes_room() {
    let (mut listener, address) = listener(2, None).await;
    let (_first, first) = next(&mut listener, address).await;
    let (_second, second) = next(&mut listener, address).await;
    let (first_work, second_work) = (first.info().handle.at_work(), second.info().handle.at_work());
    let more_work = first.info().handle.at_work();
    let first = tokio::spawn(ended(first));
    let second = tokio::spawn(ended(second));

    let _third = TcpStream::connect(address).await.expect("in the kernel's queue");
    assert!(listener.accept().now_or_never().is_none(), "three at a time");
    drop(first_work);
    assert!(listener.accept().now_or_never().is_none(), "the first is still at work");
    drop(second_work);
    drop(listener.accept().await);
    assert_eq!(second.await.expect("ended"), std::io::ErrorKind::ConnectionAborted);
    assert!(!first.is_finished());
    drop(more_work);
}

#[tokio::test]
async fn who_has_asked_before_keeps_its_place_however_many_strangers_come() {
    let (mut listener, address) = listener(4, None).await;
    let (_first, first) = next(&mut listener, address).await;
    drop(first.info().handle.at_work());
    let first = tokio::spawn(ended(first));
    let mut strangers = Vec::new();
    for _ in 0..100 {
        let (peer, stranger) = next(&mut listener, address).await;
        strangers.push((peer, tokio::spawn(ended(stranger))));
    }
    assert!(!first.is_finished());
}

#[tokio::test]
async fn those_who_asked_once_do_not_crowd_a_stranger_out() {
    let (mut listener, address) = listener(4, None).await;
    let mut others = VecDeque::new();
    for _ in 0..4 {
        let (peer, other) = next(&mut listener, address).await;
        drop(other.info().handle.at_work());
        others.push_back((peer, tokio::spawn(ended(other))));
    }
    let mut strangers = Vec::new();
    for _ in 0..3 {
        let (peer, stranger) = next(&mut listener, address).await;
        strangers.push((peer, tokio::spawn(ended(stranger))));
        let (_peer, longest) = others.pop_front().expect("one for each stranger");
        let end = timeout(AT_ONCE, longest).await.expect("it makes room").expect("ended");
        assert_eq!(end, std::io::ErrorKind::ConnectionAborted);
    }
    assert!(strangers.iter().all(|(_, stranger)| !stranger.is_finished()));
}

#[tokio::test]
async fn a_place_is_free_again_when_its_connection_ends() {
    let (mut listener, address) = listener(1, None).await;
    let (_first, first) = next(&mut listener, address).await;
    let work = first.info().handle.at_work();
    let _second = TcpStream::connect(address).await.expect("in the kernel's queue");
    assert!(listener.accept().now_or_never().is_none(), "two at a time");
    // Work that outlives its connection keeps nothing.
    drop(first);
    drop(listener.accept().await);
    drop(work);
}

#[tokio::test(start_paused = true)]
#[expect(clippy::disallowed_methods, reason = "moves the paused clock")]
async fn a_connection_without_work_is_closed_after_the_idle_time_whatever_its_peer_says() {
    const IDLE: Duration = Duration::from_secs(15);
    let (mut listener, address) = listener(2, Some(IDLE)).await;
    let (mut peer, mut connection) = next(&mut listener, address).await;
    let started = Instant::now();
    let talk = tokio::spawn(async move {
        while peer.write_all(b"ping").await.is_ok() {
            sleep(Duration::from_secs(1)).await;
        }
    });
    let work = connection.info().handle.at_work();
    let worked = sleep(3 * IDLE);
    tokio::pin!(worked);
    let mut said = [0; 4];
    loop {
        tokio::select! {
            () = &mut worked => break,
            read = connection.read_exact(&mut said) => drop(read.expect("at work")),
        }
    }
    drop(work);
    let worked = started.elapsed();
    let error = loop {
        if let Err(error) = connection.read_exact(&mut said).await {
            break error;
        }
    };
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    let idle = started.elapsed().checked_sub(worked).expect("later");
    assert!(IDLE <= idle && idle < IDLE + Duration::from_secs(2), "{idle:?}");
    drop(connection);
    timeout(IDLE, talk).await.expect("told").expect("no panic");
}

/// A peer for which its kernel keeps next to nothing that it does not read.
async fn peer_with_little_room(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(1_024).expect("a small buffer");
    socket.connect(address).await.expect("connected")
}

#[tokio::test]
async fn what_the_kernel_has_taken_and_nobody_reads_ends_the_connection() {
    let (connections_max, unread_timeout) = (1, Duration::from_secs(1));
    let limits = ConnectionLimits {
        connections_max,
        read_timeout: None,
        idle_timeout: None,
        unread_timeout,
    };
    let (mut listener, address) = within(limits).await;
    let _peer = peer_with_little_room(address).await;
    let mut connection = listener.accept().await;
    // All of it counts as written.
    connection.write_all(&vec![0; 32 * 1024]).await.expect("taken");
    let end = timeout(Duration::from_secs(20), ended(connection)).await.expect("it ends");
    assert_eq!(end, std::io::ErrorKind::TimedOut);
}

#[tokio::test]
async fn a_peer_that_does_not_read_takes_little_of_the_kernels_memory() {
    let (mut listener, address) = listener(1, None).await;
    let _peer = peer_with_little_room(address).await;
    let mut connection = listener.accept().await;
    let mut written = 0;
    while let Ok(more) = timeout(AT_ONCE, connection.write(&vec![0; 64 * 1024])).await {
        written += more.expect("it stays");
        assert!(written < 1 << 20, "{written} bytes");
    }
    assert!(written > 64 * 1024, "an answer goes in one piece: {written} bytes");
}

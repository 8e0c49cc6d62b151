//! Peers that say nothing, the wrong thing or half of it.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use flowguard::{
    listener::{ConnectionInfo, ConnectionLimits, Listener, UNREAD_TIMEOUT},
    tls::Protocol,
};
use harness::pki::{Authority, Pair};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time,
};

use crate::world::{Log, World, get_page, port, serve_page};

/// As many as a port has places, and some that wait.
const ATTACKERS: usize = 140;

/// Far below the time that a handshake may take.
const AT_ONCE: Duration = Duration::from_secs(2);

/// How a handshake begins, without the rest of it.
const HALF_A_HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

async fn all_that_comes(mut peer: TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    // A server that does not read all that was sent resets the connection, after its answer.
    let _ = peer.read_to_end(&mut answer).await;
    answer
}

#[tokio::test]
async fn whoever_trusts_the_authority_is_served() {
    let world = World::new();
    let address = serve_page(Some(&world.tls())).await;
    let stream = world.authority.client(None, "http/1.1").connect(address).await;
    let stream = stream.expect("a handshake");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let answer = get_page(stream).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("the page"), "{answer}");

    let other = Authority::new("another").client(None, "http/1.1").connect(address).await;
    assert!(other.is_err(), "who trusts another authority goes away");
    let h2 = world.authority.client(None, "h2").connect(address).await;
    assert!(h2.is_err(), "who speaks another protocol is told so in the handshake");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_finish_its_handshake_is_closed_after_five_seconds() {
    let world = World::new();
    let address = serve_page(Some(&world.tls())).await;
    for begun in [&b""[..], b"\x16", HALF_A_HELLO] {
        let started = time::Instant::now();
        let mut peer = TcpStream::connect(address).await.expect("connected");
        peer.write_all(begun).await.expect("sent");
        all_that_comes(peer).await;
        let waited = started.elapsed().as_secs();
        assert!((5..=6).contains(&waited), "after {waited} s");
    }
}

#[tokio::test]
async fn peers_that_keep_a_handshake_waiting_hold_up_nobody() {
    let world = World::new();
    let client = world.authority.client(None, "http/1.1");
    for (attack, sent) in [("silence", &b""[..]), ("half a hello", HALF_A_HELLO)] {
        let address = serve_page(Some(&world.tls())).await;
        let mut peers = Vec::new();
        for _ in 0..ATTACKERS {
            let mut peer = TcpStream::connect(address).await.expect("connected");
            peer.write_all(sent).await.expect("sent");
            peers.push(peer);
        }
        let started = Instant::now();
        let stream = client.connect(address).await.expect("a handshake");
        let answer = get_page(stream).await.expect("an answer");
        assert!(answer.ends_with("the page"), "{attack}: {answer}");
        assert!(started.elapsed() < AT_ONCE, "{attack}: after {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn a_peer_without_tls_is_told_in_the_protocol_that_it_speaks() {
    let (world, log) = (World::new(), Log::start());
    let address = serve_page(Some(&world.tls())).await;
    let peer = TcpStream::connect(address).await.expect("connected");
    let answer = get_page(peer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    assert_eq!(
        body,
        r#"{"error":"tls_required","message":"this port speaks TLS: call it with https"}"#
    );
    assert!(answer.contains(&format!("content-length: {}\r\n", body.len())));

    let (h2, address) = port(Some(&world.tls()), Protocol::Http2).await;
    tokio::spawn(async move { listener(h2).accept().await });
    let mut peer = TcpStream::connect(address).await.expect("connected");
    peer.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.expect("sent");
    let answer = all_that_comes(peer).await;
    // An empty SETTINGS frame, and GOAWAY with INADEQUATE_SECURITY (RFC 9113, section 7).
    let (settings, go_away) = answer.split_at(9);
    assert_eq!(settings, b"\x00\x00\x00\x04\x00\x00\x00\x00\x00");
    assert_eq!(&go_away[..4], b"\x00\x00\x1c\x07");
    assert_eq!(&go_away[9..], b"\x00\x00\x00\x00\x00\x00\x00\x0cthis port speaks TLS");

    let log = log.end();
    assert_eq!(log.matches(" speaks no TLS to 127.0.0.1:").count(), 2, "{log}");
}

#[tokio::test]
async fn a_peer_with_tls_is_told_in_the_log_where_nobody_speaks_it() {
    let (world, log) = (World::new(), Log::start());
    let address = serve_page(None).await;
    let connected = world.authority.client(None, "http/1.1").connect(address).await;
    assert!(connected.is_err());
    let peer = TcpStream::connect(address).await.expect("connected");
    assert!(get_page(peer).await.expect("an answer").ends_with("the page"));
    let log = log.end();
    assert_eq!(log.matches(" speaks TLS to 127.0.0.1:").count(), 1, "{log}");
}

fn listener(port: impl Into<flowguard::listener::Port>) -> Listener {
    let limits = ConnectionLimits {
        connections_max: 8,
        read_timeout: None,
        idle_timeout: None,
        unread_timeout: UNREAD_TIMEOUT,
    };
    Listener::new(port, limits)
}

/// What the server knows of a peer that shows this, or nothing.
async fn known(world: &World, shown: Option<&Pair>) -> ConnectionInfo {
    let (port, address) = port(Some(&world.tls()), Protocol::Http1).await;
    let client = world.authority.client(shown, "http/1.1");
    let mut listener = listener(port);
    let (connection, stream) = tokio::join!(listener.accept(), client.connect(address));
    drop(stream.expect("a handshake"));
    connection.info()
}

#[tokio::test]
async fn a_peer_is_known_by_the_names_and_the_digest_of_its_certificate() {
    let world = World::new();
    let envoys = Authority::new("envoys");
    let uri = "spiffe://example.org/ns/flowguard/sa/envoy";
    let pair = envoys.issue(&["10.0.0.1", "envoy.example.org", uri, "https://other.example.org"]);
    assert_eq!(known(&world, Some(&pair)).await.certificate, None, "nobody asks for it");

    world.ask_for_certificates_of(&envoys);
    let subject = known(&world, Some(&pair)).await.certificate.expect("a certificate");
    assert_eq!(subject.uri.as_deref(), Some(uri));
    assert_eq!(subject.dns.as_deref(), Some("envoy.example.org"));
    assert_eq!(subject.to_string(), uri);
    assert_eq!(subject.digest.to_string().len(), 64);

    let nameless = known(&world, Some(&envoys.issue(&[]))).await.certificate.expect("one");
    assert_eq!((nameless.uri.as_ref(), nameless.dns.as_ref()), (None, None));
    assert_eq!(nameless.to_string(), format!("sha256:{}", nameless.digest));
    assert_ne!(nameless.digest, subject.digest);

    assert_eq!(known(&world, None).await.certificate, None, "it need not have one");
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_ends_the_handshake_with_a_line() {
    let (world, log) = (World::new(), Log::start());
    world.ask_for_certificates_of(&Authority::new("envoys"));
    let address: SocketAddr = serve_page(Some(&world.tls())).await;
    let forged = Authority::new("envoys").issue(&["spiffe://example.org/envoy"]);
    let client = world.authority.client(Some(&forged), "http/1.1");
    // In TLS 1.3 a client hears of it when it reads.
    let answer = match client.connect(address).await {
        Ok(stream) => get_page(stream).await,
        Err(error) => Err(error),
    };
    assert!(answer.is_err(), "{answer:?}");
    let log = log.end();
    assert_eq!(log.matches("no TLS between 127.0.0.1:").count(), 1, "{log}");
    assert!(log.contains("invalid peer certificate"), "{log}");
}

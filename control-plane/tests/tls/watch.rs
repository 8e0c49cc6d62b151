//! Files that change while they are watched.

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use axum::{Router, body::Body, http::Request};
use flowguard::{
    auth::Lock,
    health::Health,
    http::Access,
    ledger::{Ledger, Policy, SystemClock},
    metrics,
    tls::{Tls, TlsMetrics},
};
use harness::{
    deadline::{eventually, eventually_equal},
    pki::{Authority, Pair, put},
};
use prometheus::Registry;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::world::{Log, World, get_page, serve_page};

const DAY: Duration = Duration::from_hours(24);

struct Watched {
    world: World,
    address: SocketAddr,
    page: Router,
}

impl Watched {
    async fn start(world: World) -> Self {
        let tls: Tls = world.tls();
        let address = serve_page(Some(&tls)).await;
        let (health, registry) = (Health::ready(), Registry::new());
        let told = TlsMetrics::register(&registry).expect("metrics");
        tokio::spawn(tls.watch(health.clone(), told).run(CancellationToken::new()));
        let ledger = Ledger::new(Policy::default(), SystemClock::start()).into();
        let page = metrics::router(ledger, registry, health, &Access::default(), &Lock::open());
        Self { world, address, page }
    }

    fn write(&self, pair: &Pair) {
        pair.write(&self.world.file("cert.pem"), &self.world.file("key.pem"));
    }

    /// The certificate that a new connection is shown.
    async fn shown(&self) -> Vec<u8> {
        let client = self.world.authority.client(None, "http/1.1");
        let stream = client.connect(self.address).await.expect("a handshake");
        let (_, session) = stream.get_ref();
        session.peer_certificates().expect("a certificate")[0].to_vec()
    }

    async fn get(&self, path: &str) -> String {
        let request = Request::get(path).header("host", "localhost").body(Body::empty());
        let answer = self.page.clone().oneshot(request.expect("a request")).await;
        let body = answer.expect("an answer").into_body();
        let body = axum::body::to_bytes(body, usize::MAX).await.expect("a body");
        String::from_utf8(body.into()).expect("text")
    }

    async fn health(&self) -> Value {
        serde_json::from_str(&self.get("/health").await).expect("JSON")
    }

    /// Why it is degraded, once it is.
    async fn reason(&self) -> String {
        let told = async || Some(self.health().await["reasons"][0].as_str()?.to_owned());
        eventually("health is degraded", told).await
    }

    async fn metric(&self, name: &str) -> u64 {
        let page = self.get("/metrics").await;
        let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.expect("the metric").parse().expect("a number")
    }
}

fn der(pair: &Pair) -> Vec<u8> {
    use rustls::pki_types::{CertificateDer, pem::PemObject as _};
    CertificateDer::from_pem_slice(pair.cert.as_bytes()).expect("a certificate").to_vec()
}

#[tokio::test]
async fn a_new_pair_is_shown_to_new_connections_and_those_that_are_open_stay() {
    let watched = Watched::start(World::new()).await;
    let before = watched.world.pair.clone();
    assert_eq!(watched.shown().await, der(&before));
    let client = watched.world.authority.client(None, "http/1.1");
    let mut open = client.connect(watched.address).await.expect("a handshake");
    open.write_all(b"G").await.expect("sent");

    let now = SystemTime::now();
    let names = &["127.0.0.1"];
    let after = watched.world.authority.issue_valid(names, now - DAY, now + 7 * DAY);
    watched.write(&after);
    eventually_equal("what is shown", der(&after), || watched.shown()).await;
    open.write_all(b"ET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut open, &mut answer).await.expect("an answer");
    assert!(answer.ends_with("the page"), "{answer}");
    assert_eq!(watched.health().await["status"], "healthy");

    let seconds = |at: SystemTime| at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let not_before = "flowguard_tls_certificate_not_before_timestamp_seconds";
    let not_after = "flowguard_tls_certificate_not_after_timestamp_seconds";
    assert_eq!(watched.metric(not_before).await, seconds(now - DAY));
    assert_eq!(watched.metric(not_after).await, seconds(now + 7 * DAY));
}

#[tokio::test]
async fn a_wrong_pair_leaves_the_one_before_in_force_until_it_is_right() {
    let (watched, log) = (Watched::start(World::new()).await, Log::start());
    let before = watched.shown().await;
    put(&watched.world.file("cert.pem"), "no certificate");
    let reason = watched.reason().await;
    assert_eq!(watched.shown().await, before);
    assert_eq!(watched.health().await["status"], "degraded");
    assert!(
        reason.starts_with("TLS_CERT_FILE=") && reason.contains("has no certificate"),
        "{reason}"
    );
    assert!(reason.contains("; the certificate before stays in force, valid until 20"), "{reason}");

    let after = watched.world.authority.issue(&["127.0.0.1"]);
    watched.write(&after);
    eventually_equal("what is shown", der(&after), || watched.shown()).await;
    assert_eq!(watched.health().await["status"], "healthy");
    let log = log.end();
    assert_eq!(log.matches(" WARN ").count(), 1, "{log}");
    assert_eq!(log.matches("is shown to new connections").count(), 1, "{log}");
}

#[tokio::test]
async fn another_authority_of_callers_holds_for_new_connections() {
    let world = World::new();
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    world.ask_for_certificates_of(&old);
    let watched = Watched::start(world).await;
    let world = &watched.world;
    let answered = async |authority: &Authority| {
        let pair = authority.issue(&["envoy"]);
        let client = world.authority.client(Some(&pair), "http/1.1");
        match client.connect(watched.address).await {
            Ok(stream) => get_page(stream).await.is_ok(),
            Err(_) => false,
        }
    };
    let both = async || (answered(&old).await, answered(&new).await);
    assert_eq!(both().await, (true, false));
    put(&world.file("client-ca.pem"), &[old.pem(), new.pem()].concat());
    eventually_equal("both", (true, true), both).await;
    world.ask_for_certificates_of(&new);
    eventually_equal("the new one", (false, true), both).await;
}

#[tokio::test]
async fn a_certificate_that_expires_is_told() {
    let world = World::new();
    let now = SystemTime::now();
    let pair = world.authority.issue_valid(&["127.0.0.1"], now - DAY, now + Duration::from_secs(2));
    pair.write(&world.file("cert.pem"), &world.file("key.pem"));
    let watched = Watched::start(world).await;
    assert_eq!(watched.health().await["status"], "healthy");
    let reason = watched.reason().await;
    assert!(reason.starts_with("the certificate in TLS_CERT_FILE has expired at 20"), "{reason}");
}

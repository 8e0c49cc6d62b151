//! Who may ask for decisions: with an authority of callers, whoever shows a certificate of it.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use flowguard::{
    auth::Lock,
    decisions::{self, StreamMetrics},
    health::Health,
    ledger::{Ledger, Policy, SystemClock},
    tls::{Protocol, TlsMetrics},
};
use futures_util::{FutureExt as _, stream};
use harness::pki::{Authority, TlsClient};
use hyper_util::rt::TokioIo;
use prometheus::Registry;
use proto::decision::{
    Ask, ControlFrame, FilterFrame, Hello, ask::Who, decision_service_client::DecisionServiceClient,
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::{
    Code, Status, Streaming,
    transport::{Channel, Uri},
};
use tower::service_fn;

use crate::world::{World, port};

const DAY: Duration = Duration::from_hours(24);

async fn serve(world: &World) -> (SocketAddr, Arc<Ledger>) {
    let tls = world.tls();
    let (port, address) = port(Some(&tls), Protocol::Http2).await;
    let told = TlsMetrics::register(&Registry::new()).expect("metrics");
    tokio::spawn(tls.watch(Health::ready(), told).run(CancellationToken::new()));
    let ledger = Arc::new(Ledger::new(Policy::default(), SystemClock::start()));
    let metrics = StreamMetrics::register(&Registry::new()).expect("metrics");
    let shutdown = CancellationToken::new();
    tokio::spawn(decisions::serve_on_own_thread(
        port,
        Arc::clone(&ledger),
        metrics,
        Lock::open(),
        std::future::ready(()),
        shutdown,
    ));
    (address, ledger)
}

/// What the first frame of a worker is answered: how many verdicts come.
async fn ask(address: SocketAddr, client: TlsClient) -> Result<usize, Status> {
    Ok(open(address, client).await?.0)
}

/// The same, with the stream, which the worker keeps open.
async fn open(
    address: SocketAddr,
    client: TlsClient,
) -> Result<(usize, Streaming<ControlFrame>), Status> {
    let connector = service_fn(move |_: Uri| {
        let client = client.clone();
        async move { client.connect(address).await.map(TokioIo::new) }
    });
    let endpoint = Channel::from_static("http://decisions");
    let channel = endpoint.connect_with_connector(connector).await;
    let channel = channel.map_err(|error| Status::unavailable(error.to_string()))?;
    let first = FilterFrame {
        hello: Some(Hello { protocol_version: 1, node: "test".into(), ..Hello::default() }),
        asks: vec![Ask {
            id: 1,
            who: Some(Who::ClientId("a".into())),
            tokens: Some(1),
            ..Ask::default()
        }],
        ..FilterFrame::default()
    };
    let frames = futures_util::StreamExt::chain(stream::iter([first]), stream::pending());
    let mut answers = DecisionServiceClient::new(channel).decide(frames).await?.into_inner();
    let answer = timeout(Duration::from_secs(10), answers.message()).await;
    Ok((answer.expect("in time")?.expect("a frame").verdicts.len(), answers))
}

/// Waits until the control plane ends a stream.
async fn ended(mut stream: Streaming<ControlFrame>) {
    let wait = async { while let Ok(Some(_)) = stream.message().await {} };
    timeout(Duration::from_secs(20), wait).await.expect("it ends");
}

#[tokio::test]
async fn the_decision_port_refuses_a_stranger_before_it_reads_a_frame() {
    let world = World::new();
    let envoys = Authority::new("envoys");
    world.ask_for_certificates_of(&envoys);
    let (address, ledger) = serve(&world).await;
    let refusal = ask(address, world.authority.client(None, "h2")).await.expect_err("a stranger");
    assert_eq!(refusal.code(), Code::Unauthenticated);
    assert!(refusal.message().starts_with("no client certificate: show one"), "{refusal:?}");

    let forged = Authority::new("envoys").issue(&["envoy"]);
    let refusal = ask(address, world.authority.client(Some(&forged), "h2")).await;
    assert!(refusal.is_err(), "{refusal:?}");
    assert_eq!(ledger.held(), 0, "nothing was asked for them");

    let known = envoys.issue(&["envoy"]);
    let verdicts = ask(address, world.authority.client(Some(&known), "h2")).await;
    assert_eq!(verdicts.expect("answered"), 1);
}

/// Whoever had stolen an Envoy's key kept its stream until the control plane was restarted.
#[tokio::test]
async fn a_stream_ends_when_nobody_vouches_for_its_certificate_any_more() {
    let world = World::new();
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    world.ask_for_certificates_of(&old);
    let (address, _) = serve(&world).await;
    let (stolen, renewed) = (old.issue(&["envoy"]), new.issue(&["envoy"]));
    let shows = |pair| world.authority.client(Some(pair), "h2");
    let (verdicts, stream) = open(address, shows(&stolen)).await.expect("answered");
    assert_eq!(verdicts, 1);

    world.ask_for_certificates_of(&new);
    ended(stream).await;
    assert!(ask(address, shows(&stolen)).await.is_err(), "it comes in no more");
    assert_eq!(ask(address, shows(&renewed)).await.expect("answered"), 1);
}

#[tokio::test]
async fn a_stream_ends_when_its_certificate_expires_and_others_stay() {
    let world = World::new();
    let envoys = Authority::new("envoys");
    world.ask_for_certificates_of(&envoys);
    let (address, _) = serve(&world).await;
    let now = SystemTime::now();
    let short = envoys.issue_valid(&["envoy"], now - DAY, now + Duration::from_secs(4));
    let shows = |pair| world.authority.client(Some(pair), "h2");
    let (_, stream) = open(address, shows(&short)).await.expect("answered");
    let long = envoys.issue(&["envoy"]);
    let (_, mut other) = open(address, shows(&long)).await.expect("answered");
    ended(stream).await;
    assert!(SystemTime::now() >= now + Duration::from_secs(3), "not before it expired");
    assert!(other.message().now_or_never().is_none(), "the other is open");
}

#[tokio::test]
async fn without_an_authority_of_callers_whoever_speaks_tls_is_answered() {
    let world = World::new();
    let (address, _) = serve(&world).await;
    let verdicts = ask(address, world.authority.client(None, "h2")).await;
    assert_eq!(verdicts.expect("answered"), 1);
}

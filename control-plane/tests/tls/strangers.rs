//! Who may ask for decisions: with an authority of callers, whoever shows a certificate of it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use flowguard::{
    auth::Lock,
    decisions::{self, StreamMetrics},
    ledger::{Ledger, Policy, SystemClock},
    tls::Protocol,
};
use futures_util::stream;
use harness::pki::{Authority, TlsClient};
use hyper_util::rt::TokioIo;
use prometheus::Registry;
use proto::decision::{
    Ask, FilterFrame, Hello, ask::Who, decision_service_client::DecisionServiceClient,
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::{
    Code, Status,
    transport::{Channel, Uri},
};
use tower::service_fn;

use crate::world::{World, port};

async fn serve(world: &World) -> (SocketAddr, Arc<Ledger>) {
    let (port, address) = port(Some(&world.tls()), Protocol::Http2).await;
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
    let answers = DecisionServiceClient::new(channel).decide(frames).await?;
    let answer = timeout(Duration::from_secs(10), answers.into_inner().message()).await;
    Ok(answer.expect("in time")?.expect("a frame").verdicts.len())
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

#[tokio::test]
async fn without_an_authority_of_callers_whoever_speaks_tls_is_answered() {
    let world = World::new();
    let (address, _) = serve(&world).await;
    let verdicts = ask(address, world.authority.client(None, "h2")).await;
    assert_eq!(verdicts.expect("answered"), 1);
}

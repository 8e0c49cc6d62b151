//! The server where other control planes have the same store: whoever asks may go to them.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use flowguard::{
    auth::Lock,
    decisions::{self, StreamMetrics},
    ledger::{Ledger, ManualClock, Policy},
    store::shared::{
        Committer, Config, Link, SharedConfiguration, SharedStore, StoreMetrics, StoreUrl,
        client::Target,
    },
};
use prometheus::Registry;
use proto::decision::FilterFrame;
use tokio::{
    net::TcpListener,
    task::JoinHandle,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;
use tonic::{
    Code,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{
    stream::open_stream,
    world::{NOW, hello, ledger},
};

/// How long a stream stays: ten minutes, give or take a fifth.
const SHORTEST: Duration = Duration::from_mins(8);
const LONGEST: Duration = Duration::from_mins(12);

/// A ledger with a store, which nobody has to be asked for a hello.
fn sharing() -> Arc<Ledger> {
    let url = StoreUrl::parse("redis://127.0.0.1:1").unwrap();
    let link = || Link::new(Target::plain(url.topology.clone()), "{flowguard}:");
    let metrics = StoreMetrics::register(&Registry::new()).unwrap();
    let (committer, _) = Committer::new(link(), &Config::default(), metrics);
    let configuration = Arc::new(SharedConfiguration::new(link()));
    let store = SharedStore::new(configuration, committer, Arc::new(link()));
    Arc::new(Ledger::sharing(Policy::default(), ManualClock::at(NOW), store, false))
}

struct Served {
    address: SocketAddr,
    shutdown: CancellationToken,
    server: JoinHandle<Result<(), tonic::transport::Error>>,
}

/// On the clock of the test, which a thread of its own would not have.
async fn serve(ledger: Arc<Ledger>) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let metrics = StreamMetrics::register(&Registry::new()).unwrap();
    let served = decisions::serve(listener, ledger, metrics, Lock::open(), shutdown.clone());
    Served { address, shutdown, server: tokio::spawn(served) }
}

fn greeting() -> FilterFrame {
    FilterFrame { hello: Some(hello()), ..FilterFrame::default() }
}

/// How long a stream stays on which nothing happens.
async fn stays(served: &Served) -> Duration {
    let (_frames, mut answers) = open_stream(served.address, greeting()).await;
    answers.message().await.unwrap().expect("a welcome");
    let opened = Instant::now();
    let end = answers.message().await.expect("it ends in order");
    assert!(end.is_none(), "{end:?}");
    opened.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_asked_to_move_after_ten_minutes_give_or_take_a_fifth() {
    let served = serve(sharing()).await;
    let mut times = Vec::new();
    for _ in 0..40 {
        times.push(stays(&served).await);
    }
    times.sort_unstable();
    let (shortest, longest) = (times[0], times[times.len() - 1]);
    // What moves the clock on is a timer, of which the next may be a little later.
    let latest = LONGEST + Duration::from_secs(1);
    assert!(shortest >= SHORTEST && longest <= latest, "{times:?}");
    // Not all move at once.
    assert!(longest > shortest + Duration::from_mins(2), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_stays_for_ever_where_there_is_nobody_else() {
    let served = serve(ledger(ManualClock::at(NOW))).await;
    let an_hour = Duration::from_hours(1);
    timeout(an_hour, stays(&served)).await.expect_err("it stays");
}

/// As an Envoy asks that has one connection for all its questions, and names no service.
async fn health(channel: &Channel, service: &str) -> Result<ServingStatus, Code> {
    let question = HealthCheckRequest { service: service.to_owned() };
    let answer = HealthClient::new(channel.clone()).check(question).await;
    answer.map(|answer| answer.into_inner().status()).map_err(|status| status.code())
}

async fn connect(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_envoy_hears_that_a_control_plane_stops_while_it_still_serves_and_then_goes_elsewhere() {
    let served = serve(sharing()).await;
    let channel = connect(served.address).await;
    assert_eq!(health(&channel, "").await, Ok(ServingStatus::Serving));
    // No service has a health of its own.
    assert_eq!(
        health(&channel, "flowguard.decision.v1.DecisionService").await,
        Err(Code::NotFound)
    );

    let stops = Instant::now();
    served.shutdown.cancel();
    assert_eq!(health(&channel, "").await, Ok(ServingStatus::NotServing));
    let (_frames, mut answers) = open_stream(served.address, greeting()).await;
    answers.message().await.unwrap().expect("it still welcomes who comes");
    // Envoys ask once a second.
    assert!(stops.elapsed() < Duration::from_secs(1));
    assert_eq!(answers.message().await.unwrap(), None);
    assert!(stops.elapsed() > Duration::from_secs(1), "{:?}", stops.elapsed());
    served.server.await.unwrap().unwrap();
    assert_eq!(health(&channel, "").await, Err(Code::Unavailable));
}

#[tokio::test(start_paused = true)]
async fn where_there_is_nobody_else_a_control_plane_stops_at_once_whoever_watches_its_health() {
    let served = serve(ledger(ManualClock::at(NOW))).await;
    let channel = connect(served.address).await;
    let question = HealthCheckRequest { service: String::new() };
    let watched = HealthClient::new(channel).watch(question).await;
    let mut watched = watched.unwrap().into_inner();
    assert_eq!(watched.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    let stops = Instant::now();
    served.shutdown.cancel();
    served.server.await.unwrap().unwrap();
    assert!(stops.elapsed() < Duration::from_secs(1), "{:?}", stops.elapsed());
}

//! Section 4 of docs/contract.md, through real gRPC clients.

use std::{net::SocketAddr, sync::Arc};

use flowguard::{auth::Lock, ledger::Answer, operator::grpc};
use futures_util::stream;
use limiter::UnixMillis;
use proto::api::{
    ClientConfig, ClientStats, DeleteClientRequest, GetClientConfigRequest, GetClientStatsRequest,
    ListClientsRequest, SetClientConfigRequest, flow_guard_service_client::FlowGuardServiceClient,
};
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::{v1, v1alpha};

use crate::{
    store::FailingStore,
    world::{World, refused},
};

pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    channel: Channel,
    shutdown: CancellationToken,
    server: JoinHandle<Result<(), grpc::ServeError>>,
}

pub(crate) async fn serve(world: &World) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let shutdown = CancellationToken::new();
    let (operator, health) = (Arc::clone(&world.operator), world.health.clone());
    let serving = grpc::serve(listener, operator, health, Lock::open(), shutdown.clone());
    let server = tokio::spawn(serving);
    Served { address, channel: connect(address).await, shutdown, server }
}

pub(crate) async fn connect(address: SocketAddr) -> Channel {
    let endpoint = Channel::from_shared(format!("http://{address}")).expect("a URI");
    endpoint.connect().await.expect("connected")
}

impl Served {
    pub(crate) fn client(&self) -> FlowGuardServiceClient<Channel> {
        FlowGuardServiceClient::new(self.channel.clone())
    }

    async fn set(&self, config: Option<ClientConfig>) -> Result<String, Status> {
        let answer = self
            .client()
            .set_client_config(SetClientConfigRequest { config, ..Default::default() })
            .await?;
        let answer = answer.into_inner();
        assert!(answer.success);
        Ok(answer.message)
    }

    async fn get(&self, client_id: &str) -> Option<ClientConfig> {
        let request = GetClientConfigRequest { client_id: client_id.to_owned() };
        let answer = self.client().get_client_config(request).await.expect("answered").into_inner();
        assert_eq!(answer.found, answer.config.is_some());
        answer.config
    }

    async fn stats(&self, client_id: &str) -> Option<ClientStats> {
        let request = GetClientStatsRequest { client_id: client_id.to_owned() };
        let answer = self.client().get_client_stats(request).await.expect("answered").into_inner();
        assert_eq!(answer.found, answer.stats.is_some());
        answer.stats
    }

    async fn delete(&self, client_id: &str) -> Result<(bool, String), Status> {
        let request = DeleteClientRequest { client_id: client_id.to_owned(), ..Default::default() };
        let answer = self.client().delete_client(request).await?.into_inner();
        Ok((answer.success, answer.message))
    }
}

fn config(id: &str, rpm: Option<i64>, tpm: Option<i64>) -> ClientConfig {
    let client_id = id.to_owned();
    ClientConfig { client_id, rpm, tpm, enabled: Some(true), ..Default::default() }
}

#[tokio::test]
async fn a_client_is_set_shown_replaced_and_deleted() {
    let served = serve(&World::new()).await;
    let first = config("a", Some(60), Some(1_000));
    assert_eq!(served.set(Some(first.clone())).await.unwrap(), "Client a was created");
    assert_eq!(served.get("a").await, Some(first));
    let second =
        ClientConfig { enabled: Some(false), ..config("a", None, Some(1_000_000_000_000)) };
    assert_eq!(
        served.set(Some(second.clone())).await.unwrap(),
        "Client a was replaced: rpm 60 was taken away; it is not limited while enabled is false"
    );
    assert_eq!(served.get("a").await, Some(second));

    assert_eq!(served.delete("a").await.unwrap(), (true, "Client a was deleted".to_owned()));
    for id in ["a", "", "not an id", "unknown"] {
        assert_eq!(served.delete(id).await.unwrap(), (false, "Client not found".to_owned()));
        assert_eq!(served.get(id).await, None);
        assert_eq!(served.stats(id).await, None);
    }
}

#[tokio::test]
async fn what_one_api_writes_the_other_reads_at_once() {
    let world = World::new();
    let served = serve(&world).await;
    served.set(Some(config("a", Some(60), None))).await.unwrap();
    let json = r#"{"client_id":"a","rpm":60,"tpm":null,"enabled":true}"#;
    world.get("/api/v1/clients/a").await.is(200, json);

    world.put("/api/v1/clients/a", r#"{"tpm":5,"enabled":false}"#).await;
    let expected = ClientConfig { enabled: Some(false), ..config("a", None, Some(5)) };
    assert_eq!(served.get("a").await, Some(expected));
    world.delete("/api/v1/clients/a").await;
    assert_eq!(served.get("a").await, None);
}

#[tokio::test]
async fn what_is_invalid_is_told_in_the_words_of_rest() {
    let world = World::new();
    let served = serve(&world).await;
    for (id, rpm, tpm) in [
        ("", None, None),
        ("a b", Some(0), Some(-1)),
        ("unknown", Some(i64::MAX), Some(i64::MIN)),
        ("a\u{202e}\0\"\\", None, Some(1_000_000_000_001)),
        (&"ü".repeat(1_000), None, None),
    ] {
        let status = refused(served.set(Some(config(id, rpm, tpm))).await);
        assert_eq!(status.code(), Code::InvalidArgument);
        let body = serde_json::json!({"client_id": id, "rpm": rpm, "tpm": tpm, "enabled": true});
        let (_, _, message) = world.post("/api/v1/clients", body.to_string()).await.error();
        assert_eq!(status.message(), message);
    }
    let status = refused(served.set(None).await);
    assert_eq!((status.code(), status.message()), (Code::InvalidArgument, "config is required"));
    assert!(world.ledger.is_empty());
}

#[tokio::test]
async fn an_omitted_enabled_is_true_and_the_answer_says_so() {
    let world = World::new();
    let served = serve(&world).await;
    let omitted = ClientConfig { enabled: None, ..config("a", Some(1), None) };
    assert_eq!(
        served.set(Some(omitted.clone())).await.unwrap(),
        "Client a was created; enabled (not given) is true"
    );
    assert_eq!(served.get("a").await, Some(config("a", Some(1), None)));
    let disabled = ClientConfig { enabled: Some(false), ..omitted.clone() };
    served.set(Some(disabled.clone())).await.unwrap();
    assert_eq!(served.get("a").await, Some(disabled));
    assert_eq!(
        served.set(Some(omitted)).await.unwrap(),
        "Client a was replaced; enabled (not given) is true"
    );
}

#[tokio::test]
async fn a_floor_for_estimates_is_set_shown_and_taken_away() {
    let world = World::new();
    let served = serve(&world).await;
    let floor = ClientConfig { min_estimate: Some(0), ..config("a", Some(1), None) };
    served.set(Some(floor.clone())).await.unwrap();
    assert_eq!(served.get("a").await, Some(floor.clone()));
    assert_eq!(
        served.set(Some(config("a", Some(1), None))).await.unwrap(),
        "Client a was replaced: min_estimate 0 was taken away"
    );
    assert_eq!(served.get("a").await.unwrap().min_estimate, None);
    let negative = ClientConfig { min_estimate: Some(-1), ..floor };
    assert_eq!(
        refused(served.set(Some(negative)).await).message(),
        "min_estimate must be null or an integer from 0 to 1000000000000, not -1"
    );
}

#[tokio::test]
async fn clients_are_listed_by_id_each_with_its_statistics() {
    let world = World::new();
    world.at(UnixMillis(4_102_444_800_999));
    world.configure("b", Some(2), Some(100)).await;
    world.configure("a", None, None).await;
    world.complete("b", 10, 1_500);
    assert!(matches!(world.ask("b", 91), Answer::Refused { .. }));
    let _held = world.ask_admitted("b", 10);
    assert!(matches!(world.ask("b", 1), Answer::Refused { .. }));
    let served = serve(&world).await;

    let list =
        served.client().list_clients(ListClientsRequest::default()).await.unwrap().into_inner();
    assert_eq!(list.clients, [config("a", None, None), config("b", Some(2), Some(100))]);
    let a = ClientStats { client_id: "a".to_owned(), ..Default::default() };
    let b = ClientStats {
        client_id: "b".to_owned(),
        total_requests: 4,
        success_requests: 2,
        dropped_requests: 2,
        rpm_dropped: 1,
        tpm_dropped: 1,
        tokens_used: 10,
        rpm_remaining: Some(0),
        tpm_remaining: Some(80),
        last_request_time: 4_102_444_800,
        avg_latency_ms: 1.5,
        learned_estimate: None,
        tpm_balance: Some(80),
        ..Default::default()
    };
    assert_eq!(list.stats, [a, b.clone()]);
    assert_eq!(served.stats("b").await, Some(b));
}

#[tokio::test]
async fn a_message_that_is_too_large_is_not_read() {
    let world = World::new();
    let served = serve(&world).await;
    let id = "a".repeat(256 * 1024);
    let status = refused(served.set(Some(config(&id, None, None))).await);
    assert_eq!(status.code(), Code::OutOfRange);
}

#[tokio::test]
async fn a_write_that_is_not_stored_is_neither_acknowledged_nor_in_force() {
    let store = FailingStore::default();
    let world = World::with_store(store.clone());
    world.configure("a", None, None).await;
    let served = serve(&world).await;
    store.break_down();
    let refusals = [
        refused(served.set(Some(config("b", None, None))).await),
        refused(served.delete("a").await),
    ];
    for status in refusals {
        let message = "the configuration could not be stored, so that it is not in force";
        assert_eq!((status.code(), status.message()), (Code::Unavailable, message));
    }
    assert!(world.ledger.config("a").is_some());
    assert!(world.ledger.config("b").is_none());
}

fn health_of(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

#[tokio::test]
async fn health_is_told_until_the_last_call_and_watchers_do_not_hold_up_the_end() {
    const SERVICES: [&str; 2] = ["", "flowguard.FlowGuardService"];
    let world = World::new();
    let served = serve(&world).await;
    let mut client = HealthClient::new(served.channel.clone());
    let mut watched = client.watch(health_of(SERVICES[1])).await.unwrap().into_inner();
    assert_eq!(watched.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    for service in SERVICES {
        let answer = client.check(health_of(service)).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving);
    }

    world.health.stop();
    assert_eq!(watched.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    for service in SERVICES {
        let answer = client.check(health_of(service)).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::NotServing);
    }

    served.shutdown.cancel();
    assert!(watched.message().await.unwrap().is_none());
    served.server.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_says_nothing_is_closed() {
    let served = serve(&World::new()).await;
    let started = Instant::now();
    let mut peer = TcpStream::connect(served.address).await.unwrap();
    let mut said = Vec::new();
    peer.read_to_end(&mut said).await.unwrap();
    assert!(started.elapsed().as_secs() <= 61, "after {:?}", started.elapsed());
}

#[tokio::test]
async fn reflection_shows_the_public_api_and_hides_the_decision_stream() {
    let served = serve(&World::new()).await;

    macro_rules! check {
        ($version:ident, $service:literal) => {{
            use $version::{
                ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
                server_reflection_request::MessageRequest as Ask,
                server_reflection_response::MessageResponse as Told,
            };
            let ask = async |ask| {
                let request =
                    ServerReflectionRequest { host: String::new(), message_request: Some(ask) };
                let mut client = ServerReflectionClient::new(served.channel.clone());
                let asked = stream::iter([request]);
                let mut told = client.server_reflection_info(asked).await.unwrap().into_inner();
                told.message().await.map(|told| told.unwrap().message_response.unwrap())
            };
            let Ok(Told::ListServicesResponse(listed)) =
                ask(Ask::ListServices(String::new())).await
            else {
                panic!("no list")
            };
            let mut listed: Vec<_> =
                listed.service.into_iter().map(|service| service.name).collect();
            listed.sort();
            assert_eq!(listed, ["flowguard.FlowGuardService", "grpc.health.v1.Health", $service]);

            for shown in ["flowguard.FlowGuardService", "flowguard.ClientStats.rpm_remaining"] {
                let told = ask(Ask::FileContainingSymbol(shown.to_owned())).await;
                assert!(matches!(told, Ok(Told::FileDescriptorResponse(_))), "{shown}: {told:?}");
            }
            let hidden = ask(Ask::FileContainingSymbol(proto::DECISION_SERVICE.to_owned())).await;
            assert!(!matches!(hidden, Ok(Told::FileDescriptorResponse(_))), "{hidden:?}");
        }};
    }
    check!(v1, "grpc.reflection.v1.ServerReflection");
    check!(v1alpha, "grpc.reflection.v1alpha.ServerReflection");
}

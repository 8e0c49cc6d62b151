//! The four ports with TLS, the one without it, and the commands that call them.

use std::net::SocketAddr;

use harness::control_plane::ControlPlane;
use harness::deadline::soon;
use harness::http_client::HttpClient;
use harness::metrics::Metrics;
use harness::tools::flowguard;
use http::StatusCode;
use hyper_util::rt::TokioIo;
use proto::api::ListClientsRequest;
use proto::api::flow_guard_service_client::FlowGuardServiceClient;
use repository::read;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tonic::transport::{Endpoint, Uri};

use crate::world::World;

async fn get(world: &World, server: SocketAddr, path: &str) -> String {
    let stream = world.authority.client(None, "http/1.1").connect(server).await;
    let mut stream = stream.expect("a handshake");
    let request = format!("GET {path} HTTP/1.1\r\nhost: {server}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    soon("an answer", stream.read_to_string(&mut answer)).await.expect("an answer");
    answer
}

#[tokio::test]
async fn every_port_speaks_tls_but_that_of_health() {
    let world = World::new();
    let control_plane = ControlPlane::start(world.settings(), world.folder.path().to_owned()).await;

    let answer = get(&world, control_plane.rest_address(), "/api/v1/clients").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    let answer = get(&world, control_plane.metrics_address(), "/metrics").await;
    let page = Metrics::parse(answer.split_once("\r\n\r\n").expect("a body").1);
    let shape = page.shape();
    let lines = shape.lines().filter(|line| line.starts_with("flowguard_tls_"));
    let tls: Vec<_> = lines.map(|line| format!("{line}\n")).collect();
    assert_eq!(tls.concat(), read("tests/tests/golden/tls_metrics.txt"));

    let client = world.authority.client(None, "h2");
    let address = control_plane.grpc_address();
    let connector = tower::service_fn(move |_: Uri| {
        let client = client.clone();
        async move { client.connect(address).await.map(TokioIo::new) }
    });
    let channel = Endpoint::from_static("http://grpc").connect_with_connector(connector).await;
    let mut grpc = FlowGuardServiceClient::new(channel.expect("connected"));
    let clients = grpc.list_clients(ListClientsRequest::default()).await.expect("answered");
    assert_eq!(clients.into_inner().clients.len(), 3, "the demo clients");

    let health = HttpClient::http1(control_plane.health_address());
    assert_eq!(health.get("/ready").send().await.status, StatusCode::OK);
    assert_eq!(health.get("/api/v1/clients").send().await.status, StatusCode::NOT_FOUND);
    for address in [control_plane.rest_address(), control_plane.metrics_address()] {
        let answer = HttpClient::http1(address).get("/health").send().await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.json()["error"], "tls_required");
    }
}

#[tokio::test]
async fn commands_of_the_same_settings_find_the_control_plane_by_its_certificate() {
    let world = World::new();
    let control_plane = ControlPlane::start(world.settings(), world.folder.path().to_owned()).await;
    let run = |arguments: &[&str], file: &str| {
        let mut command = flowguard();
        command.env_clear();
        let port = control_plane.rest_address().port().to_string();
        let command = command.envs(world.settings()).env("CONFIG_PORT", port);
        let output = command.env("TLS_CERT_FILE", world.file(file)).args(arguments).output();
        let output = output.expect("flowguard runs");
        (output.status.code(), String::from_utf8(output.stderr).expect("text"))
    };
    assert_eq!(run(&["health"], "tls.crt"), (Some(0), String::new()));
    let backup = world.file("backup.jsonl").display().to_string();
    assert_eq!(run(&["data", "backup", &backup], "tls.crt").0, Some(0));

    let (code, said) = run(&["health"], "envoy.crt");
    assert_eq!(code, Some(1));
    assert!(said.starts_with("no control plane answers at 127.0.0.1:"), "{said}");
    assert!(said.contains("invalid peer certificate"), "{said}");
    let (code, said) = run(&["health"], "missing.crt");
    assert_eq!(code, Some(1));
    assert!(said.contains("missing.crt cannot be read"), "{said}");
}

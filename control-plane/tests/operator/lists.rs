//! Lists of many clients: whole and in order for who reads them, and nearly nothing for who does not.

use std::collections::BTreeSet;

use flowguard::clients::{ClientConfig, Limits};
use futures_util::future::join_all;
use http_body_util::BodyExt as _;
use limiter::ClientId;
use proto::api::{
    ClientConfig as Config, ListClientsRequest, ListClientsResponse, ListLimitsRequest,
    ListModelsRequest,
};
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    time::{Duration, timeout},
};
use tonic::{Code, Status};
use tower::ServiceExt as _;

use crate::{
    grpc,
    http_server::serve,
    world::{World, limit, refused},
};

const SOON: Duration = Duration::from_secs(20);

fn id(n: usize) -> String {
    format!("{n:0>128}")
}

/// So many clients, with ids of 128 characters.
fn large(clients: usize) -> World {
    let world = World::new();
    for n in 0..clients {
        let id = ClientId::try_from(id(n).as_str()).expect("an id");
        let limits = Limits { rpm: Some(limit(60)), tpm: Some(limit(1_000)) };
        let config = ClientConfig::new(id, limits);
        world.ledger.configure(&config);
    }
    world
}

#[tokio::test]
async fn a_large_installation_is_listed_whole_and_in_order() {
    let world = large(20_000);
    for (path, key) in [("/api/v1/clients", "clients"), ("/api/v1/stats", "stats")] {
        let reply = world.get(path).await;
        assert_eq!(reply.status, 200);
        let ids: Vec<_> =
            reply.body.split(r#""client_id":""#).skip(1).map(|at| &at[..128]).collect();
        assert!(ids.is_sorted(), "not in order");
        let list: Value = serde_json::from_str(&reply.body).expect("JSON");
        assert_eq!(list["count"], 20_000);
        let members = list[key].as_object().expect("an object");
        assert!(members.iter().all(|(id, member)| member["client_id"] == **id));
        assert_eq!(members.len(), 20_000);
    }
}

#[tokio::test]
async fn a_list_that_is_read_while_clients_come_and_go_has_all_that_stay() {
    let world = large(2_000);
    let request = axum::http::Request::get("/api/v1/clients").header("host", "localhost");
    let request = request.body(axum::body::Body::empty()).expect("a request");
    let mut body = world.rest().oneshot(request).await.expect("answered").into_body();
    let mut text = Vec::new();
    let mut gone = 0;
    while let Some(frame) = body.frame().await {
        text.extend_from_slice(&frame.expect("whole").into_data().expect("data"));
        // The client after which the list goes on may be gone when it does.
        while gone < 2_000 && gone < text.len() / 200 {
            world.ledger.remove(&id(gone));
            gone += 2;
        }
    }
    let list: Value = serde_json::from_slice(&text).expect("JSON");
    let listed: BTreeSet<_> = list["clients"].as_object().expect("an object").keys().collect();
    assert_eq!(list["count"], listed.len());
    assert!((1..2_000).step_by(2).all(|n| listed.contains(&id(n))));
}

async fn list(
    served: &grpc::Served,
    size: i32,
    token: &str,
) -> Result<ListClientsResponse, Status> {
    let page_token = token.to_owned();
    let request = ListClientsRequest { page_size: size, page_token, ..Default::default() };
    served.client().list_clients(request).await.map(tonic::Response::into_inner)
}

/// Reads all pages, and tells how long each was.
async fn all_pages(served: &grpc::Served, size: i32) -> (Vec<Config>, Vec<usize>) {
    let (mut clients, mut pages, mut token) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = list(served, size, &token).await.expect("a page");
        let ids = |id: &String| id.clone();
        assert!(
            page.clients
                .iter()
                .map(|c| ids(&c.client_id))
                .eq(page.stats.iter().map(|s| ids(&s.client_id)))
        );
        pages.push(page.clients.len());
        clients.extend(page.clients);
        match page.next_page_token {
            Some(next) => token = next,
            None => return (clients, pages),
        }
    }
}

#[tokio::test]
async fn a_few_clients_are_listed_in_one_answer_as_ever() {
    let world = large(500);
    let served = grpc::serve(&world).await;
    let (clients, pages) = all_pages(&served, 0).await;
    assert_eq!((clients.len(), pages), (500, vec![500]));
    let (clients, pages) = all_pages(&grpc::serve(&World::new()).await, 0).await;
    assert_eq!((clients.len(), pages), (0, vec![0]));
}

#[tokio::test]
async fn pages_have_the_size_that_was_asked_for_and_together_all_clients() {
    let world = large(500);
    let served = grpc::serve(&world).await;
    for (size, lengths) in [(200, vec![200, 200, 100]), (250, vec![250, 250]), (499, vec![499, 1])]
    {
        let (clients, pages) = all_pages(&served, size).await;
        assert_eq!(pages, lengths);
        assert!(clients.is_sorted_by(|a, b| a.client_id < b.client_id));
        assert_eq!(clients.len(), 500);
    }
    assert_eq!(all_pages(&served, 1).await.1.len(), 500);
}

#[tokio::test]
async fn an_answer_is_no_longer_than_libraries_read_by_default_and_says_where_to_go_on() {
    let world = large(20_000);
    // This client reads 4 MiB and not more.
    let (clients, pages) = all_pages(&grpc::serve(&world).await, i32::MAX).await;
    assert_eq!(clients.len(), 20_000);
    assert!(pages.len() > 1 && pages[0] > 9_000, "{pages:?}");
}

#[tokio::test]
async fn a_page_that_cannot_be_is_an_invalid_argument() {
    let served = grpc::serve(&large(1)).await;
    for (size, token, told) in [
        (-1, "", "page_size must be 0 (as many as fit into an answer) or above, not -1"),
        (
            0,
            "a b",
            "page_token must be an earlier answer's next_page_token, or absent, not \"a b\"",
        ),
    ] {
        let status = refused(list(&served, size, token).await);
        assert_eq!((status.code(), status.message()), (Code::InvalidArgument, told));
    }
    // A client that is gone meanwhile is a place to go on all the same.
    let page = list(&served, 0, "0").await.expect("answered");
    assert_eq!(page.clients.len(), 1);
}

#[tokio::test]
async fn pages_of_limits_and_models_are_read_on_and_behind_no_other_token() {
    let world = World::new();
    let models: serde_json::Map<_, _> =
        (0..120).map(|n| (format!("m{n:03}"), json!([format!("m{n:03}")]))).collect();
    let limit = |n: usize| json!({"name": format!("l{n:03}"), "match": {"plan": format!("p{n}")}, "concurrent": 1});
    let limits: Vec<_> = (0..120).map(limit).collect();
    let document = json!({"models": models, "limits": limits});
    assert_eq!(world.put("/api/v1/config", document.to_string()).await.status, 200);
    let served = grpc::serve(&world).await;
    let mut calls = served.client();
    for (token, count, next) in [("", 100, Some("99")), ("099", 20, None), ("500", 0, None)] {
        let of = |letter: &str| match token {
            "" => String::new(),
            token => format!("{letter}{token}"),
        };
        let next = |letter: &str| next.map(|next| format!("{letter}0{next}"));
        let request = ListLimitsRequest { page_token: of("l"), ..Default::default() };
        let page = calls.list_limits(request).await.expect("answered").into_inner();
        assert_eq!((page.limits.len(), page.next_page_token), (count, next("l")));
        let request = ListModelsRequest { page_token: of("m"), ..Default::default() };
        let page = calls.list_models(request).await.expect("answered").into_inner();
        assert_eq!((page.models.len(), page.next_page_token), (count, next("m")));
    }
    let told = "page_token must be an earlier answer's next_page_token, or absent, not \"a b\"";
    let page_token = "a b".to_owned();
    let prefix = String::new();
    let request =
        ListLimitsRequest { page_token: page_token.clone(), page_size: 1, prefix: prefix.clone() };
    let limits = refused(calls.list_limits(request).await);
    let request = ListModelsRequest { page_token, page_size: 1, prefix };
    let models = refused(calls.list_models(request).await);
    for status in [limits, models] {
        assert_eq!((status.code(), status.message()), (Code::InvalidArgument, told));
    }
}

#[tokio::test]
async fn readers_that_do_not_read_keep_nobody_from_reading() {
    let world = large(20_000);
    let rest = serve(world.rest()).await;
    let metrics = serve(world.metrics()).await;
    let mut silent = Vec::new();
    for (address, path) in [
        (rest.address, "/api/v1/clients"),
        (rest.address, "/api/v1/stats"),
        (metrics.address, "/metrics"),
    ] {
        // Each is written as much as its connection has room for, by one after the other.
        for _ in 0..8 {
            let mut peer = TcpStream::connect(address).await.expect("connected");
            let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
            peer.write_all(request.as_bytes()).await.expect("sent");
            silent.push(peer);
        }
    }
    let read = join_all([world.get("/api/v1/clients"), world.get("/api/v1/stats")]);
    for reply in timeout(SOON, read).await.expect("not kept waiting") {
        assert!(reply.body.ends_with(r#"},"count":20000}"#));
    }
}

//! Requests to the REST and metrics ports, each on a connection of its own.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, StatusCode, body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

pub(crate) async fn send(address: SocketAddr, request: Request<String>) -> Response<Incoming> {
    let stream = TcpStream::connect(address).await.expect("connected");
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.expect("a connection");
    tokio::spawn(connection);
    let request = request.map(|body| Full::new(Bytes::from(body)));
    sender.send_request(request).await.expect("answered")
}

/// The body of what is there.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Incoming {
    let request = Request::get(path).header("host", "localhost").body(String::new());
    let response = send(address, request.expect("a request")).await;
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    response.into_body()
}

/// A client is configured; the status of the answer.
pub(crate) async fn put(address: SocketAddr, client: &str, json: &str) -> StatusCode {
    let request = Request::put(format!("/api/v1/clients/{client}"))
        .header("host", "localhost")
        .header("content-type", "application/json")
        .body(json.to_owned());
    send(address, request.expect("a request")).await.status()
}

pub(crate) async fn text(body: Incoming) -> String {
    let body = body.collect().await.expect("whole").to_bytes();
    String::from_utf8(body.to_vec()).expect("text")
}

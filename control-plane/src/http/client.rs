//! One call to a server of this host.

use std::{io, net::SocketAddr};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::Empty;
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task};

/// What `GET path` is answered at `address`, whoever asks having shown this `Authorization`. The
/// connection ends with the answer's body.
pub(crate) async fn get(
    address: SocketAddr,
    path: &str,
    authorization: Option<HeaderValue>,
) -> io::Result<Response<Incoming>> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    // Where it fails, the answer or its body tells why.
    task::spawn(connection);
    let mut request = Request::get(path)
        .header(header::HOST, address.to_string())
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(io::Error::other)?;
    if let Some(authorization) = authorization {
        request.headers_mut().insert(header::AUTHORIZATION, authorization);
    }
    sender.send_request(request).await.map_err(io::Error::other)
}

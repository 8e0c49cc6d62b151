//! One call to a server of this host.

use std::{io, net::SocketAddr};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::Empty;
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task,
};

use crate::tls::{Config, Connector, TlsFileError};

/// Where a server of this host is, and how it is spoken to.
#[derive(Clone, Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// `None`: without TLS.
    tls: Option<Connector>,
}

impl Server {
    /// One without TLS.
    pub fn plain(address: SocketAddr) -> Self {
        Self { address, tls: None }
    }

    /// One that runs with these settings of TLS.
    pub fn with(address: SocketAddr, tls: &Config) -> Result<Self, TlsFileError> {
        Ok(Self { address, tls: Connector::of(tls)? })
    }

    /// What `GET path` is answered, whoever asks having shown this `Authorization`. The connection ends
    /// with the answer's body.
    pub(crate) async fn get(
        &self,
        path: &str,
        authorization: Option<HeaderValue>,
    ) -> io::Result<Response<Incoming>> {
        let tcp = TcpStream::connect(self.address).await?;
        match &self.tls {
            None => get(tcp, self.address, path, authorization).await,
            Some(tls) => {
                let stream = tls.connect(self.address.ip(), tcp).await?;
                get(stream, self.address, path, authorization).await
            }
        }
    }
}

async fn get(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    address: SocketAddr,
    path: &str,
    authorization: Option<HeaderValue>,
) -> io::Result<Response<Incoming>> {
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

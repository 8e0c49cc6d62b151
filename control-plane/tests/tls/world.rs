//! A folder with an authority's certificates, and servers that show them.

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc};

use axum::{Router, routing::get};
use flowguard::{
    http,
    listener::Port,
    tls::{Config, Protocol, Tls},
};
use harness::pki::{Authority, Pair, put};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_util::sync::CancellationToken;
use tracing::subscriber::{self, DefaultGuard};

pub(crate) struct World {
    pub(crate) authority: Authority,
    pub(crate) pair: Pair,
    folder: TempDir,
}

impl World {
    /// The files are there, but for that of the callers' authority.
    pub(crate) fn new() -> Self {
        let authority = Authority::new("test");
        let pair = authority.issue(&["127.0.0.1", "localhost"]);
        let world = Self { authority, pair, folder: TempDir::new().expect("a folder") };
        world.pair.write(&world.file("cert.pem"), &world.file("key.pem"));
        world
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The settings that name them; callers are asked for a certificate when their authority is
    /// there.
    pub(crate) fn config(&self) -> Config {
        let client_ca = self.file("client-ca.pem");
        Config {
            cert_file: Some(self.file("cert.pem")),
            key_file: Some(self.file("key.pem")),
            client_ca_file: client_ca.exists().then_some(client_ca),
        }
    }

    /// From now on callers are asked for a certificate that this authority signed.
    pub(crate) fn ask_for_certificates_of(&self, authority: &Authority) {
        put(&self.file("client-ca.pem"), authority.pem());
    }

    pub(crate) fn tls(&self) -> Tls {
        Tls::read(&self.config()).expect("files in order").expect("files")
    }
}

/// A port on which nobody accepts yet.
pub(crate) async fn port(tls: Option<&Tls>, protocol: Protocol) -> (Port, SocketAddr) {
    let tcp = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = tcp.local_addr().expect("an address");
    (Port::new(tcp, tls, protocol), address)
}

/// Serves a page until the test ends.
pub(crate) async fn serve_page(tls: Option<&Tls>) -> SocketAddr {
    let (port, address) = port(tls, Protocol::Http1).await;
    let page = Router::new().route("/", get(async || "the page"));
    tokio::spawn(http::serve(port, page, CancellationToken::new()));
    address
}

/// What `GET /` is answered on a stream that is open.
pub(crate) async fn get_page<S>(mut stream: S) -> io::Result<String>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8(answer).expect("text"))
}

/// What this thread logs while it lives.
pub(crate) struct Log {
    pipe: io::PipeReader,
    guard: DefaultGuard,
}

impl Log {
    pub(crate) fn start() -> Self {
        let (pipe, writer) = io::pipe().expect("a pipe");
        let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(Arc::new(writer));
        Self { pipe, guard: subscriber::set_default(lines.finish()) }
    }

    /// All that was logged.
    pub(crate) fn end(self) -> String {
        drop(self.guard);
        io::read_to_string(self.pipe).expect("text")
    }
}

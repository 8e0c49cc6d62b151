//! A connection as servers have it: what its peer says, with TLS or without.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use super::{places::ConnectionHandle, told::Told, wire::Wire};
use crate::tls::Shown;

/// An accepted connection; its place is free again when it is dropped.
#[derive(Debug)]
pub struct Connection {
    io: Io,
    info: ConnectionInfo,
}

#[derive(Debug)]
enum Io {
    /// With whoever is to be told when the peer begins with TLS, until it begins.
    Plain(Wire, Option<Told>),
    Tls(Box<TlsStream<Wire>>),
}

/// Where a connection comes from, and how it is told that it is at work; in every request's
/// extensions.
#[derive(Clone, Debug)]
pub struct ConnectionInfo {
    /// The peer's address.
    pub peer: Option<SocketAddr>,
    /// What certificate it showed, which was verified then.
    pub certificate: Option<Arc<Shown>>,
    /// The connection.
    pub handle: ConnectionHandle,
}

impl Connection {
    pub(super) fn plain(wire: Wire, told: Told) -> Self {
        let info = ConnectionInfo { peer: wire.peer(), certificate: None, handle: wire.handle() };
        Self { io: Io::Plain(wire, Some(told)), info }
    }

    pub(super) fn tls(stream: TlsStream<Wire>, certificate: Option<Shown>) -> Self {
        let (wire, _) = stream.get_ref();
        let certificate = certificate.map(Arc::new);
        let info = ConnectionInfo { peer: wire.peer(), certificate, handle: wire.handle() };
        Self { io: Io::Tls(Box::new(stream)), info }
    }

    /// Its peer, and how it is told that it is at work.
    pub fn info(&self) -> ConnectionInfo {
        self.info.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            Io::Plain(wire, told) => {
                let before = buf.filled().len();
                let read = ready!(Pin::new(&mut *wire).poll_read(cx, buf));
                if let Some(told) = told.take() {
                    told.first_bytes(wire.peer(), buf.filled().get(before..));
                }
                Poll::Ready(read)
            }
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.io {
            Io::Plain(wire, _) => Pin::new(wire).poll_write(cx, buf),
            Io::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.io {
            Io::Plain(wire, _) => Pin::new(wire).poll_write_vectored(cx, bufs),
            Io::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.io {
            Io::Plain(wire, _) => wire.is_write_vectored(),
            Io::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(wire, _) => Pin::new(wire).poll_flush(cx),
            Io::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(wire, _) => Pin::new(wire).poll_shutdown(cx),
            Io::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

impl Connected for Connection {
    type ConnectInfo = ConnectionInfo;

    fn connect_info(&self) -> ConnectionInfo {
        self.info()
    }
}

//! Accepts connections, so many at a time, and closes those whose peer stands still.
//!
//! A port that anybody may connect to must not use up the process' file descriptors: beyond the
//! cap a connection waits in the kernel's queue until another one ends.

use std::{
    future, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{Stream, stream};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time,
};
use tokio_io_timeout::TimeoutStream;
use tonic::transport::server::{Connected, TcpConnectInfo};
use tracing::warn;

/// How long a peer may leave unread what was written to it.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Before accepting is tried again, when the process has no file descriptor left.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// What a listener's connections may use.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// How many are open at once.
    pub connections_max: usize,
    /// How long the peer may say nothing while the server waits for it; `None` where the protocol
    /// itself sees to that.
    pub read_timeout: Option<Duration>,
}

/// A listener and the connections that it may have open.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    slots: Arc<Semaphore>,
    read_timeout: Option<Duration>,
}

impl Listener {
    /// Accepts from `tcp`, which is bound already.
    pub fn new(tcp: TcpListener, limits: ConnectionLimits) -> Self {
        let slots = Arc::new(Semaphore::new(limits.connections_max));
        Self { tcp, slots, read_timeout: limits.read_timeout }
    }

    /// The next connection. It may be dropped while it waits without losing one.
    pub async fn accept(&self) -> Connection {
        let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else {
            // Only a closed semaphore gives none, and nobody closes this one.
            return future::pending().await;
        };
        loop {
            match self.tcp.accept().await {
                Ok((tcp, _)) => return Connection::new(tcp, self.read_timeout, slot),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    warn!("accepting a connection failed: {error}");
                    time::sleep(ACCEPT_BACKOFF).await;
                }
            }
        }
    }

    /// All connections, one after the other, without end.
    pub fn into_stream(self) -> impl Stream<Item = io::Result<Connection>> {
        stream::unfold(self, |listener| async move {
            let connection = listener.accept().await;
            Some((Ok(connection), listener))
        })
    }
}

/// The peer gave up before it was accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}

/// An accepted connection; its place is free again when it is dropped.
#[derive(Debug)]
pub struct Connection {
    tcp: Pin<Box<TimeoutStream<TcpStream>>>,
    _slot: OwnedSemaphorePermit,
}

impl Connection {
    fn new(tcp: TcpStream, read_timeout: Option<Duration>, slot: OwnedSemaphorePermit) -> Self {
        // Answers are small and somebody waits for them. Where it cannot be set, they are slower.
        let _ = tcp.set_nodelay(true);
        let mut tcp = TimeoutStream::new(tcp);
        tcp.set_read_timeout(read_timeout);
        tcp.set_write_timeout(Some(WRITE_TIMEOUT));
        Self { tcp: Box::pin(tcp), _slot: slot }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.tcp.as_mut().poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.tcp.as_mut().poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.tcp.as_mut().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tcp.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tcp.as_mut().poll_shutdown(cx)
    }
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.tcp.get_ref().connect_info()
    }
}

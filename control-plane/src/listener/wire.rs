//! The bytes of an accepted connection: it notes whether the peer reads, and ends when it has to go.

use std::{
    future, io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use super::{
    ConnectionLimits,
    places::{ConnectionHandle, Place},
};
use rustix::net::sockopt;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{self, Instant, Sleep},
};
use tokio_io_timeout::TimeoutStream;

/// What the kernel keeps of what was written until the peer has read it, for each connection. Left alone
/// it keeps megabytes, which nobody else can have, and which count as sent.
const SEND_BUFFER_BYTES: usize = 256 * 1024;

/// An accepted connection; its place is free again when it is dropped.
#[derive(Debug)]
pub(super) struct Wire {
    tcp: Pin<Box<TimeoutStream<TcpStream>>>,
    peer: Option<SocketAddr>,
    place: Place,
    stalled: bool,
    idle: Option<Idle>,
}

/// When to look again whether the connection is at work.
#[derive(Debug)]
struct Idle {
    timeout: Duration,
    look: Pin<Box<Sleep>>,
}

impl Wire {
    #[expect(clippy::disallowed_methods, reason = "the idle time is a time")]
    pub(super) fn new(tcp: TcpStream, place: Place, limits: ConnectionLimits) -> Self {
        // Answers are small and somebody waits for them. Where it cannot be set, they are slower.
        let _ = tcp.set_nodelay(true);
        bound_unread(&tcp, limits.unread_timeout);
        let peer = tcp.peer_addr().ok();
        let mut tcp = TimeoutStream::new(tcp);
        tcp.set_read_timeout(limits.read_timeout);
        tcp.set_write_timeout(Some(limits.unread_timeout));
        let idle = limits
            .idle_timeout
            .map(|timeout| Idle { timeout, look: Box::pin(time::sleep(timeout)) });
        Self { tcp: Box::pin(tcp), peer, place, stalled: false, idle }
    }

    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    pub(super) fn handle(&self) -> ConnectionHandle {
        self.place.handle()
    }

    /// The first byte that the peer sends, which is read again later; `None` where it sends none.
    pub(super) async fn first_byte(&mut self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        let mut byte = ReadBuf::new(&mut byte);
        let read = future::poll_fn(|cx| {
            if let Poll::Ready(error) = self.poll_stay(cx) {
                return Poll::Ready(Err(error));
            }
            self.tcp.get_ref().poll_peek(cx, &mut byte)
        });
        read.await?;
        Ok(byte.filled().first().copied())
    }

    /// Fails once the connection has to go: it was asked to, or was not at work for too long.
    fn poll_stay(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        if self.place.poll_exit(cx).is_ready() {
            return Poll::Ready(io::ErrorKind::ConnectionAborted.into());
        }
        let Some(idle) = &mut self.idle else { return Poll::Pending };
        loop {
            ready!(idle.look.as_mut().poll(cx));
            let now = Instant::now();
            let end = self.place.idle_since().unwrap_or(now) + idle.timeout;
            if end <= now {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            idle.look.as_mut().reset(end);
        }
    }

    /// What `written` says, noting whether the peer reads.
    fn written<T>(&mut self, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let stalled = written.is_pending();
        if stalled != self.stalled {
            self.stalled = stalled;
            self.place.set_stalled(stalled);
        }
        written
    }
}

/// Has the kernel keep little that is not read, and end the connection when that is read by nobody for
/// too long: what it has taken over counts as written, so that no time limit of this side begins.
fn bound_unread(tcp: &TcpStream, timeout: Duration) {
    // Where they cannot be set, a peer that reads nothing takes more, and is ended by what is written next.
    let _ = sockopt::set_socket_send_buffer_size(tcp, SEND_BUFFER_BYTES);
    #[cfg(target_os = "linux")]
    let _ =
        sockopt::set_tcp_user_timeout(tcp, u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX));
    #[cfg(not(target_os = "linux"))]
    let _ = timeout;
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(error) = self.poll_stay(cx) {
            return Poll::Ready(Err(error));
        }
        self.tcp.as_mut().poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(error) = self.poll_stay(cx) {
            return Poll::Ready(Err(error));
        }
        let written = self.tcp.as_mut().poll_write(cx, buf);
        self.written(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(error) = self.poll_stay(cx) {
            return Poll::Ready(Err(error));
        }
        let written = self.tcp.as_mut().poll_write_vectored(cx, bufs);
        self.written(written)
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

//! From a connection's first byte to its TLS.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time,
};

use super::{
    connection::Connection,
    told::{Told, is_tls},
    wire::Wire,
};
use crate::tls::{Acceptor, HandshakeError, Protocol};

/// How long a peer may take for all of it.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// What a peer hears that speaks HTTP/1.1 without TLS.
const HTTP1_ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    content-type: application/json\r\n\
    content-length: 77\r\n\
    connection: close\r\n\r\n\
    {\"error\":\"tls_required\",\"message\":\"this port speaks TLS: call it with https\"}";

/// The same of one that speaks HTTP/2: no settings, and GOAWAY with `INADEQUATE_SECURITY`.
const HTTP2_ANSWER: &[u8] = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00\
    \x00\x00\x1c\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0c\
    this port speaks TLS";

/// How much of what such a peer sent is read, so that it sees the answer and not a reset.
const READ_BYTES_MAX: usize = 16 * 1024;

/// What a connection became.
enum Shaken {
    Connected(Connection),
    /// It begins as no TLS does.
    Foreign(Wire),
}

/// The connection with TLS; `None` where there is none, which was told.
pub(super) async fn shake(wire: Wire, acceptor: Acceptor, told: Told) -> Option<Connection> {
    let peer = wire.peer();
    let shaken = time::timeout(HANDSHAKE_TIMEOUT, begin(wire, &acceptor)).await;
    match shaken.unwrap_or(Err(HandshakeError::Silent(HANDSHAKE_TIMEOUT))) {
        Ok(Shaken::Connected(connection)) => Some(connection),
        Ok(Shaken::Foreign(wire)) => {
            told.not_tls(peer);
            // Whoever does not take the answer in time has gone.
            let _ = time::timeout(HANDSHAKE_TIMEOUT, refuse(wire, acceptor.protocol())).await;
            None
        }
        Err(error) => {
            told.failed(peer, &error);
            None
        }
    }
}

async fn begin(mut wire: Wire, acceptor: &Acceptor) -> Result<Shaken, HandshakeError> {
    match wire.first_byte().await? {
        None => Err(HandshakeError::Left),
        Some(byte) if is_tls(byte) => {
            let (stream, certificate) = acceptor.accept(wire).await?;
            Ok(Shaken::Connected(Connection::tls(stream, certificate)))
        }
        Some(_) => Ok(Shaken::Foreign(wire)),
    }
}

async fn refuse(mut wire: Wire, protocol: Protocol) {
    let answer = match protocol {
        Protocol::Http1 => HTTP1_ANSWER,
        Protocol::Http2 => HTTP2_ANSWER,
    };
    let mut sent = vec![0; READ_BYTES_MAX];
    // It may be gone by now.
    let _ = wire.read(&mut sent).await;
    let _ = wire.write_all(answer).await;
    let _ = wire.shutdown().await;
}

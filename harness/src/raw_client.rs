//! Bytes on a TCP connection, for requests that no HTTP library would send.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::deadline::soon;
use crate::http_client::Answer;

/// A connection on which anything can be written.
#[derive(Debug)]
pub struct RawConnection {
    stream: TcpStream,
    received: BytesMut,
    sent: Instant,
}

impl RawConnection {
    /// Connects.
    pub async fn open(server: SocketAddr) -> Self {
        let stream = soon("a connection", TcpStream::connect(server)).await;
        let stream = stream.unwrap_or_else(|error| panic!("can't connect to {server}: {error}"));
        Self { stream, received: BytesMut::new(), sent: Instant::now() }
    }

    /// Writes bytes, and tells whether they could be written. That the server has just closed the
    /// connection may show only when the answer is read.
    pub async fn write(&mut self, bytes: &[u8]) -> bool {
        self.sent = Instant::now();
        self.stream.write_all(bytes).await.is_ok()
    }

    /// Reads one answer of HTTP/1.1 or HTTP/1.0 that has a content length or no body; `None` when the connection
    /// was closed instead.
    pub async fn read_answer(&mut self) -> Option<Answer> {
        let Some(head_length) = self.read_until(end_of_head).await else {
            let half = String::from_utf8_lossy(&self.received);
            assert!(half.is_empty(), "the answer's head was cut short: {half:?}");
            return None;
        };
        let head = self.received.split_to(head_length);
        let (version, status, headers) = parse_head(&head)
            .unwrap_or_else(|| panic!("no head of HTTP/1: {:?}", String::from_utf8_lossy(&head)));
        let length =
            headers.get(http::header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        let length = length.map_or(0, |text| text.parse().expect("a content length is a number"));
        let body = self.read_exactly(length).await.expect("the answer's whole body");
        let received = Instant::now();
        let answer = Answer { status, version, headers, body, sent: self.sent, received };
        answer.is_without_secrets();
        Some(answer)
    }

    /// Reads this many bytes; `None` when the connection ends before.
    pub async fn read_exactly(&mut self, length: usize) -> Option<Bytes> {
        self.read_until(|received| (received.len() >= length).then_some(())).await?;
        Some(self.received.split_to(length).freeze())
    }

    /// Reads all that comes until the server closes the connection.
    pub async fn read_to_the_end(&mut self) -> Bytes {
        let end: Option<()> = self.read_until(|_| None).await;
        debug_assert!(end.is_none());
        self.received.split().freeze()
    }

    /// Reads until `done` is `Some`; `None` when the connection ends before.
    async fn read_until<T>(&mut self, done: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
        loop {
            if let Some(value) = done(&self.received) {
                return Some(value);
            }
            match soon("bytes on the connection", self.stream.read_buf(&mut self.received)).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }
}

/// Sends `request` on a connection of its own and reads the answer; `None` when there is none.
pub async fn exchange(server: SocketAddr, request: &[u8]) -> Option<Answer> {
    let mut connection = RawConnection::open(server).await;
    connection.write(request).await;
    connection.read_answer().await
}

fn end_of_head(received: &[u8]) -> Option<usize> {
    received.windows(4).position(|window| window == b"\r\n\r\n").map(|position| position + 4)
}

fn parse_head(head: &[u8]) -> Option<(Version, StatusCode, HeaderMap)> {
    let mut lines =
        head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let (version, status) = lines.next()?.split_at_checked(b"HTTP/1.x ".len())?;
    let version = match version {
        b"HTTP/1.0 " => Version::HTTP_10,
        b"HTTP/1.1 " => Version::HTTP_11,
        _ => return None,
    };
    let status = StatusCode::from_bytes(status.get(..3)?).ok()?;
    let mut headers = HeaderMap::new();
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at(colon);
        let value = HeaderValue::from_bytes(value.get(1..)?.trim_ascii()).ok()?;
        headers.append(HeaderName::from_bytes(name).ok()?, value);
    }
    Some((version, status, headers))
}

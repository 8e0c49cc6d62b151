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

    /// Writes bytes. That the server has already closed the connection shows when the answer is
    /// read.
    pub async fn write(&mut self, bytes: &[u8]) {
        self.sent = Instant::now();
        let _ = self.stream.write_all(bytes).await;
    }

    /// Reads one HTTP/1.1 answer that has a content length or no body; `None` when the connection
    /// was closed instead.
    pub async fn read_answer(&mut self) -> Option<Answer> {
        let Some(head_length) = self.read_until(end_of_head).await else {
            let half = String::from_utf8_lossy(&self.received);
            assert!(half.is_empty(), "the answer's head was cut short: {half:?}");
            return None;
        };
        let head = self.received.split_to(head_length);
        let (status, headers) = parse_head(&head)
            .unwrap_or_else(|| panic!("no head of HTTP/1.1: {:?}", String::from_utf8_lossy(&head)));
        let length =
            headers.get(http::header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        let length = length.map_or(0, |text| text.parse().expect("a content length is a number"));
        let body = self.read_exactly(length).await.expect("the answer's whole body");
        Some(Answer {
            status,
            version: Version::HTTP_11,
            headers,
            body,
            sent: self.sent,
            received: Instant::now(),
        })
    }

    /// Reads so many bytes; `None` when the connection ends before.
    pub async fn read_exactly(&mut self, length: usize) -> Option<Bytes> {
        self.read_until(|received| (received.len() >= length).then_some(())).await?;
        Some(self.received.split_to(length).freeze())
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

fn parse_head(head: &[u8]) -> Option<(StatusCode, HeaderMap)> {
    let mut lines =
        head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let status_line = lines.next()?;
    let status = StatusCode::from_bytes(status_line.strip_prefix(b"HTTP/1.1 ")?.get(..3)?).ok()?;
    let mut headers = HeaderMap::new();
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at(colon);
        let value = HeaderValue::from_bytes(value.get(1..)?.trim_ascii()).ok()?;
        headers.append(HeaderName::from_bytes(name).ok()?, value);
    }
    Some((status, headers))
}

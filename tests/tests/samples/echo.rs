//! An upstream that answers with what it was sent, to the byte.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The upstream; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Echo {
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Echo {
    /// Starts one on a free port.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let server = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection));
            }
        });
        Self { address, server }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Answers each request of a connection. Below `/silent` an answer begins and goes no further.
async fn serve(mut connection: TcpStream) -> Option<()> {
    let mut received = Vec::new();
    loop {
        let request = next_request(&mut connection, &mut received).await?;
        let target = request.split(|byte| *byte == b' ').nth(1)?;
        if target.starts_with(b"/silent") {
            let begun = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                         transfer-encoding: chunked\r\n\r\n8\r\ndata: 1\n\r\n";
            connection.write_all(begun.as_bytes()).await.ok()?;
            // Until Envoy closes it.
            connection.read_to_end(&mut received).await.ok()?;
            return None;
        }
        // With what an upstream says of limits of its own, and of what its answer used.
        let head = format!(
            "HTTP/1.1 200 OK\r\nServer: your-own\r\nX-RateLimit-Limit-Tokens: 9\r\n\
             RateLimit: \"other\";r=1\r\nx_underscore: 1\r\ncontent-type: text/plain\r\n\
             content-length: {}\r\n\r\n",
            request.len()
        );
        connection.write_all(head.as_bytes()).await.ok()?;
        connection.write_all(&request).await.ok()?;
    }
}

/// A request's head, and as much body as its content length says.
async fn next_request(connection: &mut TcpStream, received: &mut Vec<u8>) -> Option<Vec<u8>> {
    loop {
        let end = received.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4);
        if let Some(head) = end
            && let length = head + content_length(&received[..head])
            && received.len() >= length
        {
            return Some(received.drain(..length).collect());
        }
        if connection.read_buf(received).await.ok()? == 0 {
            return None;
        }
    }
}

fn content_length(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.map_or(0, |length| length.trim().parse().expect("a content length is a number"))
}

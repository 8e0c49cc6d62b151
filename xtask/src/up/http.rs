//! As much of an HTTP client as a readiness check needs.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(1);

/// Whether a GET of `path` is answered with 200.
pub(crate) fn answers_ok(socket: SocketAddr, path: &str) -> bool {
    status(socket, path) == Some(200)
}

fn status(socket: SocketAddr, path: &str) -> Option<u16> {
    let mut stream = TcpStream::connect_timeout(&socket, TIMEOUT).ok()?;
    stream.set_read_timeout(Some(TIMEOUT)).ok()?;
    stream.set_write_timeout(Some(TIMEOUT)).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {socket}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut start = [0; "HTTP/1.1 200".len()];
    stream.read_exact(&mut start).ok()?;
    let start = std::str::from_utf8(&start).ok()?;
    start.strip_prefix("HTTP/1.")?.get(2..)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    fn status_of(answer: &'static str) -> Option<u16> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let request: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            stream.write_all(answer.as_bytes()).unwrap();
            request
        });
        let status = status(socket, "/ready");
        let host = format!("Host: {socket}");
        assert_eq!(server.join().unwrap(), ["GET /ready HTTP/1.1", &host, "Connection: close"]);
        status
    }

    #[test]
    fn the_status_is_read_from_the_first_line() {
        assert_eq!(status_of("HTTP/1.1 200 OK\r\n\r\nLIVE\n"), Some(200));
        assert_eq!(status_of("HTTP/1.1 503 Service Unavailable\r\n\r\n"), Some(503));
    }

    #[test]
    fn what_is_not_http_has_no_status() {
        assert_eq!(status_of("SSH-2.0-OpenSSH_9.2\r\n"), None);
        assert_eq!(status_of(""), None);
    }
}

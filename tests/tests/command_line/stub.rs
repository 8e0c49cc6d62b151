//! A server that answers what a control plane answers rarely.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::thread;

/// Where a server listens that answers each call with this, until the test is over.
pub(crate) fn answering(status: &str, body: &str) -> String {
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    serving(move |stream| {
        let mut request = [0; 4_096];
        // A request of these tests is one piece.
        let _ = stream.read(&mut request);
        let _ = stream.write_all(answer.as_bytes());
    })
}

/// Where a server listens that takes calls and never answers.
pub(crate) fn silent() -> String {
    serving(|stream| {
        let _ = std::io::copy(stream, &mut std::io::sink());
    })
}

fn serving(serve: impl Fn(&mut std::net::TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming() {
            serve(&mut stream.expect("a connection"));
        }
    });
    format!("http://{address}")
}

//! A whole configuration as long as one may be, of whatever takes the most memory.

use std::{iter, net::SocketAddr, sync::Arc};

use flowguard::{
    ledger::{Ledger, Policy, SystemClock},
    operator::DOCUMENT_BYTES_MAX,
    store::NoStore,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Duration, timeout},
};

use crate::{
    ALONE,
    memory::{resident_bytes, resident_peak},
    served::serve,
};

/// As docs/contract.md has it, clients that are put in force included.
const MEMORY_BYTES_MAX: usize = 600_000_000;

/// What a request is given, and some more.
const REQUEST: Duration = Duration::from_mins(1);

const TOO_LONG: &str = "HTTP/1.1 408 ";

const PIECE_BYTES: usize = 64 * 1024;

/// A document that is made as it is sent: as many entries as make it as long as it may be.
struct Document<'a> {
    begin: &'a str,
    entry: &'a dyn Fn(usize) -> String,
    end: &'a str,
}

impl Document<'_> {
    fn pieces(&self) -> impl Iterator<Item = String> {
        let mut len = 0;
        let mut number = 0;
        let mut piece = self.begin.to_owned();
        let mut is_whole = false;
        iter::from_fn(move || {
            if is_whole {
                return None;
            }
            while piece.len() < PIECE_BYTES {
                let comma = if number == 0 { "" } else { "," };
                let entry = format!("{comma}{}", (self.entry)(number));
                if len + piece.len() + entry.len() + self.end.len() > DOCUMENT_BYTES_MAX {
                    is_whole = true;
                    piece.push_str(self.end);
                    break;
                }
                piece.push_str(&entry);
                number += 1;
            }
            len += piece.len();
            Some(std::mem::take(&mut piece))
        })
    }
}

/// The answer to this document.
async fn put(address: SocketAddr, document: impl Iterator<Item = String>) -> String {
    let mut tcp = TcpStream::connect(address).await.expect("connected");
    let head = "PUT /api/v1/config HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    tcp.write_all(head.as_bytes()).await.expect("taken");
    for piece in document {
        let chunk = format!("{:x}\r\n{piece}\r\n", piece.len());
        tcp.write_all(chunk.as_bytes()).await.expect("taken");
    }
    tcp.write_all(b"0\r\n\r\n").await.expect("taken");
    let mut answer = Vec::new();
    timeout(REQUEST, tcp.read_to_end(&mut answer)).await.expect("an answer").expect("an answer");
    String::from_utf8(answer).expect("text")
}

/// The same, and waits until nothing of the document is left: who is told that it took too long is
/// told before that.
async fn put_to_its_end(address: SocketAddr, document: &Document<'_>) -> String {
    let answer = put(address, document.pieces()).await;
    while put(address, iter::empty()).await.starts_with(TOO_LONG) {}
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_as_long_as_one_may_be_takes_no_more_memory_than_is_promised() {
    let _alone = ALONE.lock().await;
    let (name, text) = ("n".repeat(57), "a".repeat(60_000));
    let client = |n: usize| {
        let group = [n, n, n, n].map(|n| format!("{name}{n:07}")).join("/");
        format!(r#""{name}{name}{n:07}":{{"group":"{group}","plan":"{name}{n:07}"}}"#)
    };
    for (what, begin, entry, end, answered) in [
        ("clients", r#"{"clients":{"#, &client as &dyn Fn(usize) -> String, "}}", "200 OK"),
        ("wrong models", r#"{"models":{"#, &|n| format!("\"{n:x}\":0"), "}}", "400 "),
        ("wrong limits", r#"{"limits":["#, &|n| format!(r#"{{"name":"{n:x}"}}"#), "]}", "400 "),
        ("a list of texts", r#"{"models":{"a":["#, &|_| format!("\"{text}\""), "]}}", "400 "),
    ] {
        let ledger = Arc::new(Ledger::new(Policy::default(), SystemClock::start()));
        let served = serve(Arc::clone(&ledger), NoStore::default()).await;
        let before = resident_bytes();
        let document = Document { begin, entry, end };
        let (peak, answer) = resident_peak(put_to_its_end(served.rest, &document)).await;
        let cost = peak.saturating_sub(before);
        println!("{what}: {} MiB, {} clients", cost >> 20, ledger.len());
        let is_expected = answer.starts_with(&format!("HTTP/1.1 {answered}"));
        assert!(is_expected || answer.starts_with(TOO_LONG), "{what}: {answer}");
        assert!(cost < MEMORY_BYTES_MAX, "{what}: {cost} bytes");
    }
}

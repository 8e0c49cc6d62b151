//! A page that is sent while it is written: a large installation's takes hundreds of megabytes.

use std::{io, mem, time::Duration};

use axum::body::Body;
use futures_util::{StreamExt as _, stream};
use tokio::{
    runtime::Handle,
    sync::mpsc::{self, Sender},
    time::{self, Instant},
};

/// Bytes of text that are sent at once; a small installation's whole page.
const PIECE_BYTES: usize = 64 * 1024;

/// How many pieces wait for the reader.
const PIECES_WAITING_MAX: usize = 4;

/// How long the reader may take for the whole page: others wait for their turn.
const PAGE_TIMEOUT: Duration = Duration::from_mins(1);

/// The writing side, for a thread that may block: it waits while the reader is behind.
///
/// A page that is dropped before its end breaks the connection, so that nobody takes it for whole.
#[derive(Debug)]
pub(super) struct Page {
    text: String,
    pieces: Sender<Piece>,
    runtime: Handle,
    deadline: Instant,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    End,
}

/// Nobody reads the page any more, or too slowly.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gone;

impl Page {
    /// An empty page, and the body in which it arrives.
    pub(super) fn new() -> (Self, Body) {
        let (pieces, mut arriving) = mpsc::channel(PIECES_WAITING_MAX);
        let page = Self {
            text: String::with_capacity(PIECE_BYTES),
            pieces,
            runtime: Handle::current(),
            deadline: Instant::now() + PAGE_TIMEOUT,
        };
        let arrived = stream::poll_fn(move |cx| arriving.poll_recv(cx).map(arrived)).fuse();
        (page, Body::from_stream(arrived))
    }

    /// Where to write.
    pub(super) fn text(&mut self) -> &mut String {
        &mut self.text
    }

    /// Sends what was written once it is enough; for between two samples.
    pub(super) fn send_when_full(&mut self) -> Result<(), Gone> {
        if self.text.len() < PIECE_BYTES {
            return Ok(());
        }
        let text = mem::replace(&mut self.text, String::with_capacity(PIECE_BYTES));
        self.send(Piece::Text(text))
    }

    /// Sends what is left, and that it is all.
    pub(super) fn end(mut self) -> Result<(), Gone> {
        let text = mem::take(&mut self.text);
        self.send(Piece::Text(text))?;
        self.send(Piece::End)
    }

    fn send(&self, piece: Piece) -> Result<(), Gone> {
        let sent = time::timeout_at(self.deadline, self.pieces.send(piece));
        match self.runtime.block_on(sent) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }
}

fn arrived(piece: Option<Piece>) -> Option<io::Result<String>> {
    match piece {
        Some(Piece::Text(text)) => Some(Ok(text)),
        Some(Piece::End) => None,
        None => Some(Err(io::Error::other("the page is not whole"))),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use tokio::task;

    use super::*;

    #[tokio::test]
    async fn a_page_arrives_whole_however_long_it_is() {
        let (mut page, body) = Page::new();
        let written = task::spawn_blocking(move || {
            for _ in 0..100_000 {
                page.text().push_str("sample 1\n");
                page.send_when_full()?;
            }
            page.end()
        });
        let page = to_bytes(body, usize::MAX).await.unwrap();
        assert_eq!(page.len(), 900_000);
        written.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_page_that_is_dropped_before_its_end_is_broken_and_not_short() {
        let (mut page, body) = Page::new();
        page.text().push_str("sample 1\n");
        drop(page);
        assert!(to_bytes(body, usize::MAX).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_written_to_for_longer_than_a_minute() {
        let (mut page, body) = Page::new();
        let written = task::spawn_blocking(move || {
            loop {
                page.text().push_str("sample 1\n");
                if let Err(Gone) = page.send_when_full() {
                    break;
                }
            }
        });
        time::advance(PAGE_TIMEOUT).await;
        written.await.unwrap();
        drop(body);
    }
}

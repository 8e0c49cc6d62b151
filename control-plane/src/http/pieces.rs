//! Bodies that are sent while they are written: a large installation's lists take hundreds of
//! megabytes, and a reader may leave them unread.
//!
//! Each piece is written when the one before it has gone, on a thread that may block, and its
//! writer begins where the last piece ended. Between two pieces nothing is held but the place where
//! it ended: a reader that stalls costs a few pieces, and keeps nobody from writing theirs.

use std::{io, mem, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use tokio::{
    sync::mpsc::{self, Sender},
    task,
    time::{self, Instant},
};

use crate::turns::{Shutdown, Turns};

/// Bytes after which a piece is long enough; a small installation's whole answer.
pub(crate) const PIECE_BYTES: usize = 64 * 1024;

/// How long a reader may take for all of a body: a million clients at 3 Mbit/s.
const READ_TIMEOUT: Duration = Duration::from_mins(5);

/// What a writer has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// A piece; there is more.
    More,
    /// The last piece.
    End,
    /// The body cannot be written to its end.
    Broken,
}

/// A body of which `write` writes one piece after the other, each about [`PIECE_BYTES`] long.
///
/// One that is not sent to its end breaks the connection, so that nobody takes it for whole.
pub(crate) async fn body<W>(turns: Turns, write: W) -> Result<Body, Shutdown>
where
    W: FnMut(&mut String) -> Progress + Send + 'static,
{
    let (first, write) = Piece::write(&turns, write).await?;
    // What is short has a length in its header, and needs nobody to send it.
    if first.progress == Progress::End {
        return Ok(Body::from(first.text));
    }
    let (sender, pieces) = channel();
    task::spawn(time::timeout_at(Instant::now() + READ_TIMEOUT, send(sender, turns, first, write)));
    Ok(Body::from_stream(pieces))
}

struct Piece {
    text: String,
    progress: Progress,
}

impl Piece {
    async fn write<W>(turns: &Turns, mut write: W) -> Result<(Self, W), Shutdown>
    where
        W: FnMut(&mut String) -> Progress + Send + 'static,
    {
        turns
            .run(move || {
                let mut text = String::with_capacity(PIECE_BYTES);
                let progress = write(&mut text);
                (Self { text, progress }, write)
            })
            .await
    }
}

async fn send<W>(sender: Pieces, turns: Turns, mut piece: Piece, mut write: W)
where
    W: FnMut(&mut String) -> Progress + Send + 'static,
{
    loop {
        let progress = piece.progress;
        let text = Bytes::from(mem::take(&mut piece.text));
        if progress == Progress::Broken || sender.send(text).await.is_err() {
            return;
        }
        if progress == Progress::End {
            return sender.end().await;
        }
        match Piece::write(&turns, write).await {
            Ok(next) => (piece, write) = next,
            Err(Shutdown) => return,
        }
    }
}

/// The sending side of a body.
#[derive(Debug)]
pub(crate) struct Pieces(Sender<Part>);

#[derive(Debug)]
enum Part {
    Piece(Bytes),
    End,
}

/// Nobody reads any more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoReader;

impl Pieces {
    /// Waits until the piece before this one has been taken.
    pub(crate) async fn send(&self, piece: Bytes) -> Result<(), NoReader> {
        self.0.send(Part::Piece(piece)).await.map_err(|_| NoReader)
    }

    /// Says that this was all.
    pub(crate) async fn end(self) {
        // A reader that has gone does not miss it.
        let _ = self.0.send(Part::End).await;
    }
}

/// A body's two sides; its reader sees an error if the sender is dropped before the end.
pub(crate) fn channel() -> (Pieces, impl Stream<Item = io::Result<Bytes>> + Send) {
    let (sender, mut pieces) = mpsc::channel(1);
    let arrived = stream::poll_fn(move |cx| pieces.poll_recv(cx).map(arrived)).fuse();
    (Pieces(sender), arrived)
}

fn arrived(part: Option<Part>) -> Option<io::Result<Bytes>> {
    match part {
        Some(Part::Piece(piece)) => Some(Ok(piece)),
        Some(Part::End) => None,
        None => Some(Err(io::Error::other("the body was not sent to its end"))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use axum::body::{HttpBody as _, to_bytes};
    use http_body_util::BodyExt as _;

    use super::*;

    fn endless(written: &Arc<AtomicUsize>) -> impl FnMut(&mut String) -> Progress + use<> {
        let written = Arc::clone(written);
        move |text| {
            written.fetch_add(1, Ordering::SeqCst);
            text.push_str("piece\n");
            Progress::More
        }
    }

    #[tokio::test]
    async fn a_body_arrives_whole_however_long_it_is() {
        let mut pieces = 0;
        let body = body(Turns::new(1), move |text| {
            pieces += 1;
            text.push_str("piece\n");
            if pieces < 1_000 { Progress::More } else { Progress::End }
        });
        let body = to_bytes(body.await.unwrap(), usize::MAX).await.unwrap();
        assert_eq!(body, "piece\n".repeat(1_000));
    }

    #[tokio::test]
    async fn a_short_body_has_a_length() {
        let body = body(Turns::new(1), |text| {
            text.push_str("all");
            Progress::End
        });
        assert_eq!(body.await.unwrap().size_hint().exact(), Some(3));
    }

    #[tokio::test]
    async fn a_body_that_cannot_be_written_to_its_end_is_broken_and_not_short() {
        let mut progress = [Progress::Broken, Progress::More].into_iter();
        let body = body(Turns::new(1), move |text| {
            text.push_str("piece\n");
            progress.next_back().unwrap_or(Progress::Broken)
        });
        assert!(to_bytes(body.await.unwrap(), usize::MAX).await.is_err());
    }

    #[tokio::test]
    async fn readers_that_do_not_read_keep_nobody_from_reading_and_cost_a_few_pieces() {
        let turns = Turns::new(1);
        let written = Arc::new(AtomicUsize::new(0));
        let mut unread = Vec::new();
        for _ in 0..64 {
            unread.push(body(turns.clone(), endless(&written)).await.unwrap());
        }
        let mut read = body(turns, endless(&Arc::default())).await.unwrap();
        for _ in 0..1_000 {
            assert!(read.frame().await.unwrap().is_ok());
        }
        // The first, one that waits, and one that waits to wait.
        assert!(written.load(Ordering::SeqCst) <= 3 * unread.len());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_written_to_for_longer_than_five_minutes() {
        let mut body = body(Turns::new(1), endless(&Arc::default())).await.unwrap();
        let started = Instant::now();
        while let Some(Ok(_)) = body.frame().await {
            #[expect(clippy::disallowed_methods, reason = "moves the paused clock")]
            time::sleep(Duration::from_secs(1)).await;
        }
        let took = started.elapsed();
        assert!(READ_TIMEOUT <= took && took < READ_TIMEOUT + Duration::from_secs(5), "{took:?}");
    }
}

//! When a connection is at work: from the end of a request to its answer.

use std::{
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use crate::listener::{Answering, AtWork, ConnectionHandle};

/// The work on one request. It begins when the request has arrived whole: before that the server
/// waits for its peer, who must not keep a place by sending slowly.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    connection: ConnectionHandle,
    begun: Arc<OnceLock<AtWork>>,
}

impl Work {
    pub(crate) fn on(connection: ConnectionHandle) -> Self {
        Self { connection, begun: Arc::default() }
    }

    fn begin(&self) {
        self.begun.get_or_init(|| self.connection.at_work());
    }
}

/// A body on whose end the [`Work`] begins.
#[derive(Debug)]
pub(crate) struct ArrivingBody<B> {
    body: B,
    /// `None` once it has arrived.
    work: Option<Work>,
}

impl<B: Body> ArrivingBody<B> {
    pub(crate) fn new(body: B, work: &Work) -> Self {
        let mut arriving = Self { body, work: Some(work.clone()) };
        arriving.note_end();
        arriving
    }

    fn note_end(&mut self) {
        if self.body.is_end_stream()
            && let Some(work) = self.work.take()
        {
            work.begin();
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for ArrivingBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(_) => self.note_end(),
            None => {
                if let Some(work) = self.work.take() {
                    work.begin();
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body on its way to the peer.
#[derive(Debug)]
pub(crate) struct LeavingBody<B> {
    body: B,
    _answering: Answering,
}

impl<B> LeavingBody<B> {
    pub(crate) fn new(body: B, answering: Answering) -> Self {
        Self { body, _answering: answering }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for LeavingBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

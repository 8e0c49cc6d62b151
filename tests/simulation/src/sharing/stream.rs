//! The control plane's side of a stream, a task as its server has it, around a real session.

use std::{sync::Arc, time::Duration};

use flowguard::{
    decisions::{Greeting, Session},
    ledger::WorkerId,
};
use prost::Message as _;
use proto::decision::FilterFrame;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender},
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{News, plane::Serving};
use crate::{edge::Sent, network::StreamId};

/// Within this the ends of a frame without asks are acknowledged.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_millis(20);

/// Longer than a run.
const NEVER: Duration = Duration::from_hours(24);

/// A stream.
pub(super) struct Stream {
    pub(super) number: StreamId,
    /// What its worker is called, if it has no name yet.
    pub(super) name: u128,
    /// After so long its worker is to go on elsewhere.
    pub(super) stays: Duration,
    pub(super) plane: Arc<Serving>,
    pub(super) closing: CancellationToken,
    pub(super) arrives: UnboundedReceiver<Sent>,
    pub(super) news: UnboundedSender<News>,
}

impl Stream {
    /// Serves it to its end.
    pub(super) async fn serve(mut self) {
        if let Err(refused) = self.serve_greeted().await {
            self.tell(News::Refused(self.number, refused));
        }
        self.tell(News::Sent(self.number, Sent::End));
    }

    fn tell(&self, news: News) {
        // Who listens lives as long as the run.
        let _ = self.news.send(news);
    }

    async fn serve_greeted(&mut self) -> Result<(), String> {
        let Some(Sent::Frame(first)) = self.arrives.recv().await else { return Ok(()) };
        let frame = read(&first);
        let greeting = Greeting::read_and_name(frame.hello.as_ref(), || WorkerId(self.name));
        let greeting = greeting.map_err(|status| status.to_string())?;
        if greeting.check_newest(&self.plane.ledger).is_err() {
            return Ok(());
        }
        let worker = greeting.worker();
        let seat = self.plane.seats.take(worker).await;
        let (ledger, metrics) = (Arc::clone(&self.plane.ledger), self.plane.metrics.clone());
        let mut session = Session::start(greeting, ledger, metrics);
        let moves_at = Instant::now() + self.stays;
        let mut acknowledge_at = None;
        let mut next = Some(frame);
        let ended = loop {
            let answer = if let Some(frame) = next.take() {
                match session.answer(frame).await {
                    Ok(answer) => answer,
                    Err(status) => break Err(format!("a frame was refused: {status}")),
                }
            } else {
                acknowledge_at = None;
                session.acknowledge().await
            };
            if let Some(answer) = answer {
                self.tell(News::Sent(self.number, Sent::Frame(answer.encode_to_vec())));
                session.told();
            }
            acknowledge_at = match acknowledge_at {
                _ if !session.owes_acknowledgement() => None,
                None => Some(Instant::now() + ACKNOWLEDGED_WITHIN),
                due => due,
            };
            let mut due = acknowledge_at.unwrap_or_else(|| Instant::now() + NEVER);
            // Without the store nobody else could go on with it.
            let may_move = !self.plane.ledger.store_is_away();
            if may_move {
                due = due.min(moves_at);
            }
            let arrived = tokio::select! {
                biased;
                () = self.closing.cancelled() => break Ok(()),
                () = seat.leave.cancelled() => break Ok(()),
                arrived = timeout_at(due, self.arrives.recv()) => arrived,
            };
            match arrived {
                Ok(Some(Sent::Frame(bytes))) => next = Some(read(&bytes)),
                Ok(Some(Sent::End) | None) => break Ok(()),
                Err(_) if may_move && Instant::now() >= moves_at => break Ok(()),
                Err(_) => {}
            }
        };
        while let Ok(Sent::Frame(bytes)) = self.arrives.try_recv() {
            session.answer_nobody(read(&bytes)).await;
        }
        session.close();
        seat.left.cancel();
        ended
    }
}

fn read(bytes: &[u8]) -> FilterFrame {
    FilterFrame::decode(bytes).expect("workers send frames")
}

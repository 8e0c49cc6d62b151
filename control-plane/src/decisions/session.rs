//! One worker's session: frames in, frames out, and what its requests hold meanwhile. No IO.

use std::sync::Arc;

use proto::{
    DECISION_PROTOCOL_VERSION,
    decision::{ControlFrame, FilterFrame, Hello, Verdict, Welcome},
};
use tonic::Status;

use super::{
    HeldInAll, StreamMetrics,
    frame::{Frame, FrameError, Reports},
    held::Held,
    verdict::{exceeded, verdict},
};
use crate::ledger::{Answer, Ask, End, Ledger, Reservation, WorkerId};

/// Bytes of a node's id, which is logged. Envoy's own are some tens of bytes.
const NODE_BYTES_MAX: usize = 256;

/// What a worker asked for and has not ended yet. It ends with [`Session::close`], and then the
/// charges stand.
#[derive(Debug)]
pub struct Session {
    worker: WorkerId,
    ledger: Arc<Ledger>,
    metrics: StreamMetrics,
    held: Held,
    welcomed: bool,
}

impl Session {
    /// Begins with the worker's hello; a version that this build does not speak is refused.
    pub fn start(
        hello: Option<&Hello>,
        worker: WorkerId,
        ledger: Arc<Ledger>,
        metrics: StreamMetrics,
        held_in_all: HeldInAll,
    ) -> Result<Self, Status> {
        let Some(hello) = hello else {
            return Err(Status::invalid_argument("the first frame of a stream has to say hello"));
        };
        if hello.protocol_version != DECISION_PROTOCOL_VERSION {
            return Err(Status::failed_precondition(format!(
                "the filter speaks version {} of the decision stream, this control plane speaks \
                 version {DECISION_PROTOCOL_VERSION}: use a filter.wasm of the same release",
                hello.protocol_version
            )));
        }
        if hello.node.len() > NODE_BYTES_MAX {
            return Err(Status::invalid_argument(format!(
                "the node's id has at most {NODE_BYTES_MAX} bytes, not {}",
                hello.node.len()
            )));
        }
        metrics.stream_opened();
        Ok(Self { worker, ledger, metrics, held: Held::new(held_in_all), welcomed: false })
    }

    /// Takes a frame, all of it or nothing. A frame with a hello or with asks has an answer.
    ///
    /// Ends take effect before asks: what a client gets back is there for its next request.
    pub async fn answer(&mut self, frame: FilterFrame) -> Result<Option<ControlFrame>, Status> {
        if self.welcomed && frame.hello.is_some() {
            return Err(refused(FrameError::SecondHello));
        }
        let frame = Frame::try_from(frame).map_err(refused)?;
        self.metrics.frame_received();
        self.report(frame.reports).await;
        let asks: Vec<_> = frame.asks.iter().map(|ask| ask.of(self.worker)).collect();
        let verdicts = self.decide(&asks).await;
        let welcome = (!self.welcomed).then_some(Welcome {
            protocol_version: DECISION_PROTOCOL_VERSION,
            ..Welcome::default()
        });
        self.welcomed = true;
        Ok((welcome.is_some() || !verdicts.is_empty()).then_some(ControlFrame {
            welcome,
            verdicts,
            acknowledged: 0,
        }))
    }

    /// Takes the part of a frame that needs no answer, of a stream that has ended.
    pub async fn answer_nobody(&mut self, frame: FilterFrame) {
        if let Ok(frame) = Frame::try_from(frame) {
            self.report(frame.reports).await;
        }
    }

    /// The stream has ended: nobody will know what became of the requests that are under way.
    pub async fn close(mut self) {
        let held = self.held.take_all();
        self.metrics.stream_closed();
        self.end(held.into_iter().map(|reservation| (reservation, End::Lost)).collect()).await;
    }

    async fn report(&mut self, reports: Reports) {
        let mut ends = Vec::with_capacity(reports.settles.len() + reports.cancels.len());
        for settle in reports.settles {
            if let Some(reservation) = self.held.take(settle.id) {
                self.metrics.response_ended(&settle);
                ends.push((reservation, End::Settled(settle.response)));
            }
        }
        for id in reports.cancels {
            if let Some(reservation) = self.held.take(id) {
                ends.push((reservation, End::Canceled));
            }
        }
        self.end(ends).await;
        for drop in reports.drops {
            self.metrics.decided(exceeded(drop.limit), drop.requests);
            self.ledger.count_dropped(&drop.client_id, drop.limit, drop.requests);
        }
    }

    async fn decide(&mut self, asks: &[Ask<'_>]) -> Vec<Verdict> {
        let answers = self.ledger.decide(asks).await;
        let mut verdicts = Vec::with_capacity(asks.len());
        for (ask, answer) in asks.iter().zip(answers) {
            let verdict = verdict(ask.id, &answer);
            self.metrics.decided(verdict.decision(), 1);
            verdicts.push(verdict);
            if let Answer::Admitted { reservation, .. } = answer
                && let Some(not_followed) = self.held.keep(reservation)
            {
                self.end(vec![(not_followed, End::Lost)]).await;
            }
        }
        verdicts
    }

    async fn end(&self, ends: Vec<(Reservation, End)>) {
        for (reservation, end) in &ends {
            self.metrics.ended(end, reservation.reserved());
        }
        self.ledger.end(ends).await;
    }
}

fn refused(error: FrameError) -> Status {
    Status::invalid_argument(error.to_string())
}

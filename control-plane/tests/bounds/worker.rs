//! A worker's end of a decision stream.

use std::{net::SocketAddr, time::Duration};

use proto::decision::{
    Ask, ControlFrame, Decision, FilterFrame, Hello, Resume, Verdict, ask::Who,
    decision_service_client::DecisionServiceClient,
};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming, transport::Endpoint};

/// Far beyond what an answer takes, on a busy machine too.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A stream on a connection of its own, whose worker was welcomed.
pub(crate) struct Worker {
    frames: mpsc::Sender<FilterFrame>,
    answers: Streaming<ControlFrame>,
    next_id: u32,
    /// As it was welcomed.
    pub(crate) name: Vec<u8>,
}

impl Worker {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        Self::open_at(endpoint(address)).await
    }

    pub(crate) async fn open_at(endpoint: Endpoint) -> Self {
        let hello = Hello { protocol_version: 1, ..Hello::default() };
        let hello = FilterFrame { hello: Some(hello), ..FilterFrame::default() };
        Self::open_with(endpoint, hello).await
    }

    /// The next stream of the worker of that name, which holds nothing.
    pub(crate) async fn come_back(address: SocketAddr, name: Vec<u8>) -> Self {
        let hello = Hello { protocol_version: 1, worker: name, ..Hello::default() };
        let resume = Some(Resume::default());
        let hello = FilterFrame { hello: Some(hello), resume, ..FilterFrame::default() };
        Self::open_with(endpoint(address), hello).await
    }

    async fn open_with(endpoint: Endpoint, hello: FilterFrame) -> Self {
        let channel = endpoint.connect().await.expect("connected");
        let (frames, outbound) = mpsc::channel(1);
        frames.send(hello).await.expect("the stream is open");
        let mut client = DecisionServiceClient::new(channel);
        let answers = client.decide(ReceiverStream::new(outbound)).await.expect("open");
        let answers = answers.into_inner();
        let mut worker = Self { frames, answers, next_id: 0, name: Vec::new() };
        let welcome = worker.answer().await.expect("answered").welcome;
        worker.name = welcome.expect("a welcome").worker;
        worker
    }

    /// Asks for one request of each of `clients`, with whatever else `frame` says.
    pub(crate) async fn decide(
        &mut self,
        clients: impl IntoIterator<Item = String>,
        frame: FilterFrame,
    ) -> Vec<Verdict> {
        self.send(clients, frame).await;
        self.answer().await.expect("answered").verdicts
    }

    /// The same, and does not read the answer.
    pub(crate) async fn send(
        &mut self,
        clients: impl IntoIterator<Item = String>,
        frame: FilterFrame,
    ) {
        let asks = clients.into_iter().map(|client_id| {
            self.next_id += 1;
            let who = Some(Who::ClientId(client_id));
            Ask { id: self.next_id, who, tokens: Some(1), ..Ask::default() }
        });
        let frame = FilterFrame { asks: asks.collect(), ..frame };
        self.frames.send(frame).await.expect("the stream is open");
    }

    pub(crate) async fn answer(&mut self) -> Result<ControlFrame, Status> {
        let answer = timeout(SOON, self.answers.message()).await.expect("an answer in time");
        Ok(answer?.expect("the stream is open"))
    }

    /// How long one decision takes.
    pub(crate) async fn time_of_a_decision(&mut self, client: &str) -> Duration {
        let asked = Instant::now();
        let canceled = FilterFrame { cancels: vec![self.next_id], ..FilterFrame::default() };
        self.decide([client.to_owned()], canceled).await;
        asked.elapsed()
    }

    /// The 99.9th percentile of what decisions take, one after the other for so long.
    pub(crate) async fn p999(&mut self, client: &str, duration: Duration) -> Duration {
        let end = Instant::now() + duration;
        let mut took = Vec::new();
        while Instant::now() < end {
            took.push(self.time_of_a_decision(client).await);
        }
        took.sort_unstable();
        took[took.len() * 999 / 1_000]
    }
}

pub(crate) fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint::from_shared(format!("http://{address}")).expect("a URI")
}

/// How many of them were admitted.
pub(crate) fn admitted(verdicts: &[Verdict]) -> usize {
    verdicts.iter().filter(|verdict| verdict.decision() == Decision::Admitted).count()
}

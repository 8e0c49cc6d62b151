//! A worker of an Envoy, without an Envoy: what it was told and what it told is known to the request.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use harness::deadline::soon;
use proto::decision::{
    Ask, Balance, ControlFrame, Decision, FilterFrame, Hello, Outcome, Resume, Settle, UsageSource,
    ask::Who, decision_service_client::DecisionServiceClient,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Endpoint;
use tonic::{Status, Streaming};

/// Asks and ends of a frame, at most.
const ASKS_MAX: u64 = 4;

/// A worker and its books.
pub(crate) struct Worker {
    address: SocketAddr,
    random: fastrand::Rng,
    clients: Vec<String>,
    stream: Option<Stream>,
    /// As it was welcomed; empty before.
    name: Vec<u8>,
    next_id: u32,
    /// Asked and not answered.
    waiting: Vec<Ask>,
    /// Admitted and not ended, by number: whose, and what it will have used.
    forwarded: BTreeMap<u32, (String, u64)>,
    /// Ends that nobody acknowledged, by the number of their frame.
    unacknowledged: Vec<(u64, Settle)>,
    frames: u64,
    /// By client: requests that were admitted, and tokens of those that ended.
    pub(crate) books: BTreeMap<String, (u64, u64)>,
    /// How the tokens of the client that was asked for last stood.
    pub(crate) standing: Option<Balance>,
}

struct Stream {
    frames: mpsc::Sender<FilterFrame>,
    answers: Streaming<ControlFrame>,
}

/// The control plane is away.
#[derive(Debug)]
pub(crate) struct Lost;

impl Worker {
    pub(crate) fn new(address: SocketAddr, clients: &[String], seed: u64) -> Self {
        Self {
            address,
            random: fastrand::Rng::with_seed(seed),
            clients: clients.to_vec(),
            stream: None,
            name: Vec::new(),
            next_id: 0,
            waiting: Vec::new(),
            forwarded: BTreeMap::new(),
            unacknowledged: Vec::new(),
            frames: 0,
            books: BTreeMap::new(),
            standing: None,
        }
    }

    /// Asks and ends at random, frame after frame, until the stream is lost.
    pub(crate) async fn work_until_lost(mut self, done: mpsc::UnboundedSender<()>) -> Self {
        while self.work().await.is_ok() {
            // Nobody counts any more once the process is to be killed.
            let _ = done.send(());
        }
        self.stream = None;
        self
    }

    /// One frame, and its answer.
    pub(crate) async fn work(&mut self) -> Result<(), Lost> {
        self.connect().await?;
        let over: Vec<_> =
            self.forwarded.keys().copied().filter(|_| self.random.u64(0..3) == 0).collect();
        let settles = over.into_iter().filter_map(|id| self.end(id)).collect();
        for _ in 0..=self.random.u64(0..ASKS_MAX) {
            let client = self.clients[self.random.usize(0..self.clients.len())].clone();
            self.ask(client, 50);
        }
        self.exchange(settles).await
    }

    /// Asks once for a client.
    pub(crate) async fn ask_for(&mut self, client: &str, tokens: u64) -> Result<(), Lost> {
        self.connect().await?;
        self.ask(client.to_owned(), tokens);
        self.exchange(Vec::new()).await
    }

    /// Goes on until everything that was asked is answered, and every end acknowledged.
    pub(crate) async fn come_to_rest(&mut self) -> Result<(), Lost> {
        self.connect().await?;
        while !self.unacknowledged.is_empty() {
            self.answer().await?;
        }
        Ok(())
    }

    fn ask(&mut self, client_id: String, tokens: u64) {
        self.next_id += 1;
        let tokens = Some(tokens);
        let who = Some(Who::ClientId(client_id));
        self.waiting.push(Ask { id: self.next_id, who, tokens, ..Ask::default() });
    }

    fn end(&mut self, id: u32) -> Option<Settle> {
        let (client, used) = self.forwarded.remove(&id)?;
        self.books.entry(client).or_default().1 += used;
        let settle = Settle {
            id,
            outcome: Outcome::Completed.into(),
            duration_us: 1_000,
            usage: UsageSource::Completions.into(),
            used_tokens: Some(used),
            ..Settle::default()
        };
        Some(settle)
    }

    /// A stream, on which all was said again that nobody is known to have heard.
    async fn connect(&mut self) -> Result<(), Lost> {
        if self.stream.is_some() {
            return Ok(());
        }
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).expect("a URI");
        let channel = endpoint.connect().await.map_err(|_| Lost)?;
        let (frames, outbound) = mpsc::channel(8);
        let comes_back = !self.name.is_empty();
        let hello = Hello { protocol_version: 1, worker: self.name.clone(), ..Hello::default() };
        let ids = self.waiting.iter().map(|ask| ask.id);
        let ids = ids.chain(self.forwarded.keys().copied());
        let ids = ids.chain(self.unacknowledged.iter().map(|(_, settle)| settle.id));
        let resume = comes_back.then(|| Resume { ids: ids.collect(), more: false });
        let first = FilterFrame { hello: Some(hello), resume, ..FilterFrame::default() };
        frames.send(first).await.map_err(|_| Lost)?;
        let mut client = DecisionServiceClient::new(channel);
        let answers = client.decide(ReceiverStream::new(outbound)).await.map_err(|_| Lost)?;
        self.stream = Some(Stream { frames, answers: answers.into_inner() });
        self.answer().await?;
        let settles = self.unacknowledged.drain(..).map(|(_, settle)| settle).collect();
        self.exchange(settles).await
    }

    /// Sends what waits together with these ends, and reads until there is a verdict on everything.
    async fn exchange(&mut self, settles: Vec<Settle>) -> Result<(), Lost> {
        let number = if settles.is_empty() { 0 } else { self.frames + 1 };
        self.frames = self.frames.max(number);
        self.unacknowledged.extend(settles.iter().map(|settle| (number, *settle)));
        let frame =
            FilterFrame { asks: self.waiting.clone(), settles, number, ..FilterFrame::default() };
        let stream = self.stream.as_ref().ok_or(Lost)?;
        if stream.frames.send(frame).await.is_err() {
            return self.lost();
        }
        while !self.waiting.is_empty() {
            self.answer().await?;
        }
        Ok(())
    }

    async fn answer(&mut self) -> Result<(), Lost> {
        let stream = self.stream.as_mut().ok_or(Lost)?;
        let answer: Result<Option<ControlFrame>, Status> =
            soon("an answer", stream.answers.message()).await;
        let Ok(Some(answer)) = answer else { return self.lost() };
        if let Some(welcome) = answer.welcome {
            assert!(self.name.is_empty() || self.name == welcome.worker, "it keeps its name");
            self.name = welcome.worker;
        }
        self.unacknowledged.retain(|(number, _)| *number > answer.acknowledged);
        for verdict in answer.verdicts {
            let asked = self.waiting.iter().position(|ask| ask.id == verdict.id);
            let ask = self.waiting.swap_remove(asked.expect("a verdict on what was asked"));
            self.standing.clone_from(&verdict.tokens);
            if verdict.decision() == Decision::Admitted {
                let Some(Who::ClientId(client)) = ask.who else { panic!("asked by an id") };
                self.books.entry(client.clone()).or_default().0 += 1;
                let used = self.random.u64(0..100);
                let earlier = self.forwarded.insert(ask.id, (client, used));
                assert!(earlier.is_none(), "admitted once");
            }
        }
        Ok(())
    }

    fn lost(&mut self) -> Result<(), Lost> {
        self.stream = None;
        Err(Lost)
    }
}

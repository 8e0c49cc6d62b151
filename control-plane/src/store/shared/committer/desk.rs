//! Who makes the calls, one at a time.

use std::{collections::VecDeque, fmt::Display, ops::ControlFlow, sync::Arc, time::Duration};

use rand::random;
use tokio::{
    sync::mpsc::{self, error::TryRecvError},
    time::{Instant, sleep, timeout},
};
use tracing::{error, info, warn};

use super::{
    Shared,
    call::{Asked, Call},
    known::Known,
    places::HEARTBEAT,
    probe,
};
use crate::log_budget::LogBudget;
use crate::store::shared::{
    Batch, BatchError, Link, OPERATIONS_MAX, Reply,
    client::{Answer, Client, Failure},
    link::CONNECT_TIMEOUT,
    wish::{Unavailable, Wish},
};

/// How much is kept until the store has it. What is beyond stands as it was charged.
const WAITING_MAX: usize = 200_000;

/// How often a store that is away is tried.
const PROBE_INTERVAL: Duration = Duration::from_millis(100);

/// For how long an answer that comes too late is waited for.
const LATE_MAX: Duration = Duration::from_secs(5);

/// Lines a second about what can't be told: each request may be such a one.
const UNTOLD_LINES_MAX: u32 = 1;

/// How long it is nobody's turn.
const IDLE: Duration = Duration::from_secs(HEARTBEAT.as_secs() / 4);

/// Makes the calls.
pub(super) struct Desk {
    link: Arc<Link>,
    /// The number of the connection over which was asked last.
    connection: u64,
    /// Whether it was tried out on that.
    is_tried: bool,
    patience: Duration,
    /// How many replicas have to have what is answered.
    replicas: u64,
    asked: mpsc::Receiver<Asked>,
    pub(super) waiting: VecDeque<Asked>,
    /// Counts the calls.
    calls: u32,
    /// How many operations go into a call: fewer, while one is looked for that cannot be done.
    pub(super) operations_max: usize,
    pub(super) shared: Arc<Shared>,
    /// What may be said of what can't be told.
    untold: LogBudget,
    /// What the probe's keys end with, which are this desk's alone.
    name: [u8; 16],
}

impl Desk {
    /// A desk that waits for each answer for so long, and until so many replicas have it.
    pub(super) fn new(
        link: Arc<Link>,
        asked: mpsc::Receiver<Asked>,
        shared: Arc<Shared>,
        (patience, replicas): (Duration, u64),
    ) -> Self {
        Self {
            link,
            connection: 0,
            is_tried: false,
            patience,
            replicas,
            asked,
            waiting: VecDeque::new(),
            calls: 0,
            operations_max: OPERATIONS_MAX,
            shared,
            untold: LogBudget::new(UNTOLD_LINES_MAX, "what the shared store cannot be told"),
            name: random(),
        }
    }

    /// Serves until nobody is left who could ask.
    pub(super) async fn serve(mut self) {
        loop {
            if self.wait().await.is_break() || self.take_what_is_asked().is_break() {
                return;
            }
            // Who answers is known before anything is asked: a server that may have lost something has to
            // be told with the first call for a bucket.
            let is_open = self.shared.circuit.is_open();
            let connected = self.connect().await;
            let connected =
                connected.inspect_err(|failure| self.shared.metrics.has_failed(failure));
            let client = match connected {
                Ok(client) if is_open || !self.is_tried => self.try_out(client).await,
                connected => connected,
            };
            match client {
                Ok(client) => {
                    if is_open {
                        self.shared.circuit.close();
                        self.settle();
                    }
                    let call = self.gather();
                    self.tell_queue_length();
                    if !call.batch.is_empty() {
                        self.call(&client, call).await;
                    }
                }
                Err(failure) => self.goes_away(&failure).await,
            }
        }
    }

    /// Until there may be something to do.
    async fn wait(&mut self) -> ControlFlow<()> {
        let is_new = self.connection == 0;
        if is_new || !self.waiting.is_empty() || self.shared.circuit.is_open() {
            return ControlFlow::Continue(());
        }
        let heard = async {
            tokio::select! {
                biased;
                asked = self.asked.recv() => match asked {
                    Some(asked) => {
                        self.waiting.push_back(asked);
                        ControlFlow::Continue(())
                    }
                    None => ControlFlow::Break(()),
                },
                () = self.shared.circuit.woken() => ControlFlow::Continue(()),
            }
        };
        let heard = timeout(IDLE, heard).await;
        heard.unwrap_or_else(|_| {
            // That the store went away is known before somebody asks.
            self.is_tried = false;
            ControlFlow::Continue(())
        })
    }

    fn take_what_is_asked(&mut self) -> ControlFlow<()> {
        let is_open = self.shared.circuit.is_open();
        while self.waiting.len() < WAITING_MAX {
            match self.asked.try_recv() {
                Ok(asked) if is_open => self.keep_what_is_no_decision(asked),
                Ok(asked) => self.waiting.push_back(asked),
                Err(TryRecvError::Disconnected) if is_open || self.waiting.is_empty() => {
                    return ControlFlow::Break(());
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        ControlFlow::Continue(())
    }

    /// Nobody waits for a store that is away.
    pub(super) async fn goes_away(&mut self, failure: &Failure) {
        self.shared.circuit.open(&failure.to_string());
        self.tell_queue_length();
        for asked in std::mem::take(&mut self.waiting) {
            self.keep_what_is_no_decision(asked);
        }
        pause(PROBE_INTERVAL).await;
    }

    fn keep_what_is_no_decision(&mut self, asked: Asked) {
        if matches!(asked.wish, Wish::Decide(_)) {
            let _ = asked.answer.send(Err(Unavailable));
        } else {
            self.waiting.push_back(asked);
        }
    }

    /// The connection, and who answers on it.
    async fn connect(&mut self) -> Result<Client, Failure> {
        let (client, number) = self.link.numbered().await?;
        if number == self.connection {
            return Ok(client);
        }
        let server = match timeout(CONNECT_TIMEOUT, client.server()).await {
            Ok(Ok(server)) => server,
            Ok(Err(failure)) => return Err(self.is_not_connected(failure.to_string()).await),
            Err(_) => return Err(self.is_not_connected("it did not answer".to_owned()).await),
        };
        let known = &mut *self.shared.known.lock();
        let address = server.address.clone();
        if known.seen.server(server) {
            known.places.say_all_again();
            self.shared.metrics.merges.inc();
            let buckets = known.seen.untold();
            warn!(
                server = %address,
                buckets,
                "the shared store may have lost something: it is told what was seen"
            );
        }
        (self.connection, self.is_tried) = (number, false);
        Ok(client)
    }

    async fn is_not_connected(&self, why: String) -> Failure {
        self.link.has_broken().await;
        Failure::NotConnected(why)
    }

    /// Has the store do what a request of nobody asks of it: it reads and writes all that any other does,
    /// so that a server that answers and cannot do it, or does not let us, has done nothing by halves.
    pub(super) async fn try_out(&mut self, client: Client) -> Result<Client, Failure> {
        self.calls = self.calls.wrapping_add(1);
        if let Some(probe) = probe::batch(self.calls, &self.name) {
            let reply = self.ask(&client, &Arc::new(probe)).await?;
            self.shared.known.lock().hears_time(reply.now);
        }
        self.is_tried = true;
        Ok(client)
    }

    /// What was admitted without the store is told to it before anything else.
    fn settle(&mut self) {
        let owed = {
            let Known { local, unreadable, .. } = &mut *self.shared.known.lock();
            local.settle(|key| !unreadable.contains(key))
        };
        if owed.is_empty() {
            return;
        }
        info!(buckets = owed.len(), "the shared store is told what was admitted without it");
        for charge in owed {
            self.waiting.push_front(Asked::by_nobody(Wish::Charge(charge)));
        }
    }

    /// As much of what waits as goes into one call.
    fn gather(&mut self) -> Call {
        self.calls = self.calls.wrapping_add(1);
        let mut call = Call::new(self.calls);
        let known = &mut *self.shared.known.lock();
        let now = Instant::now();
        known.unreadable.look(now);
        if self.operations_max == OPERATIONS_MAX {
            for word in known.places.due(now) {
                // What finds no room is said in the next call.
                if call.say(word).is_err() {
                    break;
                }
            }
        }
        while call.sent.len() < self.operations_max
            && let Some(asked) = self.waiting.pop_front()
        {
            if asked.is_given_up() {
                continue;
            }
            match call.add(&asked.wish, known) {
                Ok(sent) => call.sent.push((asked, sent)),
                Err(BatchError::Full) if !call.batch.is_empty() => {
                    self.waiting.push_front(asked);
                    break;
                }
                Err(error) => {
                    self.cannot_tell(&error);
                    let _ = asked.answer.send(Err(Unavailable));
                }
            }
        }
        call
    }

    /// Says that something can't be told.
    pub(super) fn cannot_tell(&self, why: &dyn Display) {
        self.untold.log(|| error!("a request cannot be told to the shared store: {why}"));
    }

    fn tell_queue_length(&self) {
        let waiting = self.waiting.len().saturating_add(self.asked.len());
        self.shared.metrics.queue_length.set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }

    async fn call(&mut self, client: &Client, mut call: Call) {
        self.shared.metrics.calls(call.sent.len());
        let batch = Arc::new(std::mem::take(&mut call.batch));
        match self.ask(client, &batch).await {
            Ok(reply) => {
                self.shared.circuit.answered();
                self.operations_max = (self.operations_max * 2).min(OPERATIONS_MAX);
                self.answer(call, &batch, &reply);
                self.settle();
            }
            Err(Failure::Unreadable(keys)) => self.leave_out(&keys, call, &batch),
            Err(failure) => self.has_failed(client, &failure, call).await,
        }
    }

    /// What a call is answered, once so many replicas have it.
    async fn ask(&mut self, client: &Client, batch: &Arc<Batch>) -> Result<Reply, Failure> {
        let metrics = &self.shared.metrics;
        let began = Instant::now();
        let deadline = began + self.patience;
        let mut answered = match client.call(batch, None, deadline).await {
            Answer::InTime(answered) => answered,
            // Whoever asked waits no more; what was decided all the same is given back.
            Answer::Late(late) => match timeout(LATE_MAX, late.wait()).await {
                Ok(answered) => {
                    metrics.is_late();
                    answered
                }
                Err(_) => Err(Failure::Unknown("it did not answer".to_owned())),
            },
        };
        if answered.is_ok() && self.replicas > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            answered = match timeout(LATE_MAX, client.replicas(self.replicas, left)).await {
                Ok(Ok(have_it)) if have_it >= self.replicas => answered,
                Ok(Ok(have_it)) => Err(Failure::NotReplicated(have_it)),
                Ok(Err(failure)) => Err(failure),
                Err(_) => Err(Failure::Unknown("it did not answer".to_owned())),
            };
        }
        metrics.answered(began.elapsed());
        if let Err(failure) = &answered {
            metrics.has_failed(failure);
        }
        if answered.as_ref().is_err_and(Failure::is_of_the_connection) {
            self.link.has_broken().await;
        }
        answered
    }
}

#[expect(clippy::disallowed_methods, reason = "nobody announces that the store is back")]
pub(super) async fn pause(pause: Duration) {
    sleep(pause).await;
}

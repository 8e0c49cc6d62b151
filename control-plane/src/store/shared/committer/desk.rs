//! Who makes the calls, one at a time.

use std::{collections::VecDeque, num::NonZeroU64, ops::ControlFlow, sync::Arc, time::Duration};

use limiter::{Decision, Quota, Tokens, Window};
use rand::random;
use smallvec::SmallVec;
use tokio::{
    sync::mpsc::{self, error::TryRecvError},
    time::{Instant, sleep, timeout},
};
use tracing::{error, info, warn};

use super::{
    Shared,
    call::{Asked, Call},
    places::HEARTBEAT,
};
use crate::store::shared::{
    Batch, BatchError, Decide, Demand, End, Exact, Link, OPERATIONS_MAX, Opening, Operation,
    Receipt, Reply, Told, Wanted,
    client::{Answer, Client, Failure},
    link::CONNECT_TIMEOUT,
    wish::{Done, Unavailable, Wish},
};

/// How much is kept until the store has it. What is beyond stands as it was charged.
const WAITING_MAX: usize = 200_000;

/// How often a store that is away is tried.
const PROBE_INTERVAL: Duration = Duration::from_millis(100);

/// How long until what did not happen is asked again.
const RETRY_INTERVAL: Duration = Duration::from_millis(5);

/// For how long an answer that comes too late is waited for.
const LATE_MAX: Duration = Duration::from_secs(5);

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
    waiting: VecDeque<Asked>,
    /// Counts the calls.
    calls: u32,
    /// How many operations go into a call: fewer, while one is looked for that cannot be done.
    operations_max: usize,
    shared: Arc<Shared>,
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
    async fn goes_away(&mut self, failure: &Failure) {
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
    async fn try_out(&mut self, client: Client) -> Result<Client, Failure> {
        if let Some(probe) = self.probe() {
            let reply = self.ask(&client, &Arc::new(probe)).await?;
            self.shared.known.lock().hears_time(reply.now);
        }
        self.is_tried = true;
        Ok(client)
    }

    fn probe(&mut self) -> Option<Batch> {
        self.calls = self.calls.wrapping_add(1);
        let mut batch = Batch::default();
        let zero = Exact::default();
        // Any would do: nothing is taken of it.
        let quota = Quota::new(1, Window::MINUTE, None).ok()?;
        let told = Told { epoch: zero, revision: 0, since: zero, quota };
        let bucket = batch.bucket(b"probe:bucket", told, None).ok()?;
        let number = Exact::try_from(u64::from(self.calls)).ok()?;
        batch.word(b"probe:places", NonZeroU64::MIN, &self.name, (number, 0)).ok()?;
        let worker = batch.worker(&[b"probe:open:".as_slice(), &self.name].concat(), zero).ok()?;
        let request = self.calls;
        let wanted = Wanted::Tokens(bucket, Tokens::ZERO);
        let decide = Decide {
            demands: [Demand { wanted, is_watched: false }].into_iter().collect(),
            opening: Some(Opening { worker, request, note: Vec::new() }),
        };
        batch.push(Operation::Decide(decide)).ok()?;
        let corrections = SmallVec::new();
        batch.push(Operation::End(End { worker, request, corrections })).ok()?;
        Some(batch)
    }

    /// What was admitted without the store is told to it before anything else.
    fn settle(&mut self) {
        let owed = self.shared.known.lock().local.settle();
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
        if self.operations_max == OPERATIONS_MAX {
            for word in known.places.due(Instant::now()) {
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
                    error!("a request cannot be told to the shared store: {error}");
                    let _ = asked.answer.send(Err(Unavailable));
                }
            }
        }
        call
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
            Err(Failure::Unreadable(buckets)) => self.leave_out(&buckets, call, &batch),
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

    fn answer(&mut self, call: Call, batch: &Batch, reply: &Reply) {
        let done = match call.replay(batch, reply) {
            Ok(done) => done,
            Err(mismatch) => {
                self.shared.metrics.disagreements.inc();
                error!("the shared store is not believed: {mismatch}");
                call.note_unheard(&mut self.shared.known.lock().places);
                for (asked, _) in call.sent {
                    let _ = asked.answer.send(Err(Unavailable));
                }
                return;
            }
        };
        {
            let known = &mut *self.shared.known.lock();
            known.hears_time(reply.now);
            for (key, value) in batch.bucket_keys().zip(&reply.after) {
                known.seen.note(key, *value, reply.now);
            }
            for ((asked, _), done) in call.sent.iter().zip(&done) {
                if let (Wish::Decide(wish), Done::Decided(decided)) = (&asked.wish, done) {
                    known.take_places(wish, decided);
                }
            }
            call.note_heard(&mut known.places, reply, &done);
        }
        for ((Asked { mut wish, answer }, _), done) in call.sent.into_iter().zip(done).rev() {
            // Whoever hears that it was told may say so at once.
            if let Wish::End(end) = &mut wish {
                end.receipt = Receipt::default();
            }
            let Err(unread) = answer.send(Ok(done)) else { continue };
            // Whoever asked waits no more: what was charged for it is given back.
            if let (Wish::Decide(wish), Ok(Done::Decided(decided))) = (&wish, unread)
                && decided.decision == Decision::Admitted
            {
                self.shared.known.lock().leave_places(wish, &decided);
                let undone = wish.undone(Some(&decided.charged));
                self.waiting.push_front(Asked::by_nobody(Wish::End(undone)));
            }
        }
    }

    async fn has_failed(&mut self, client: &Client, failure: &Failure, call: Call) {
        if failure.is_of_the_call() {
            call.note_passed_over(&mut self.shared.known.lock().places);
        } else {
            call.note_unheard(&mut self.shared.known.lock().places);
        }
        let operations = call.sent.len();
        for (asked, _) in call.sent.into_iter().rev() {
            match asked.wish {
                // An end takes effect once, however often it is told. What is charged twice errs on the
                // safe side, and what is not at all does not.
                Wish::End(_) | Wish::Charge(_) => self.waiting.push_front(asked),
                Wish::Decide(_) if failure.is_to_be_repeated() => self.waiting.push_front(asked),
                Wish::Decide(wish) => {
                    let _ = asked.answer.send(Err(Unavailable));
                    // In its place, so that it comes before the same request when that is asked again.
                    if failure.may_have_happened() {
                        let undone = wish.undone(None);
                        self.waiting.push_front(Asked::by_nobody(Wish::End(undone)));
                    }
                }
            }
        }
        if failure.is_to_be_repeated() {
            return pause(RETRY_INTERVAL).await;
        }
        if failure.is_of_the_call() && self.try_out(client.clone()).await.is_ok() {
            self.look_for_what_cannot_be_done(failure, operations);
            return pause(RETRY_INTERVAL).await;
        }
        self.goes_away(failure).await;
    }

    /// Some buckets are of another version: what is of them cannot be done, and all else can.
    fn leave_out(&mut self, buckets: &[usize], call: Call, batch: &Batch) {
        call.note_unheard(&mut self.shared.known.lock().places);
        let keys: Vec<_> = batch.bucket_keys().collect();
        let left_out: Vec<_> =
            buckets.iter().filter_map(|bucket| keys.get(bucket.checked_sub(1)?).copied()).collect();
        for (Asked { wish, answer }, _) in call.sent.into_iter().rev() {
            let rest = wish.without(|key| left_out.contains(&key));
            match rest {
                Some(wish) => self.waiting.push_front(Asked { wish, answer }),
                None => {
                    let _ = answer.send(Err(Unavailable));
                }
            }
        }
    }

    /// The store does other calls: somewhere in this one is what it cannot do. Half of it at a time it is
    /// found, and given up, so that it is in nobody's way.
    fn look_for_what_cannot_be_done(&mut self, failure: &Failure, operations: usize) {
        if operations <= 1 {
            error!("a request cannot be told to the shared store: {failure}");
            if operations == 1
                && let Some(asked) = self.waiting.pop_front()
            {
                let _ = asked.answer.send(Err(Unavailable));
            }
        }
        self.operations_max = (operations / 2).max(1);
    }
}

#[expect(clippy::disallowed_methods, reason = "nobody announces that the store is back")]
async fn pause(pause: Duration) {
    sleep(pause).await;
}

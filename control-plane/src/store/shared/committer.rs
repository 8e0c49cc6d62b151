//! Group commit: one call of this process is under way at a time, and what is asked meanwhile goes with
//! the next.

use std::{
    collections::{HashMap, VecDeque},
    num::NonZeroU64,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use limiter::{Decision, UnixMillis};
use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, timeout},
};
use tracing::{error, info, warn};

use super::{
    Batch, BatchError, Charged, Correction, Decide, Demand, End, Exact, Link, Mismatch, Opening,
    Operation, Replay, Reply, Step, Tallies, Tally, Value, Wanted,
    client::{Answer, Failure},
    local::Local,
    presence::Presence,
    seen::Seen,
    wish::{
        ChargeWish, Counts, DecideWish, Decided, Done, EndWish, Hold, Stands, Thing, Unavailable,
        Wish, WorkerName,
    },
};

/// How much may be asked before an answer.
const ASKED_MAX: usize = 16_384;

/// How many ends are kept until the store has them. What is beyond stands as it was charged.
const ENDS_MAX: usize = 200_000;

/// After so many calls in a row without an answer in time nobody waits for one.
const TIMEOUTS_MAX: u32 = 5;

/// How often a store that is away is tried.
const PROBE_INTERVAL: Duration = Duration::from_millis(100);

/// How long until what did not happen is asked again.
const RETRY_INTERVAL: Duration = Duration::from_millis(5);

/// For how long an answer that comes too late is waited for.
const LATE_MAX: Duration = Duration::from_secs(5);

/// How often it is said of each place that is held.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// Asks the store, together with whoever else asks.
#[derive(Clone, Debug)]
pub struct Committer {
    asks: mpsc::Sender<Message>,
    state: Arc<State>,
    patience: Duration,
    decides_alone: bool,
    presence: Presence,
}

/// How the store is doing, as far as it is known here.
#[derive(Debug, Default)]
struct State {
    is_away: AtomicBool,
    timeouts: AtomicU32,
    known: Mutex<Known>,
}

/// What is known here of the store's balances.
#[derive(Debug, Default)]
struct Known {
    seen: Seen,
    local: Local,
    /// How many places each worker holds, by their bucket: that is told, and never counted.
    held: HashMap<(Arc<[u8]>, [u8; 16]), Held>,
}

/// What is told to the desk.
#[derive(Debug)]
enum Message {
    Asked(Asked),
    /// Requests of a worker were taken over, which hold these places.
    Holds(Arc<WorkerName>, Vec<(Arc<[u8]>, NonZeroU64)>),
}

/// What somebody asked.
#[derive(Debug)]
struct Asked {
    wish: Wish,
    answer: oneshot::Sender<Result<Done, Unavailable>>,
}

/// Where the indices of a wish's demands are in its batch.
#[derive(Debug)]
enum Sent {
    Decide(SmallVec<[Wanted; 4]>),
    End,
}

impl Committer {
    /// Asks the store of `link`, and waits for each answer for so long. What has to be done for it is the task that
    /// is handed out with it.
    /// While the store is away this process decides alone, where `decides_alone` says so.
    pub fn new(
        link: Link,
        patience: Duration,
        decides_alone: bool,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let (asks, asked) = mpsc::channel(ASKED_MAX);
        let state = Arc::new(State::default());
        let link = Arc::new(link);
        let (presence, announce) = Presence::announce(Arc::clone(&link));
        let desk = Desk {
            link,
            connection: 0,
            patience,
            asked,
            waiting: VecDeque::new(),
            calls: 0,
            state: Arc::clone(&state),
        };
        let serve = async move {
            tokio::join!(desk.serve(), announce);
        };
        (Self { asks, state, patience, decides_alone, presence }, serve)
    }

    /// Has all of it done, each by itself, in their order.
    pub async fn carry_out(&self, wishes: Vec<Wish>) -> Vec<Result<Done, Unavailable>> {
        let until = Instant::now() + self.patience;
        let answers: Vec<_> = wishes.iter().map(|wish| self.ask(wish)).collect();
        let mut done = Vec::with_capacity(answers.len());
        let mut has_timed_out = false;
        for (wish, answered) in wishes.iter().zip(answers) {
            let left = until.saturating_duration_since(Instant::now());
            let answer = match answered {
                Answered::Now(answer) => answer,
                Answered::Later(answered) => match timeout(left, answered).await {
                    Ok(answer) => answer.unwrap_or(Err(Unavailable)),
                    Err(_) => {
                        has_timed_out = true;
                        Err(Unavailable)
                    }
                },
            };
            done.push(answer.or_else(|unavailable| self.decide_alone(wish).ok_or(unavailable)));
        }
        if has_timed_out {
            self.state.has_timed_out();
        }
        done
    }

    /// Has one of them asked, where somebody is there to answer.
    fn ask(&self, wish: &Wish) -> Answered {
        let is_away = self.state.is_away.load(Ordering::Relaxed);
        match wish {
            // Nobody waits for a store that is away.
            Wish::Decide(_) if is_away => return Answered::Now(Err(Unavailable)),
            Wish::End(end) => {
                let further = self.state.known.lock().local.end(end, system_now());
                if let Some(further) = further {
                    self.state.give_places_back(end);
                    further.into_iter().for_each(|charge| self.tell(Wish::Charge(charge)));
                    return Answered::Now(Ok(Done::Ended));
                }
            }
            Wish::Decide(_) | Wish::Charge(_) => {}
        }
        let (answer, answered) = oneshot::channel();
        let is_asked =
            self.asks.try_send(Message::Asked(Asked { wish: wish.clone(), answer })).is_ok();
        match wish {
            // What the store is told in any case is waited for while it answers.
            Wish::End(_) | Wish::Charge(_) if is_asked && is_away => Answered::Now(Ok(Done::Ended)),
            _ if is_asked => Answered::Later(answered),
            _ => Answered::Now(Err(Unavailable)),
        }
    }

    fn tell(&self, wish: Wish) {
        let (answer, _) = oneshot::channel();
        // Where there is no room it stays untold: the store was away, and more than it can be told.
        let _ = self.asks.try_send(Message::Asked(Asked { wish, answer }));
    }

    /// What the store did not decide is decided by this process' part of the limits, where that is wanted.
    fn decide_alone(&self, wish: &Wish) -> Option<Done> {
        let Wish::Decide(wish) = wish else { return None };
        if !self.decides_alone {
            return None;
        }
        let mut known = self.state.known.lock();
        let Known { seen, local, held } = &mut *known;
        let held_of = |key: &[u8]| {
            let of_key = held.iter().filter(|((of, _), _)| **of == *key);
            of_key.map(|(_, held)| u64::from(held.places)).sum()
        };
        let parts = self.presence.count();
        let decided = local.decide(wish, (seen, parts), held_of, system_now());
        if decided.decision == Decision::Admitted {
            for (demand, charged) in wish.demands.iter().zip(&decided.charged) {
                if let (Thing::Place(key, max), Some(Charged::Place)) = (&demand.of, charged) {
                    hold(held, key, &wish.request.worker, *max);
                }
            }
        }
        Some(Done::Decided(decided))
    }

    /// A worker's requests were taken over from another process: of these, the places are the worker's.
    pub fn holds_places<'a>(
        &self,
        worker: &Arc<WorkerName>,
        holds: impl Iterator<Item = &'a Hold>,
    ) {
        let places = holds.filter_map(|hold| match hold {
            Hold::Place(key, max) => Some((Arc::clone(key), *max)),
            Hold::Tokens { .. } => None,
        });
        let places: Vec<_> = places.collect();
        if !places.is_empty() {
            // Where there is no room the places are somebody else's after a minute.
            let _ = self.asks.try_send(Message::Holds(Arc::clone(worker), places));
        }
    }

    /// Requests of a worker are somebody else's from now on, and so are its places.
    pub fn forget_places(&self, worker: [u8; 16]) {
        self.state.known.lock().held.retain(|(_, of), _| *of != worker);
    }

    /// A worker has a new stream: what is said of its places is said on that one.
    pub fn goes_on(&self, worker: &Arc<WorkerName>) {
        let held = &mut self.state.known.lock().held;
        let of_worker = held.iter_mut().filter(|((_, of), _)| *of == worker.name);
        of_worker.for_each(|(_, held)| held.worker = Arc::clone(worker));
    }

    /// Whether nobody waits for the store at the moment.
    pub fn is_away(&self) -> bool {
        self.state.is_away.load(Ordering::Relaxed)
    }
}

/// When an answer is there.
enum Answered {
    Now(Result<Done, Unavailable>),
    Later(oneshot::Receiver<Result<Done, Unavailable>>),
}

impl State {
    fn has_timed_out(&self) {
        if self.timeouts.fetch_add(1, Ordering::Relaxed) + 1 >= TIMEOUTS_MAX {
            self.goes("it did not answer in time");
        }
    }

    fn goes(&self, why: &str) {
        if !self.is_away.swap(true, Ordering::Relaxed) {
            warn!("the shared store is away ({why}): requests meet STORE_FAILURE_MODE");
        }
    }

    /// The store answers; what it has to be told that was decided meanwhile.
    fn is_back(&self) -> Vec<ChargeWish> {
        self.timeouts.store(0, Ordering::Relaxed);
        if self.is_away.swap(false, Ordering::Relaxed) {
            let owed = self.known.lock().local.settle();
            info!(
                buckets = owed.len(),
                "the shared store is back, and told what was admitted meanwhile"
            );
            return owed;
        }
        Vec::new()
    }

    fn give_places_back(&self, end: &EndWish) {
        let held = &mut self.known.lock().held;
        for hold in &end.holds {
            let Hold::Place(key, _) = hold else { continue };
            if let Some(held) = held.get_mut(&(Arc::clone(key), end.request.worker.name)) {
                held.places = held.places.saturating_sub(1);
            }
        }
    }

    fn take_places_again(&self, end: &EndWish) {
        let held = &mut self.known.lock().held;
        for place in &end.holds {
            if let Hold::Place(key, of) = place {
                hold(held, key, &end.request.worker, *of);
            }
        }
    }

    fn held_by(&self, key: &Arc<[u8]>, worker: &WorkerName) -> u32 {
        let of = (Arc::clone(key), worker.name);
        self.known.lock().held.get(&of).map_or(0, |held| held.places)
    }
}

/// A worker holds one place more.
fn hold(
    held: &mut HashMap<(Arc<[u8]>, [u8; 16]), Held>,
    key: &Arc<[u8]>,
    worker: &Arc<WorkerName>,
    of: NonZeroU64,
) {
    let told = Instant::now();
    let new = || Held { worker: Arc::clone(worker), places: 0, of, told };
    let held = held.entry((Arc::clone(key), worker.name)).or_insert_with(new);
    held.places = held.places.saturating_add(1);
    (held.worker, held.told, held.of) = (Arc::clone(worker), told, of);
}

/// The time of this process, which stands for the store's while that is away.
fn system_now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Who makes the calls.
struct Desk {
    link: Arc<Link>,
    /// The number of the connection over which was asked last.
    connection: u64,
    patience: Duration,
    asked: mpsc::Receiver<Message>,
    waiting: VecDeque<Asked>,
    calls: u32,
    state: Arc<State>,
}

/// Places of one bucket that a worker holds.
#[derive(Debug)]
struct Held {
    /// Whose they are, by its newest stream.
    worker: Arc<WorkerName>,
    places: u32,
    /// Of how many.
    of: NonZeroU64,
    told: Instant,
}

impl Desk {
    async fn serve(mut self) {
        loop {
            if self.waiting.is_empty() {
                let is_away = self.state.is_away.load(Ordering::Relaxed);
                let idle = if is_away { PROBE_INTERVAL } else { HEARTBEAT / 4 };
                match timeout(idle, self.asked.recv()).await {
                    Ok(Some(message)) => self.take(message),
                    Ok(None) => return,
                    Err(_) if is_away => self.probe().await,
                    Err(_) => {}
                }
            }
            while self.waiting.len() < ENDS_MAX
                && let Ok(message) = self.asked.try_recv()
            {
                self.take(message);
            }
            let (batch, sent) = self.gather();
            if batch.is_empty() {
                continue;
            }
            self.call(Arc::new(batch), sent).await;
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Asked(asked) => self.waiting.push_back(asked),
            Message::Holds(worker, places) => {
                let held = &mut self.state.known.lock().held;
                places.iter().for_each(|(key, of)| hold(held, key, &worker, *of));
            }
        }
    }

    /// Whether a store that was away answers again.
    async fn probe(&mut self) {
        if self.ask(&Arc::new(Batch::default())).await.is_ok() {
            self.is_back();
        }
    }

    fn is_back(&mut self) {
        for charge in self.state.is_back() {
            let (answer, _) = oneshot::channel();
            self.waiting.push_back(Asked { wish: Wish::Charge(charge), answer });
        }
    }

    /// As much of what waits as goes into one call.
    fn gather(&mut self) -> (Batch, Vec<(Asked, Sent)>) {
        self.calls = self.calls.wrapping_add(1);
        let mut batch = Batch::default();
        let mut sent = Vec::new();
        while let Some(asked) = self.waiting.pop_front() {
            if matches!(asked.wish, Wish::Decide(_)) && asked.answer.is_closed() {
                continue;
            }
            if let Wish::End(end) = &asked.wish {
                self.state.give_places_back(end);
            }
            match self.add(&mut batch, &asked.wish) {
                Ok(added) => sent.push((asked, added)),
                Err(BatchError::Full) if !batch.is_empty() => {
                    if let Wish::End(end) = &asked.wish {
                        self.state.take_places_again(end);
                    }
                    self.waiting.push_front(asked);
                    break;
                }
                Err(error) => {
                    error!("a request cannot be told to the shared store: {error}");
                    let _ = asked.answer.send(Err(Unavailable));
                }
            }
        }
        self.say_what_is_held(&mut batch);
        (batch, sent)
    }

    fn add(&mut self, batch: &mut Batch, wish: &Wish) -> Result<Sent, BatchError> {
        match wish {
            Wish::Decide(wish) => self.add_decide(batch, wish),
            Wish::End(wish) => self.add_end(batch, wish),
            Wish::Charge(ChargeWish { key, told, tokens }) => {
                let bucket = batch.bucket(key, *told, self.seen(key))?;
                let (tokens, tallies) = (*tokens, Tallies::new());
                batch.push(Operation::Charge { bucket, tokens, tallies })?;
                Ok(Sent::End)
            }
        }
    }

    /// What has to be told of a bucket to a server that may have lost it.
    fn seen(&self, key: &[u8]) -> Option<Value> {
        self.state.known.lock().seen.to_tell(key)
    }

    fn add_decide(&mut self, batch: &mut Batch, wish: &DecideWish) -> Result<Sent, BatchError> {
        let worker = &wish.request.worker;
        let mut demands = SmallVec::<[Demand; 8]>::new();
        let mut wanted = SmallVec::new();
        for demand in &wish.demands {
            let one = match &demand.of {
                Thing::Tokens(key, told, cost) => {
                    Wanted::Tokens(batch.bucket(key, *told, self.seen(key))?, *cost)
                }
                Thing::Place(key, max) => {
                    let held = self.state.held_by(key, worker);
                    let number = self.number_of(worker);
                    Wanted::Place(batch.word(key, *max, &worker.name, (number, held))?)
                }
            };
            wanted.push(one);
            demands.push(Demand { wanted: one, is_watched: demand.is_watched });
        }
        let opening = Opening {
            worker: batch.worker(&worker.key)?,
            request: wish.request.id,
            note: wish.note.clone(),
        };
        let (if_admitted, if_refused) = match &wish.counts {
            Some(counts) => {
                (tallies(batch, counts, &counts.done)?, tallies(batch, counts, &counts.refused)?)
            }
            None => (Tallies::new(), Tallies::new()),
        };
        batch.push(Operation::Decide(Decide {
            demands,
            opening: Some(opening),
            if_admitted,
            if_refused,
        }))?;
        Ok(Sent::Decide(wanted))
    }

    fn add_end(&mut self, batch: &mut Batch, wish: &EndWish) -> Result<Sent, BatchError> {
        let worker = &wish.request.worker;
        let mut corrections = SmallVec::new();
        for hold in &wish.holds {
            match hold {
                Hold::Tokens { key, told, charge, epoch, used } => {
                    let bucket = batch.bucket(key, *told, self.seen(key))?;
                    let (charge, epoch, used) = (*charge, *epoch, *used);
                    corrections.push(Correction { bucket, charge, epoch, used });
                }
                Hold::Place(key, max) => {
                    let held = self.state.held_by(key, worker);
                    let number = self.number_of(worker);
                    batch.word(key, *max, &worker.name, (number, held))?;
                }
            }
        }
        let tallies = match &wish.counts {
            Some(counts) => tallies(batch, counts, &counts.done)?,
            None => Tallies::new(),
        };
        let worker = batch.worker(&worker.key)?;
        let request = wish.request.id;
        batch.push(Operation::End(End { worker, request, corrections, tallies }))?;
        Ok(Sent::End)
    }

    /// Places that nothing was said of for long.
    fn say_what_is_held(&mut self, batch: &mut Batch) {
        let now = Instant::now();
        let due: Vec<_> = {
            let held = &mut self.state.known.lock().held;
            let due = held.iter_mut();
            let due = due.filter(|(_, held)| now.duration_since(held.told) >= HEARTBEAT);
            let told = due.map(|((key, _), held)| {
                held.told = now;
                (Arc::clone(key), Arc::clone(&held.worker), held.of, held.places)
            });
            told.collect()
        };
        for (key, worker, max, places) in due {
            let number = self.number_of(&worker);
            if batch.word(&key, max, &worker.name, (number, places)).is_err() {
                break;
            }
        }
    }

    /// The number of what is said in this call: later than all that was said before of the worker, by
    /// whichever control plane.
    fn number_of(&self, worker: &WorkerName) -> Exact {
        let stream = worker.stream.min((1 << 21) - 1);
        Exact::try_from((stream << 32) | u64::from(self.calls)).unwrap_or_default()
    }

    async fn call(&mut self, batch: Arc<Batch>, sent: Vec<(Asked, Sent)>) {
        let answers = match self.ask(&batch).await {
            Ok(reply) => {
                self.is_back();
                let answers = replay(&batch, &reply, &sent);
                if answers.is_ok() {
                    let known = &mut *self.state.known.lock();
                    known.held.retain(|_, held| held.places > 0);
                    // Somebody else has heard something later from these workers.
                    for (key, worker) in batch.stale(&reply.news) {
                        known.held.retain(|(of, by), _| **of != *key || by[..] != *worker);
                    }
                    for (key, value) in batch.bucket_keys().zip(&reply.after) {
                        known.seen.note(key, *value, reply.now);
                    }
                }
                answers
            }
            Err(failure) => return self.has_failed(&failure, sent).await,
        };
        match answers {
            Ok(answers) => {
                for ((asked, _), done) in sent.into_iter().zip(answers) {
                    self.answer(asked, done);
                }
            }
            Err(mismatch) => {
                error!("the shared store is not believed: {mismatch}");
                for (asked, _) in sent {
                    let _ = asked.answer.send(Err(Unavailable));
                }
            }
        }
    }

    async fn ask(&mut self, batch: &Arc<Batch>) -> Result<Reply, Failure> {
        let (client, number) = self.link.numbered().await?;
        if number != self.connection {
            let server = client.server().await?;
            let mut known = self.state.known.lock();
            if known.seen.server(server) {
                let buckets = known.seen.untold();
                warn!(
                    buckets,
                    "the shared store may have lost something: it is told what was seen"
                );
            }
            self.connection = number;
        }
        let answered = match client.call(batch, None, Instant::now() + self.patience).await {
            Answer::InTime(answered) => answered,
            // Whoever asked waits no more; what was decided all the same is given back.
            Answer::Late(late) => match timeout(LATE_MAX, late.wait()).await {
                Ok(answered) => answered,
                Err(_) => Err(Failure::Unknown("it did not answer".to_owned())),
            },
        };
        if answered.as_ref().is_err_and(Failure::may_have_happened) {
            self.link.has_broken().await;
        }
        answered
    }

    fn answer(&mut self, asked: Asked, done: Done) {
        let Asked { wish, answer } = asked;
        if let (Wish::Decide(wish), Done::Decided(decided)) = (&wish, &done) {
            for (demand, charged) in wish.demands.iter().zip(&decided.charged) {
                if let (Thing::Place(key, max), Some(Charged::Place)) = (&demand.of, charged) {
                    hold(&mut self.state.known.lock().held, key, &wish.request.worker, *max);
                }
            }
        }
        let Err(unread) = answer.send(Ok(done)) else { return };
        // Whoever asked waits no more: what was charged for it is given back.
        if let (Wish::Decide(wish), Ok(Done::Decided(decided))) = (&wish, unread)
            && decided.decision == Decision::Admitted
        {
            self.keep(wish.undone(Some(&decided.charged)));
        }
    }

    async fn has_failed(&mut self, failure: &Failure, sent: Vec<(Asked, Sent)>) {
        if !failure.is_to_be_repeated() {
            self.state.goes(&failure.to_string());
        }
        for (asked, _) in sent.into_iter().rev() {
            match asked.wish {
                // An end takes effect once, however often it is told.
                Wish::End(_) => self.waiting.push_front(asked),
                // What is charged twice errs on the safe side, and what is not at all does not.
                Wish::Charge(_) => self.waiting.push_front(asked),
                Wish::Decide(_) if failure.is_to_be_repeated() => self.waiting.push_front(asked),
                Wish::Decide(wish) => {
                    let _ = asked.answer.send(Err(Unavailable));
                    if failure.may_have_happened() {
                        self.keep(wish.undone(None));
                    }
                }
            }
        }
        let pause = if self.state.is_away.load(Ordering::Relaxed) {
            PROBE_INTERVAL
        } else {
            RETRY_INTERVAL
        };
        #[expect(clippy::disallowed_methods, reason = "nobody announces that the store is back")]
        sleep(pause).await;
    }

    /// An end that nobody waits for.
    fn keep(&mut self, end: EndWish) {
        if self.waiting.len() < ENDS_MAX {
            let (answer, _) = oneshot::channel();
            self.waiting.push_back(Asked { wish: Wish::End(end), answer });
        }
    }
}

fn tallies(
    batch: &mut Batch,
    counts: &Counts,
    numbers: &[(&'static str, i64)],
) -> Result<Tallies, BatchError> {
    let tally = |(field, by): &(&'static str, i64)| {
        let counter = batch.counter(&counts.key, field.as_bytes())?;
        Ok(Tally { counter, by: *by })
    };
    numbers.iter().map(tally).collect()
}

/// What became of each, by the same rule once more.
fn replay(batch: &Batch, reply: &Reply, sent: &[(Asked, Sent)]) -> Result<Vec<Done>, Mismatch> {
    let mut replay = Replay::of(batch, reply)?;
    let mut all = Vec::with_capacity(sent.len());
    for (_, sent) in sent {
        let step = match replay.step() {
            Some(step) => step?,
            None => return Err(Mismatch::Shape),
        };
        all.push(match (step, sent) {
            (Step::Decided { decision, charged }, Sent::Decide(wanted)) => {
                let left = wanted.iter().filter_map(|wanted| match wanted {
                    Wanted::Tokens(bucket, _) => {
                        replay.bucket(*bucket).map(|value| Stands::Bucket(value.bucket))
                    }
                    Wanted::Place(word) => replay.places(*word).copied().map(Stands::Places),
                });
                let (left, now) = (left.collect(), replay.now());
                let charged = charged.into_iter().collect();
                Done::Decided(Decided { now, decision, charged, left })
            }
            (Step::OpenAlready, _) => Done::OpenAlready,
            _ => Done::Ended,
        });
    }
    replay.finish()?;
    Ok(all)
}

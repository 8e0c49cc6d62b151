//! Group commit: one call of this process is under way at a time, and what is asked meanwhile goes with
//! the next.
//!
//! Here is the door, which everybody shares. Behind it is one desk, which makes the calls; `outcome` is what becomes of each.

mod call;
mod circuit;
mod desk;
mod known;
mod outcome;
mod places;
mod probe;

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use prometheus::IntCounter;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, timeout_at},
};

use self::{call::Asked, circuit::Circuit, desk::Desk, known::Known};
use super::{
    Config, Link, StoreFailureMode, StoreMetrics, Value,
    presence::Presence,
    unreadable::OF_WORKER,
    wish::{DecideWish, Done, Hold, Unavailable, Wish, WorkerName},
};

/// How much may be asked before an answer: a store that stands still is waited for for seconds, in which
/// requests end.
const ASKED_MAX: usize = 65_536;

/// Asks the store, together with whoever else asks.
#[derive(Clone, Debug)]
pub struct Committer {
    asks: mpsc::Sender<Asked>,
    shared: Arc<Shared>,
    patience: Duration,
    decides_alone: bool,
    presence: Presence,
    /// Requests that the store did not decide.
    undecided: IntCounter,
}

/// What the door and the desk share.
#[derive(Debug)]
struct Shared {
    circuit: Circuit,
    known: Mutex<Known>,
    metrics: StoreMetrics,
}

/// When an answer is there.
enum Answered {
    /// At once: what has ended is told in any case.
    Ended,
    /// At once: nobody is there.
    Never,
    Later(oneshot::Receiver<Result<Done, Unavailable>>),
}

impl Committer {
    /// Asks the store of `link`, as `config` says how. What has to be done for it is the task that is handed
    /// out with it.
    pub fn new(
        link: Link,
        config: &Config,
        metrics: StoreMetrics,
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (asks, asked) = mpsc::channel(ASKED_MAX);
        let undecided = metrics.undecided(config.failure_mode);
        let link = Arc::new(link);
        let patience = Duration::from_millis(config.timeout_ms);
        let decides_alone = config.failure_mode == StoreFailureMode::Local;
        let (presence, announce) = Presence::announce(Arc::clone(&link), metrics.clone());
        let circuit = Circuit::new(metrics.circuit_open.clone());
        let known = Mutex::new(Known::behind(link.prefix()));
        let shared = Arc::new(Shared { circuit, known, metrics });
        let desk = Desk::new(link, asked, Arc::clone(&shared), (patience, config.wait));
        let serve = async move {
            tokio::select! {
                biased;
                () = desk.serve() => {}
                () = announce => {}
            }
        };
        (Self { asks, shared, patience, decides_alone, presence, undecided }, serve)
    }

    /// Has all of it done, each by itself, in their order. It is waited for to the end: what was decided
    /// for somebody who went away in between would be known to nobody.
    pub async fn carry_out(&self, wishes: Vec<Wish>) -> Vec<Result<Done, Unavailable>> {
        let until = Instant::now() + self.patience;
        let answers = self.shared.circuit.answers();
        let asked = wishes.into_iter().map(|wish| {
            let decides = match &wish {
                Wish::Decide(wish) => Some(Arc::clone(wish)),
                Wish::End(_) | Wish::Charge(_) => None,
            };
            (decides, self.ask(wish))
        });
        let asked: Vec<_> = asked.collect();
        let mut answered = Vec::with_capacity(asked.len());
        let mut has_timed_out = false;
        for (decides, asked) in asked {
            let answer = match asked {
                Answered::Ended => Ok(Done::Ended),
                Answered::Never => Err(Unavailable),
                Answered::Later(mut answer) => {
                    if let Ok(answer) = timeout_at(until, &mut answer).await {
                        answer.unwrap_or(Err(Unavailable))
                    } else {
                        // It may have come in this moment; from now on a decision is given back.
                        answer.close();
                        answer.try_recv().unwrap_or_else(|_| {
                            has_timed_out = true;
                            Err(Unavailable)
                        })
                    }
                }
            };
            answered.push((decides, answer));
        }
        if has_timed_out {
            self.shared.circuit.has_timed_out(answers);
        }
        let done = answered.into_iter().map(|(decides, answer)| match (answer, decides) {
            (Err(error), Some(wish)) => self.decide_alone(&wish).ok_or(error),
            (answer, _) => answer,
        });
        done.collect()
    }

    /// Has one of them asked, where somebody is there to answer.
    fn ask(&self, wish: Wish) -> Answered {
        let is_away = self.is_away();
        match &wish {
            // Nobody waits for a store that is away.
            Wish::Decide(_) if is_away => return Answered::Never,
            Wish::End(end) => {
                let further = {
                    let known = &mut *self.shared.known.lock();
                    known.give_places_back(end);
                    known.end_alone(end)
                };
                if let Some(further) = further {
                    // Where there is no room it stays untold: more is waiting than the store can be told.
                    for charge in further {
                        let _ = self.asks.try_send(Asked::by_nobody(Wish::Charge(charge)));
                    }
                    self.shared.circuit.wake();
                    return Answered::Ended;
                }
            }
            Wish::Decide(_) | Wish::Charge(_) => {}
        }
        let (answer, answered) = oneshot::channel();
        match self.asks.try_send(Asked { wish, answer }) {
            // It is told in any case, and waited for while somebody answers: nothing is decided by now.
            Ok(()) if is_away => Answered::Ended,
            Ok(()) => Answered::Later(answered),
            Err(_) => Answered::Never,
        }
    }

    /// What the store did not decide is decided by this process' part of the limits, where that is wanted.
    fn decide_alone(&self, wish: &DecideWish) -> Option<Done> {
        self.undecided.inc();
        if !self.decides_alone {
            return None;
        }
        let known = &mut *self.shared.known.lock();
        let decided = known.decide_alone(wish, self.presence.count());
        Some(Done::Decided(Box::new(decided)))
    }

    /// A worker's requests were taken over from another process: all these places are the worker's.
    pub fn holds_places<'a>(
        &self,
        worker: &Arc<WorkerName>,
        holds: impl Iterator<Item = &'a Hold>,
    ) {
        let places = &mut self.shared.known.lock().places;
        for hold in holds {
            if let Hold::Place(key, max) = hold {
                places.take(key, worker, *max);
            }
        }
        self.shared.circuit.wake();
    }

    /// Requests of a worker are somebody else's from now on, and so are its places.
    pub fn forget_places(&self, worker: [u8; 16]) {
        self.shared.known.lock().places.forget(worker);
    }

    /// A worker has a new stream: what is said of its places is said on that one.
    pub fn goes_on(&self, worker: &Arc<WorkerName>) {
        self.shared.known.lock().places.goes_on(worker);
    }

    /// This process among those that share the store.
    pub fn presence(&self) -> &Presence {
        &self.presence
    }

    /// Whether nobody waits for the store at the moment.
    pub fn is_away(&self) -> bool {
        self.shared.circuit.is_open()
    }

    /// How many keys of the store cannot be read here, of those that were asked for lately, and each change
    /// of that.
    pub fn unreadable_keys(&self) -> watch::Receiver<usize> {
        self.shared.known.lock().unreadable.count()
    }

    /// What is stored of a worker cannot be read.
    pub(super) fn cannot_read(&self, key: &[u8]) {
        let known = &mut *self.shared.known.lock();
        known.unreadable.meets(OF_WORKER, key, Instant::now());
    }

    /// It was read.
    pub(super) fn reads(&self, keys: &[&[u8]]) {
        let known = &mut *self.shared.known.lock();
        for key in keys {
            known.unreadable.can_be_read(OF_WORKER, key, Instant::now());
        }
    }

    /// What was seen of a bucket, where the server that answers now may have lost it and has not been told.
    pub(super) fn untold(&self, key: &[u8]) -> Option<Value> {
        self.shared.known.lock().seen.to_tell(key)
    }

    /// Why nobody waits for the store, and each change of that; `None` while it answers.
    pub fn why_away(&self) -> watch::Receiver<Option<String>> {
        self.shared.circuit.why_open()
    }
}

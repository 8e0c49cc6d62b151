//! Requests from many connections at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::JoinSet;

use crate::deadline::eventually;
use crate::http_client::{Answer, RequestBuilder};

/// What became of one request: its answer, or why there is none.
pub type Outcome = Result<Answer, String>;

/// Load that goes on until it is stopped. Each of its tasks sends the next request when the last
/// one is answered.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    outcomes: Arc<Mutex<Vec<Outcome>>>,
    tasks: JoinSet<()>,
}

impl Load {
    /// Starts this many tasks.
    pub fn start(
        tasks: usize,
        request: impl Fn() -> RequestBuilder + Clone + Send + 'static,
    ) -> Self {
        let mut load =
            Self { stop: Arc::default(), outcomes: Arc::default(), tasks: JoinSet::new() };
        for _ in 0..tasks {
            let (stop, outcomes, request) =
                (Arc::clone(&load.stop), Arc::clone(&load.outcomes), request.clone());
            load.tasks.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let outcome = request().try_send().await;
                    lock(&outcomes).push(outcome);
                }
            });
        }
        load
    }

    /// Waits until this many more requests are answered with this status.
    pub async fn wait_for(&self, more: usize, status: u16) {
        let answered =
            || lock(&self.outcomes).iter().filter(|outcome| has_status(outcome, status)).count();
        let goal = answered() + more;
        let what = format!("{more} more answers with status {status} under load");
        eventually(&what, || async { (answered() >= goal).then_some(()) }).await;
    }

    /// Takes the outcomes so far.
    pub fn take(&self) -> Vec<Outcome> {
        std::mem::take(&mut *lock(&self.outcomes))
    }

    /// Lets the tasks finish what they wait for, and returns the outcomes that were not taken
    /// before.
    pub async fn stop(mut self) -> Vec<Outcome> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("a load task does not panic");
        }
        self.take()
    }
}

/// Sends `requests` requests from `tasks` tasks and returns the answers.
pub async fn send_many<R>(requests: usize, tasks: usize, request: R) -> Vec<Answer>
where
    R: Fn(usize) -> RequestBuilder + Clone + Send + 'static,
{
    let mut running = JoinSet::new();
    for task in 0..tasks {
        let request = request.clone();
        running.spawn(async move {
            let mut answers = Vec::new();
            for number in (task..requests).step_by(tasks) {
                answers.push(request(number).send().await);
            }
            answers
        });
    }
    running.join_all().await.into_iter().flatten().collect()
}

fn has_status(outcome: &Outcome, status: u16) -> bool {
    outcome.as_ref().is_ok_and(|answer| answer.status.as_u16() == status)
}

fn lock(outcomes: &Mutex<Vec<Outcome>>) -> MutexGuard<'_, Vec<Outcome>> {
    outcomes.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Who may read many clients at a time: a few, so that readers of lists do not take the processors
//! from decisions.

use std::sync::Arc;

use tokio::{sync::Semaphore, task};

/// The process ends before it was somebody's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the process is stopping")]
pub(crate) struct Shutdown;

/// So many at a time; clones share the same turns.
#[derive(Clone, Debug)]
pub(crate) struct Turns(Arc<Semaphore>);

impl Turns {
    pub(crate) fn new(at_a_time: usize) -> Self {
        Self(Arc::new(Semaphore::new(at_a_time)))
    }

    /// Runs `work` where it holds up nobody, when it is its turn.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Shutdown> {
        let turn = Arc::clone(&self.0).acquire_owned().await;
        let done = task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        done.await.map_err(|_| Shutdown)
    }
}

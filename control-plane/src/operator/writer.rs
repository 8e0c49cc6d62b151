//! One write at a time, each to its end and written down.

use std::sync::Arc;

use tokio::{
    sync::{AcquireError, OwnedSemaphorePermit, Semaphore},
    task::{self, JoinHandle},
};
use tracing::error;

use super::OperatorError;
use crate::ledger::Ledger;

/// Whoever writes waits for the write before.
#[derive(Debug)]
pub(super) struct Writer {
    turn: Arc<Semaphore>,
    ledger: Arc<Ledger>,
}

impl Writer {
    pub(super) fn new(ledger: Arc<Ledger>) -> Self {
        Self { turn: Arc::new(Semaphore::new(1)), ledger }
    }

    /// Begins `write` when it is its turn. From then on it is a task of its own: a caller that goes
    /// away in the middle leaves nothing half done.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        write: impl Future<Output = Result<T, OperatorError>> + Send + 'static,
    ) -> Result<T, OperatorError> {
        let turn = self.turn().await;
        let done = self.begin(turn, write).await.unwrap_or(Err(OperatorError::Stopping));
        // The caller is told that it failed, the log why.
        match &done {
            Err(OperatorError::Store(cause)) => error!("the store failed: {cause}"),
            Err(OperatorError::Audit(cause)) => error!("the audit failed: {cause}"),
            _ => {}
        }
        done
    }

    /// The same for a caller that tells the log itself what went wrong.
    pub(super) async fn run_untold<T: Send + 'static>(
        &self,
        write: impl Future<Output = Result<T, OperatorError>> + Send + 'static,
    ) -> Result<T, OperatorError> {
        let turn = self.turn().await;
        self.begin(turn, write).await.unwrap_or(Err(OperatorError::Stopping))
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, AcquireError> {
        Arc::clone(&self.turn).acquire_owned().await
    }

    fn begin<T: Send + 'static>(
        &self,
        turn: Result<OwnedSemaphorePermit, AcquireError>,
        write: impl Future<Output = Result<T, OperatorError>> + Send + 'static,
    ) -> JoinHandle<Result<T, OperatorError>> {
        let ledger = Arc::clone(&self.ledger);
        task::spawn(async move {
            let done = write.await;
            ledger.commit();
            drop(turn);
            done
        })
    }
}

//! One write at a time, each to its end.

use std::sync::Arc;

use tokio::{sync::Semaphore, task};
use tracing::error;

use super::OperatorError;

/// Whoever writes waits for the write before.
#[derive(Debug)]
pub(super) struct Writer(Arc<Semaphore>);

impl Writer {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }

    /// Begins `write` when it is its turn. From then on it is a task of its own: a caller that goes
    /// away in the middle leaves nothing half done.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        write: impl Future<Output = Result<T, OperatorError>> + Send + 'static,
    ) -> Result<T, OperatorError> {
        let turn = Arc::clone(&self.0).acquire_owned().await;
        let done = task::spawn(async move {
            let done = write.await;
            drop(turn);
            done
        });
        let done = done.await.unwrap_or(Err(OperatorError::Stopping));
        if let Err(OperatorError::Store(cause)) = &done {
            // The caller is told that it failed, the log why.
            error!("the store failed: {cause}");
        }
        done
    }
}

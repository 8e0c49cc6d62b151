//! The thread that decides: one for all streams, and for nothing else.
//!
//! A worker tells what a response gave back right before the last of it goes to its client, whose
//! next request may come by another worker's stream. One thread takes what arrives in the order in
//! which it arrived, so that the first is never overtaken by the second. Nor does anything that
//! reads or writes the configuration of a million clients hold up a decision here.

use std::{io, sync::Arc, thread};

use tokio::{runtime, sync::oneshot, task};
use tokio_util::sync::CancellationToken;

use super::{StreamMetrics, server::serve};
use crate::{auth::Lock, ledger::Ledger, listener::Port};

/// Why decisions are not served, or no more.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The thread, or its listener, cannot be set up.
    #[error("the thread that decides cannot be set up: {0}")]
    Thread(#[from] io::Error),
    /// The server failed.
    #[error("the decision server failed: {0}")]
    Server(#[from] tonic::transport::Error),
    /// The thread ended without a word.
    #[error("the thread that decides panicked")]
    Panicked,
}

/// Serves decisions on `port` to those whom `lock` lets in until `shutdown`, on a thread of its own;
/// streams that are open end between two frames.
///
/// What is done `beside` them is done on the same thread: nobody is woken on another one to ask a store
/// that is shared, which costs more than the question.
pub async fn serve_on_own_thread(
    port: impl Into<Port>,
    ledger: Arc<Ledger>,
    metrics: StreamMetrics,
    lock: Lock,
    beside: impl Future<Output = ()> + Send + 'static,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let port = port.into().into_std()?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let (ended, end) = oneshot::channel();
    thread::Builder::new().name("decisions".to_owned()).spawn(move || {
        let served = runtime.block_on(async {
            let port = port.into_port()?;
            task::spawn(beside);
            Ok(serve(port, ledger, metrics, lock, shutdown).await?)
        });
        // Nobody waits for it when the process is about to end.
        let _ = ended.send(served);
    })?;
    end.await.unwrap_or(Err(ServeError::Panicked))
}

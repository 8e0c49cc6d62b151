//! Servers that run until they are stopped.

use std::{error::Error, time::Duration};

use tokio::{task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// How long open requests may take to end once the process was asked to stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Servers that are stopped together.
#[derive(Default)]
pub(super) struct Servers {
    running: JoinSet<Result<(), ServerFailure>>,
    shutdown: CancellationToken,
}

pub(super) type ServerFailure = Box<dyn Error + Send + Sync>;

impl Servers {
    pub(super) fn spawn<S, E>(&mut self, serve: impl FnOnce(CancellationToken) -> S)
    where
        S: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<ServerFailure> + 'static,
    {
        let server = serve(self.shutdown.clone());
        self.running.spawn(async move { server.await.map_err(Into::into) });
    }

    /// Waits for a server that ends though nobody asked for it.
    pub(super) async fn failed(&mut self) -> ServerFailure {
        match self.running.join_next().await {
            Some(Ok(Err(failure))) => failure,
            Some(Err(panicked)) => panicked.into(),
            Some(Ok(Ok(()))) | None => "it ended by itself".into(),
        }
    }

    /// Lets open requests end, for a while.
    pub(super) async fn stop(mut self) {
        self.shutdown.cancel();
        let drained =
            timeout(DRAIN_TIMEOUT, async { while self.running.join_next().await.is_some() {} });
        if drained.await.is_err() {
            warn!("some requests did not end within {} s", DRAIN_TIMEOUT.as_secs());
        }
    }
}

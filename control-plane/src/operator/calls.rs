//! The calls: what each API's requests come down to.
//!
//! A write is stored first, then put in force, then acknowledged. Writes go one at a time, on a
//! thread of their own: a caller that goes away in the middle does not leave one half done.

use std::sync::Arc;

use limiter::ClientId;
use tokio::{sync::Semaphore, task};
use tracing::{error, info};

use super::{Caller, ClientStats, Draft, FieldErrors, Stored, Write, stored::Values};
use crate::{
    clock::Clock,
    http::pieces::Turns,
    ledger::{ClientConfig, Ledger},
    store::{ConfigStore, StoreError},
};

/// How many clients can be configured.
pub const CLIENTS_MAX: usize = 1_000_000;

/// How many pieces of lists are written at a time.
const LIST_WRITERS_MAX: usize = 1;

/// The clients of a first start, so that there is something to try: id, RPM and TPM.
const DEMO_CLIENTS: [(&str, i64, i64); 3] =
    [("demo-client", 60, 1_000), ("test-client", 30, 500), ("premium-client", 120, 2_000)];

/// A ledger's clients as an operator sees them.
#[derive(Debug)]
pub struct Operator {
    ledger: Arc<Ledger>,
    store: Box<dyn ConfigStore>,
    clock: Clock,
    clients_max: usize,
    writer: Arc<Semaphore>,
    readers: Turns,
}

/// Why an operator's call was not done.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The draft is no configuration.
    #[error(transparent)]
    Invalid(#[from] FieldErrors),
    /// No such client is configured.
    #[error("Client not found")]
    ClientNotFound,
    /// One more client would be too many.
    #[error(
        "{clients_max} clients are configured, which is as many as there can be: delete one first"
    )]
    TooManyClients {
        /// How many there can be.
        clients_max: usize,
    },
    /// Nothing was changed, as far as this process can know.
    #[error("the configuration could not be stored, so that it is not in force")]
    Store(#[from] StoreError),
    /// The process ends before the call can be done.
    #[error("the process is stopping")]
    Stopping,
}

impl Operator {
    /// Configures `ledger`, and keeps what it configures in `store`.
    pub fn new(ledger: Arc<Ledger>, store: Box<dyn ConfigStore>, clock: Clock) -> Self {
        Self {
            ledger,
            store,
            clock,
            clients_max: CLIENTS_MAX,
            writer: Arc::new(Semaphore::new(1)),
            readers: Turns::new(LIST_WRITERS_MAX),
        }
    }

    /// Puts everything in force that is stored, and tells how many clients that are. For the
    /// start, before anybody else asks.
    pub async fn load(self: &Arc<Self>) -> Result<usize, OperatorError> {
        self.write(|operator| {
            let configs = operator.store.load()?;
            let now = operator.clock.now();
            for config in &configs {
                operator.ledger.configure(config, now);
            }
            Ok(configs.len())
        })
        .await
    }

    /// Configures the demo clients when no client is configured.
    pub async fn seed_demo_clients(self: &Arc<Self>) -> Result<(), OperatorError> {
        if !self.ledger.is_empty() {
            return Ok(());
        }
        for (id, rpm, tpm) in DEMO_CLIENTS {
            self.set(Draft::new(id, Some(rpm), Some(tpm), true), Caller::Process).await?;
        }
        Ok(())
    }

    /// Creates a client, or replaces its whole configuration.
    pub async fn set(
        self: &Arc<Self>,
        draft: Draft,
        caller: Caller,
    ) -> Result<Stored, OperatorError> {
        let config = draft.validate()?;
        self.write(move |operator| {
            let before = operator.get(config.id.as_str());
            if before.is_none() && operator.ledger.len() >= operator.clients_max {
                return Err(OperatorError::TooManyClients { clients_max: operator.clients_max });
            }
            operator.put(config, before, Write::Replacement, caller)
        })
        .await
    }

    /// Changes the fields of a client that `draft` has, and keeps all others. What they are is read
    /// in the writer's turn, so that of two changes at a time none is lost.
    pub async fn patch(
        self: &Arc<Self>,
        client: &str,
        draft: Draft,
        caller: Caller,
    ) -> Result<Stored, OperatorError> {
        let client = client.to_owned();
        self.write(move |operator| {
            let before = operator.get(&client).ok_or(OperatorError::ClientNotFound)?;
            let config = Draft { addressed_to: Some(client), ..draft }.apply_to(&before)?;
            operator.put(config, Some(before), Write::Patch, caller)
        })
        .await
    }

    fn put(
        &self,
        config: ClientConfig,
        before: Option<ClientConfig>,
        write: Write,
        caller: Caller,
    ) -> Result<Stored, OperatorError> {
        self.store.put(&config)?;
        self.ledger.configure(&config, self.clock.now());
        let stored = Stored { config, before, write };
        stored.log(caller);
        Ok(stored)
    }

    /// Forgets a client, and answers what to tell the caller.
    pub async fn remove(
        self: &Arc<Self>,
        client: &str,
        caller: Caller,
    ) -> Result<String, OperatorError> {
        let client = client.to_owned();
        self.write(move |operator| {
            let config = operator.get(&client).ok_or(OperatorError::ClientNotFound)?;
            operator.store.remove(&config.id)?;
            operator.ledger.remove(&client);
            let message = format!("Client {} was deleted", config.id);
            info!(%caller, before = %Values(&config), "{message}");
            Ok(message)
        })
        .await
    }

    /// Fills a client's buckets, whatever it spent or owes, and tells how it then stands.
    pub async fn reset(
        self: &Arc<Self>,
        client: &str,
        caller: Caller,
    ) -> Result<ClientStats, OperatorError> {
        let client = client.to_owned();
        // A write, so that it is not lost between the two halves of another one.
        self.write(move |operator| {
            let now = operator.clock.now();
            let before =
                operator.ledger.snapshot(&client, now).ok_or(OperatorError::ClientNotFound)?;
            let after = operator.ledger.reset(&client, now).ok_or(OperatorError::ClientNotFound)?;
            let before = ClientStats::from(&before);
            info!(
                %caller,
                rpm_remaining = before.rpm_remaining,
                tpm_balance = before.tpm_balance,
                "Client {client} was reset: its buckets are full",
            );
            Ok(ClientStats::from(&after))
        })
        .await
    }

    /// One client's configuration.
    pub fn get(&self, client: &str) -> Option<ClientConfig> {
        self.ledger.config(client)
    }

    /// What one client did and has left.
    pub fn stats(&self, client: &str) -> Option<ClientStats> {
        let snapshot = self.ledger.snapshot(client, self.clock.now())?;
        Some(ClientStats::from(&snapshot))
    }

    /// At most `max` configurations, by id, of the clients that come after `after`.
    pub fn configs_after(&self, after: Option<&ClientId>, max: usize) -> Vec<ClientConfig> {
        self.ledger.configs_after(after, max)
    }

    /// What at most `max` clients did and have left, by id, those that come after `after`.
    pub fn stats_after(&self, after: Option<&ClientId>, max: usize) -> Vec<ClientStats> {
        let snapshots = self.ledger.snapshots_after(after, max, self.clock.now());
        snapshots.iter().map(ClientStats::from).collect()
    }

    /// Both of at most `max` clients, by id, those that come after `after`.
    pub fn clients_after(
        &self,
        after: Option<&ClientId>,
        max: usize,
    ) -> Vec<(ClientConfig, ClientStats)> {
        let snapshots = self.ledger.snapshots_after(after, max, self.clock.now());
        snapshots
            .into_iter()
            .map(|snapshot| {
                let stats = ClientStats::from(&snapshot);
                (snapshot.config, stats)
            })
            .collect()
    }

    /// In whose turn lists are read.
    pub(super) fn readers(&self) -> &Turns {
        &self.readers
    }

    async fn write<T, F>(self: &Arc<Self>, write: F) -> Result<T, OperatorError>
    where
        T: Send + 'static,
        F: FnOnce(&Self) -> Result<T, OperatorError> + Send + 'static,
    {
        let turn = Arc::clone(&self.writer).acquire_owned().await;
        let operator = Arc::clone(self);
        let written = task::spawn_blocking(move || {
            let written = write(&operator);
            drop(turn);
            written
        });
        let done = written.await.unwrap_or(Err(OperatorError::Stopping));
        if let Err(OperatorError::Store(cause)) = &done {
            // The caller is told that it failed, the log why.
            error!("a write was refused: {cause}");
        }
        done
    }

    #[cfg(test)]
    fn with_clients_max(self, clients_max: usize) -> Self {
        Self { clients_max, ..self }
    }
}

#[cfg(test)]
mod tests {
    use limiter::UnixMillis;

    use super::*;
    use crate::{settings::UnknownClients, store::MemoryStore};

    #[tokio::test]
    async fn one_client_too_many_is_refused_and_those_that_are_there_can_still_be_changed() {
        let ledger = Arc::new(Ledger::new(UnknownClients::Allow, UnixMillis(0)));
        let operator = Operator::new(Arc::clone(&ledger), Box::new(MemoryStore), Clock::start());
        let operator = Arc::new(operator.with_clients_max(2));
        let set = async |id, rpm| {
            operator.set(Draft::new(id, Some(rpm), None, true), Caller::Process).await
        };

        set("a", 1).await.unwrap();
        set("b", 1).await.unwrap();
        let refused = set("c", 1).await.unwrap_err();
        assert!(matches!(refused, OperatorError::TooManyClients { clients_max: 2 }), "{refused}");
        assert!(ledger.config("c").is_none());

        assert!(set("a", 2).await.unwrap().before.is_some());
        operator.remove("b", Caller::Process).await.unwrap();
        assert!(set("c", 1).await.unwrap().before.is_none());
    }
}

//! The connection to the store, made anew when it broke.

use std::time::Duration;

use tokio::{sync::Mutex, time::timeout};

use super::client::{Client, Connect, Failure};

/// How long a connection may take to be made.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long an answer may take that nobody's request waits for: a connection may have lost its other end.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// A store, and the connection to it while there is one.
#[derive(Debug)]
pub struct Link {
    to: Box<dyn Connect>,
    prefix: String,
    connection: Mutex<Connection>,
}

#[derive(Debug, Default)]
struct Connection {
    client: Option<Client>,
    /// Counts those that there were.
    number: u64,
}

impl Link {
    /// No connection is made yet.
    pub fn new(to: impl Connect + 'static, prefix: &str) -> Self {
        let (to, prefix) = (Box::new(to), prefix.to_owned());
        Self { to, prefix, connection: Mutex::default() }
    }

    /// What all keys begin with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The connection, which is made now where there is none. One that others make is waited for.
    pub async fn client(&self) -> Result<Client, Failure> {
        Ok(self.numbered().await?.0)
    }

    /// The same, and how many connections there were before it.
    pub(super) async fn numbered(&self) -> Result<(Client, u64), Failure> {
        let mut connection = self.connection.lock().await;
        if let Some(client) = &connection.client {
            return Ok((client.clone(), connection.number));
        }
        let client = Client::connect(&*self.to, &self.prefix, CONNECT_TIMEOUT).await?;
        connection.client = Some(client.clone());
        connection.number += 1;
        Ok((client, connection.number))
    }

    /// What is answered; over another connection from now on where this one failed or is silent.
    pub async fn ask<T>(
        &self,
        ask: impl AsyncFnOnce(Client) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let client = self.client().await?;
        let answered = timeout(ANSWER_TIMEOUT, ask(client)).await;
        let silent = |_| Err(Failure::Unknown(format!("no answer within {ANSWER_TIMEOUT:?}")));
        let answered = answered.unwrap_or_else(silent);
        if answered.as_ref().is_err_and(Failure::is_of_the_connection) {
            self.has_broken().await;
        }
        answered
    }

    /// The connection failed: the next call makes another one.
    pub async fn has_broken(&self) {
        self.connection.lock().await.client = None;
    }
}

//! The connection to the store, made anew when it broke.

use std::time::Duration;

use tokio::sync::Mutex;

use super::client::{Client, Connect, Failure};

/// How long a connection may take to be made.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

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

    /// The connection failed: the next call makes another one.
    pub async fn has_broken(&self) {
        self.connection.lock().await.client = None;
    }
}

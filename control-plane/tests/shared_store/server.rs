//! A server that all histories of a test share, each under names of its own.

use std::{sync::Arc, time::Duration};

use flowguard::store::shared::{
    Batch, Reply,
    client::{Answer, Client},
    script::SCRIPT,
};
use harness::redis::{Kind, Redis};
use limiter::UnixMillis;
use tokio::time::Instant;

use crate::traffic::{PREFIX, target};

/// Longer than any machine takes.
const DEADLINE: Duration = Duration::from_secs(20);

/// A running server and a connection.
pub(crate) struct Server {
    redis: Arc<Redis>,
    pub(crate) client: Client,
}

impl Server {
    /// `None` of Valkey where this machine has none.
    pub(crate) async fn start(kind: Kind) -> Option<Self> {
        if !kind.is_here() {
            return None;
        }
        let redis = Arc::new(Redis::start(kind, &[]).await);
        let client = connect(&redis, SCRIPT).await;
        Some(Self { redis, client })
    }

    /// The same server with another script.
    pub(crate) async fn with_script(&self, script: &str) -> Self {
        let client = connect(&self.redis, script).await;
        Self { client, redis: Arc::clone(&self.redis) }
    }

    /// A call that is answered in time.
    pub(crate) async fn call(&self, batch: &Arc<Batch>, now: u64) -> Result<Reply, String> {
        let now = Some(UnixMillis(now));
        match self.client.call(batch, now, Instant::now() + DEADLINE).await {
            Answer::InTime(answered) => answered.map_err(|failure| failure.to_string()),
            Answer::Late(_) => Err(format!("no answer within {DEADLINE:?}")),
        }
    }

    /// Puts a value where the script did not, as a server has it that lost what came later.
    pub(crate) async fn put(&self, key: &[u8], value: Option<&[u8]>) {
        let key = [PREFIX.as_bytes(), key].concat();
        match value {
            Some(value) => self.redis.command(&[b"SET", &key, value]).await,
            None => self.redis.command(&[b"DEL", &key]).await,
        };
    }
}

async fn connect(redis: &Redis, script: &str) -> Client {
    let target = target(redis.address().port());
    Client::connect_with(&target, PREFIX, DEADLINE, script).await.expect("it listens")
}

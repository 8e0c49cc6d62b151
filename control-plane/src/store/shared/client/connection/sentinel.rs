//! A primary with replicas, watched by sentinels: they say which one it is, and go on being asked.
//!
//! They announce it, too, when another one takes over. What is announced can get lost, and what is
//! asked twice a second cannot.

use std::{collections::HashMap, time::Duration};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use redis::{RedisResult, Value};
use tokio::time::{sleep, timeout};

use super::{
    address::Address,
    single::{self, Connection},
};
use crate::store::shared::{
    client::{Credentials, Failure, Target},
    url::Server,
};

/// How long one of them may take for an answer.
const PATIENCE: Duration = Duration::from_millis(500);

/// How often they are asked whether it still is the same one.
const INTERVAL: Duration = Duration::from_millis(500);

/// All sentinels of a service.
struct Sentinels {
    each: Vec<Sentinel>,
    service: String,
    target: Target,
}

struct Sentinel {
    address: Address,
    connection: Option<Connection>,
}

/// Who is the master, and by which of their votes: a later one counts.
struct Named {
    address: Address,
    epoch: u64,
}

/// Connects to the server that the sentinels name, which has to know itself that it is the master.
pub(super) async fn connect(
    sentinels: &[Server],
    service: &str,
    target: &Target,
    within: Duration,
) -> Result<Connection, Failure> {
    let mut sentinels = Sentinels::new(sentinels, service, target);
    let named = sentinels.name().await?;
    let Named { address, .. } = &named;
    let failed = |failure: Failure| failure.at(address);
    let connection = single::connect(address, target, within).await.map_err(failed)?;
    is_master(connection.clone()).await.map_err(failed)?;
    Ok(connection.until(async move { sentinels.name_another_than(named).await }))
}

async fn is_master(mut connection: Connection) -> Result<(), Failure> {
    let role = redis::cmd("ROLE").query_async(&mut connection).await;
    let role: Vec<Value> = role.map_err(|error| Failure::of_connecting(&error))?;
    match role.first() {
        Some(Value::BulkString(role)) if role == b"master" => Ok(()),
        _ => Err(Failure::NotConnected("the sentinels call it the master, and it is none".into())),
    }
}

impl Sentinels {
    fn new(servers: &[Server], service: &str, target: &Target) -> Self {
        let each = servers.iter().map(|server| Sentinel::new(server.into()));
        Self { each: each.collect(), service: service.to_owned(), target: target.clone() }
    }

    /// The master, as soon as more than half of them have said which one it is or all have been asked. A
    /// change is decided by more than half of them, and one that was cut off may not know of it yet.
    async fn name(&mut self) -> Result<Named, Failure> {
        let Self { each, service, target } = self;
        let enough = each.len() / 2 + 1;
        let mut answers: FuturesUnordered<_> =
            each.iter_mut().map(|sentinel| sentinel.name(service, target)).collect();
        let mut named: Vec<Named> = Vec::new();
        let mut why = None;
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(one) => named.push(one),
                Err(failure) => why = Some(failure),
            }
            if named.len() >= enough {
                break;
            }
        }
        let newest = named.into_iter().max_by_key(|named| named.epoch);
        let unnamed = || Failure::NotConnected("no sentinel was asked".to_owned());
        newest.ok_or_else(|| why.unwrap_or_else(unnamed))
    }

    /// Until they name another one.
    async fn name_another_than(&mut self, mut before: Named) {
        loop {
            pause().await;
            match self.name().await {
                Ok(now) if now.epoch < before.epoch => {}
                Ok(now) if now.address != before.address => return,
                Ok(now) => before = now,
                // Who is watched needs nobody who watches.
                Err(_) => {}
            }
        }
    }
}

impl Sentinel {
    fn new(address: Address) -> Self {
        Self { address, connection: None }
    }

    /// Who is the master.
    async fn name(&mut self, service: &str, target: &Target) -> Result<Named, Failure> {
        let named = match timeout(PATIENCE, self.ask(service, target)).await {
            Ok(named) => named,
            Err(_) => Err(Failure::NotConnected(format!("not within {PATIENCE:?}"))),
        };
        named.map_err(|failure| {
            self.connection = None;
            failure.at(&format_args!("the sentinel {}", self.address))
        })
    }

    async fn ask(&mut self, service: &str, target: &Target) -> Result<Named, Failure> {
        let mut connection = if let Some(connection) = &self.connection {
            connection.clone()
        } else {
            let connection = self.connect(target).await?;
            self.connection.insert(connection).clone()
        };
        let failed = |error| Failure::of_connecting(&error);
        let mut command = redis::cmd("SENTINEL");
        command.arg("GET-MASTER-ADDR-BY-NAME").arg(service);
        let named: Option<(String, u16)> =
            command.query_async(&mut connection).await.map_err(failed)?;
        let Some((host, port)) = named else {
            return Err(Failure::NotConnected(format!(
                "it watches nothing that it calls {service}"
            )));
        };
        let mut command = redis::cmd("SENTINEL");
        command.arg("MASTER").arg(service);
        // One that may not tell counts less than all that do.
        let about: RedisResult<HashMap<String, String>> =
            command.query_async(&mut connection).await;
        let epoch = about.ok().and_then(|about| about.get("config-epoch")?.parse().ok());
        Ok(Named { address: Address { host, port }, epoch: epoch.unwrap_or(0) })
    }

    /// The servers' password is told to sentinels that want one, and to no others: those would refuse it.
    async fn connect(&self, target: &Target) -> Result<Connection, Failure> {
        let nobody = Target { credentials: Credentials::default(), ..target.clone() };
        let connection = single::connect(&self.address, &nobody, PATIENCE).await?;
        let asked = redis::cmd("PING").query_async::<Value>(&mut connection.clone()).await;
        match asked {
            Err(error) if error.code() == Some("NOAUTH") => {
                single::connect(&self.address, target, PATIENCE).await
            }
            _ => Ok(connection),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "they are asked again and again")]
async fn pause() {
    sleep(INTERVAL).await;
}

//! A cluster, of which one server has all keys of the space: every server knows which one.
//!
//! That one is called like a single server. It answers `MOVED` or `READONLY`, and has done nothing, as
//! soon as it is another one: then it is looked for again. Nobody between can send a call twice.

use std::time::Duration;

use futures_util::future::select_ok;
use redis::Value;
use tokio::time::sleep;

use super::{
    address::Address,
    single::{self, Connection},
};
use crate::store::shared::{
    client::{Failure, Target},
    url::Server,
};

/// How often one server may name another one: while a change is on its way they do not agree.
const HOPS_MAX: u8 = 4;

/// How much later the next server is asked, if none before has led to the right one yet.
const STAGGER: Duration = Duration::from_millis(50);

/// Connects to the server that has the keys which begin with `prefix`.
pub(super) async fn connect(
    servers: &[Server],
    prefix: &str,
    target: &Target,
    within: Duration,
) -> Result<Connection, Failure> {
    let ways = (0..).zip(servers).map(|(number, server)| {
        Box::pin(async move {
            pause(STAGGER * number).await;
            follow(server.into(), prefix, target, within).await
        })
    });
    let (connection, _) = select_ok(ways).await?;
    Ok(connection)
}

/// Goes from one server to the one that it names, until one has the keys itself.
async fn follow(
    mut address: Address,
    prefix: &str,
    target: &Target,
    within: Duration,
) -> Result<Connection, Failure> {
    for _ in 0..HOPS_MAX {
        let connected = single::connect(&address, target, within).await;
        let connection = connected.map_err(|failure| failure.at(&address))?;
        // Whether there is such a key does not matter.
        let mut command = redis::cmd("GET");
        command.arg(prefix);
        let asked = command.query_async::<Value>(&mut connection.clone()).await;
        let Err(error) = asked else { return Ok(connection) };
        match (error.code(), error.redirect_node()) {
            // It has the slot, and gives it away key by key.
            (Some("ASK"), _) => return Ok(connection),
            (Some("MOVED"), Some((text, _))) if let Some(another) = address.of_another(text) => {
                address = another;
            }
            _ => return Err(Failure::of_connecting(&error).at(&address)),
        }
    }
    Err(Failure::NotConnected("each of its servers says that another one has the keys".to_owned()))
}

#[expect(clippy::disallowed_methods, reason = "one server is asked after the other")]
async fn pause(time: Duration) {
    sleep(time).await;
}

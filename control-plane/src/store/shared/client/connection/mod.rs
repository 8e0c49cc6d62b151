//! Connections to the different ways in which a store is run, a file each.

mod address;
mod cluster;
mod sentinel;
mod single;

use std::time::Duration;

use tokio::time::timeout;

pub(super) use address::Address;
pub use single::Connection;

use super::{Failure, Target};
use crate::store::shared::Topology;

/// Connects to the server that takes the writes of this space of keys, within a time.
pub(super) async fn connect(
    target: &Target,
    prefix: &str,
    within: Duration,
) -> Result<Connection, Failure> {
    let connected = async {
        match &target.topology {
            Topology::Single(server) => single::connect(&server.into(), target, within).await,
            Topology::Sentinel { sentinels, service } => {
                sentinel::connect(sentinels, service, target, within).await
            }
            Topology::Cluster(servers) => cluster::connect(servers, prefix, target, within).await,
        }
    };
    let too_late = |_| Err(Failure::NotConnected(format!("not within {within:?}")));
    timeout(within, connected).await.unwrap_or_else(too_late)
}

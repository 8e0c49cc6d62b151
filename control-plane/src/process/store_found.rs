//! What a start says of the store that it found.

use tracing::{info, warn};

use crate::store::shared::{ClockDifference, StoreUrl, Topology, client::Server};

/// Says what was found, and warns of what is risky.
pub(super) fn announce(url: &StoreUrl, server: &Server, clock: ClockDifference) {
    let topology = match &url.topology {
        Topology::Single(_) => "single",
        Topology::Sentinel { .. } => "sentinel",
        Topology::Cluster(_) => "cluster",
    };
    let led = match &url.topology {
        Topology::Single(_) => "answers",
        Topology::Sentinel { .. } => "answers: its sentinels name the master",
        Topology::Cluster(_) => "answers: its cluster names the owner of the keys",
    };
    let Server { address, version, maxmemory_policy, replicas, has_log, .. } = server;
    let ClockDifference { ahead_ms, within_ms } = clock;
    info!(
        topology,
        server = %address,
        %version,
        %maxmemory_policy,
        append_only_file = has_log,
        replicas,
        clock_ahead_ms = ahead_ms,
        clock_within_ms = within_ms,
        "the store {url} {led}"
    );
    if !has_log {
        warn!("the store keeps no append-only file: what it knows ends with its process");
    }
    if *replicas == 0 {
        warn!("the store has no replica: while it is away, requests meet STORE_FAILURE_MODE");
    }
    if clock.is_noticeable() {
        let (by, side) =
            (ahead_ms.unsigned_abs(), if ahead_ms < 0 { "behind" } else { "ahead of" });
        warn!(
            "the store's clock is {by} ms {side} ours: limits refill by the store's, and by ours \
             while it is away; let both follow NTP"
        );
    }
}

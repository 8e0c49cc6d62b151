//! Where this process listens.

use std::net::{IpAddr, Ipv4Addr};

/// One address, and a port for each of the servers. Port 0 is any free one: the log says which it
/// became.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The address that is bound.
    pub ip: IpAddr,
    /// The Prometheus metrics.
    pub metrics_port: u16,
    /// The REST API, by which clients are configured.
    pub config_port: u16,
    /// The gRPC API.
    pub grpc_port: u16,
    /// The decision stream.
    pub decision_port: u16,
    /// `/health` and `/ready` alone, and never with TLS; `None` where the other ports are asked.
    pub health_port: Option<u16>,
}

impl Default for Addresses {
    fn default() -> Self {
        Self {
            ip: Ipv4Addr::LOCALHOST.into(),
            metrics_port: 9090,
            config_port: 9091,
            grpc_port: 9092,
            decision_port: 9095,
            health_port: None,
        }
    }
}

impl Addresses {
    /// The address by which this host reaches the listeners.
    pub fn local_ip(&self) -> IpAddr {
        if self.ip.is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { self.ip }
    }
}

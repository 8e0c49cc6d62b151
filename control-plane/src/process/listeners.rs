//! The process's sockets.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use tokio::net::TcpListener;
use tracing::info;

use crate::{
    listener::{Addresses, Port},
    settings::{
        Setting,
        table::{CONFIG_PORT, DECISION_PORT, GRPC_PORT, HEALTH_PORT, METRICS_PORT},
    },
    tls::{Protocol, Tls},
};

/// Why a port cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub(super) enum BindError {
    /// Another process listens there.
    #[error(
        "port {port} ({setting}) is taken on {address}: stop what listens there, or choose another \
         with {setting}=PORT or --{flag} PORT"
    )]
    PortTaken {
        /// The port.
        port: u16,
        /// Where it was to be bound.
        address: IpAddr,
        /// The setting that names the port.
        setting: &'static str,
        /// The setting's flag.
        flag: &'static str,
    },
    /// The address cannot be bound for another reason.
    #[error("{address} ({setting}) cannot be bound: {error}")]
    Other {
        /// Where it was to be bound.
        address: SocketAddr,
        /// The setting that names the port.
        setting: &'static str,
        /// The operating system's answer.
        error: io::Error,
    },
}

/// All sockets, so that a taken port ends the process before anybody was served.
pub(super) struct Listeners {
    pub(super) decision: Port,
    pub(super) grpc: Port,
    pub(super) rest: Port,
    pub(super) metrics: Port,
    /// Never with TLS.
    pub(super) health: Option<Port>,
}

impl Listeners {
    /// All of them, with TLS where there is a certificate.
    pub(super) async fn bind(addresses: &Addresses, tls: Option<&Tls>) -> Result<Self, BindError> {
        let Addresses { ip, metrics_port, config_port, grpc_port, decision_port, health_port } =
            *addresses;
        let http1 = |tcp| Port::new(tcp, tls, Protocol::Http1);
        let http2 = |tcp| Port::new(tcp, tls, Protocol::Http2);
        Ok(Self {
            decision: http2(bind(ip, decision_port, &DECISION_PORT).await?),
            grpc: http2(bind(ip, grpc_port, &GRPC_PORT).await?),
            rest: http1(bind(ip, config_port, &CONFIG_PORT).await?),
            metrics: http1(bind(ip, metrics_port, &METRICS_PORT).await?),
            health: match health_port {
                Some(port) => Some(bind(ip, port, &HEALTH_PORT).await?.into()),
                None => None,
            },
        })
    }

    /// Tells the log where they listen.
    pub(super) fn announce(&self) -> io::Result<()> {
        let ports = [
            (&self.decision, &DECISION_PORT),
            (&self.grpc, &GRPC_PORT),
            (&self.rest, &CONFIG_PORT),
            (&self.metrics, &METRICS_PORT),
        ];
        let health = self.health.iter().map(|port| (port, &HEALTH_PORT));
        for (port, setting) in ports.into_iter().chain(health) {
            let with = if port.has_tls() { ", with TLS" } else { "" };
            info!("listening on {} ({}{with})", port.local_addr()?, setting.name);
        }
        Ok(())
    }
}

async fn bind(ip: IpAddr, port: u16, setting: &Setting) -> Result<TcpListener, BindError> {
    let address = SocketAddr::new(ip, port);
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => BindError::PortTaken {
            port,
            address: ip,
            setting: setting.name,
            flag: setting.flag.map(|flag| flag.name).unwrap_or_default(),
        },
        _ => BindError::Other { address, setting: setting.name, error },
    })
}

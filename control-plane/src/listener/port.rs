//! A socket that listens, and what is spoken on it.

use std::{io, net::SocketAddr};

use tokio::net::TcpListener;

use crate::tls::{Acceptor, Protocol, Tls};

/// A socket that is bound, with TLS or without.
#[derive(Debug)]
pub struct Port {
    tcp: TcpListener,
    tls: Option<Acceptor>,
}

/// Without TLS.
impl From<TcpListener> for Port {
    fn from(tcp: TcpListener) -> Self {
        Self { tcp, tls: None }
    }
}

impl Port {
    /// Serves `protocol` on `tcp`, above `tls` where there is that.
    pub fn new(tcp: TcpListener, tls: Option<&Tls>, protocol: Protocol) -> Self {
        Self { tcp, tls: tls.map(|tls| tls.acceptor(protocol)) }
    }

    /// Whether a peer is asked for a certificate, which it need not have.
    pub fn asks_for_certificate(&self) -> bool {
        self.tls.as_ref().is_some_and(Acceptor::asks_for_certificate)
    }

    /// Whether TLS is spoken on it.
    pub(crate) fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Where it is.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// For another thread, whose runtime has to take it over.
    pub(crate) fn into_std(self) -> io::Result<StdPort> {
        Ok(StdPort { tcp: self.tcp.into_std()?, tls: self.tls })
    }

    pub(super) fn into_parts(self) -> (TcpListener, Option<Acceptor>) {
        (self.tcp, self.tls)
    }
}

/// A port on its way to another thread.
#[derive(Debug)]
pub(crate) struct StdPort {
    tcp: std::net::TcpListener,
    tls: Option<Acceptor>,
}

impl StdPort {
    /// For the runtime of this thread.
    pub(crate) fn into_port(self) -> io::Result<Port> {
        Ok(Port { tcp: TcpListener::from_std(self.tcp)?, tls: self.tls })
    }
}

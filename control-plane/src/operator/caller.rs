//! Who calls.

use std::{fmt, net::SocketAddr, path::Path, sync::Arc};

use http::Extensions;

use crate::{
    auth::{Pass, Principal},
    excerpt::path_in_one_line,
    listener::ConnectionInfo,
};

/// Who calls, as the log names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// This process itself, as at its start.
    Process,
    /// Whoever wrote the file of clients.
    File(Arc<Path>),
    /// Somebody at this address.
    Peer(SocketAddr),
    /// Somebody who showed who they are, and from which address, where their connection still has one.
    Known(Principal, Option<SocketAddr>),
    /// Somebody whose connection has no address any more.
    Unknown,
}

impl Caller {
    /// The caller of a request, by what its connection left in the request's extensions.
    pub fn of(extensions: &Extensions) -> Self {
        let connection = extensions.get::<ConnectionInfo>();
        let peer = connection.and_then(|connection| connection.peer);
        match extensions.get::<Pass>() {
            Some(pass) => Self::Known(pass.principal.clone(), peer),
            None => peer.map_or(Self::Unknown, Self::Peer),
        }
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process => f.write_str("this process"),
            Self::File(path) => write!(f, "CONFIG_FILE {}", path_in_one_line(path)),
            Self::Peer(address) => address.fmt(f),
            Self::Known(principal, Some(address)) => write!(f, "{principal} at {address}"),
            Self::Known(principal, None) => principal.fmt(f),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

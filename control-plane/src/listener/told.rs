//! What the log says of peers with whom it comes to no connection.

use std::{fmt, net::SocketAddr};

use tracing::{debug, warn};

use crate::{log_budget::LogBudget, tls::HandshakeError};

/// Lines a second of one port: whoever reaches it can cause them.
const LINES_PER_SECOND_MAX: u32 = 5;

/// What TLS begins with: the record of a handshake, whichever version it is.
const TLS_HANDSHAKE: u8 = 0x16;

/// Tells of a port's peers; a clone draws on the same bound.
#[derive(Clone, Debug)]
pub(super) struct Told {
    port: Option<SocketAddr>,
    log: LogBudget,
}

/// A peer that may be gone.
struct Peer(Option<SocketAddr>);

impl Told {
    pub(super) fn new(port: Option<SocketAddr>) -> Self {
        Self { port, log: LogBudget::new(LINES_PER_SECOND_MAX, "peers that were not understood") }
    }

    /// Tells of a peer that begins to speak TLS where nobody does.
    pub(super) fn first_bytes(&self, peer: Option<SocketAddr>, bytes: Option<&[u8]>) {
        if bytes.and_then(<[u8]>::first).copied().is_some_and(is_tls) {
            self.log.log(|| {
                warn!(
                    "{} speaks TLS to {}, which does not: name a certificate (TLS_CERT_FILE), or call \
                     this port without TLS",
                    Peer(peer),
                    Peer(self.port)
                );
            });
        }
    }

    /// Tells of one that speaks no TLS where everybody has to.
    pub(super) fn not_tls(&self, peer: Option<SocketAddr>) {
        self.log.log(|| {
            warn!(
                "{} speaks no TLS to {}, which does (TLS_CERT_FILE): call this port with TLS, an Envoy \
                 by a configuration with CONTROL_PLANE_CA_FILE",
                Peer(peer),
                Peer(self.port)
            );
        });
    }

    /// Tells why there is no TLS with a peer. One that only looks whether a port is open goes away.
    pub(super) fn failed(&self, peer: Option<SocketAddr>, error: &HandshakeError) {
        match error {
            HandshakeError::Left => debug!("{} went away before TLS began", Peer(peer)),
            error => self.log.log(|| {
                warn!("no TLS between {} and {}: {error}", Peer(peer), Peer(self.port));
            }),
        }
    }
}

/// Whether this is how TLS begins.
pub(super) fn is_tls(first_byte: u8) -> bool {
    first_byte == TLS_HANDSHAKE
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("somebody"),
        }
    }
}

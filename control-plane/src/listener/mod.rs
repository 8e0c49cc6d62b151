//! Where this process listens. Connections are accepted, so many at a time, and closed when their
//! peer stands still.
//!
//! With TLS a connection has its place before its handshake, so that one that says nothing makes room
//! like any other stranger.
//!
//! A port that anybody may connect to must not use up the process' file descriptors. When all
//! places are taken, a connection whose peer keeps the server waiting makes room for the next.

mod accept;
mod addresses;
mod budget;
mod connection;
mod handshake;
mod places;
mod port;
mod told;
mod wire;

pub use accept::Listener;
pub use addresses::Addresses;
pub use budget::{ConnectionLimits, UNREAD_TIMEOUT};
pub(crate) use budget::{
    DECISION_CONNECTIONS_MAX, EVENT_STREAMS_MAX, HEALTH_CONNECTIONS_MAX, OPERATOR_CONNECTIONS_MAX,
};
pub use connection::{Connection, ConnectionInfo};
pub use places::{Answering, AtWork, ConnectionHandle};
pub use port::Port;

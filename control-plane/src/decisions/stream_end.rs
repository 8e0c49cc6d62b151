//! Why a stream ended, in words.

use std::fmt;

use tonic::{Code, Status};

use crate::excerpt::Excerpt;

#[derive(Debug)]
pub(super) enum StreamEnd {
    /// Its filter has nothing more to say: a filter that Envoy replaces, or that had no answer for
    /// too long.
    Closed,
    /// Its filter reset it, Envoy ended, or the network did.
    Lost(Excerpt),
    /// The worker has a newer one.
    Replaced,
    /// It has been here for long, and its worker is to see whom else there is.
    Moved,
    /// This process ends.
    Stopping,
    /// What came on it is not of the protocol.
    Refused(Status),
}

impl StreamEnd {
    /// Nobody reads its answers any more.
    pub(super) fn unread() -> Self {
        Self::Lost(Excerpt::new("nobody reads its answers"))
    }

    /// It ended with this status: the connection's, or the one that is answered.
    pub(super) fn with(status: Status) -> Self {
        match status.code() {
            // The peer has gone: nobody did anything wrong.
            Code::Cancelled | Code::Unknown => Self::Lost(Excerpt::new(status.message())),
            _ => Self::Refused(status),
        }
    }
}

impl fmt::Display for StreamEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("ended: closed by the filter"),
            Self::Lost(why) => {
                write!(f, "ended: lost with its connection, or reset by Envoy ({why})")
            }
            Self::Replaced => f.write_str("ended: replaced by a newer one of the same worker"),
            Self::Moved => f.write_str("ended: its worker goes on to the next control plane"),
            Self::Stopping => f.write_str("ended: the control plane stops"),
            Self::Refused(status) => {
                write!(f, "refused: {:?}: {}", status.code(), status.message())
            }
        }
    }
}

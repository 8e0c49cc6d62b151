//! A part of all clients, in the order of their ids.

use limiter::ClientId;

/// The clients behind one of them whose ids begin with a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// `None`: from the first one on. It need not be there any more.
    pub after: Option<ClientId>,
    /// Empty: all of them do.
    pub prefix: String,
}

impl Span {
    /// All behind this client.
    pub fn after(after: Option<&ClientId>) -> Self {
        Self { after: after.cloned(), prefix: String::new() }
    }
}

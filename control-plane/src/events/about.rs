//! Which client an event is about.

use limiter::ClientId;

use crate::limits::Group;

/// A client, and the groups that it is in, or was before what the event tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The client.
    pub client: ClientId,
    /// Its group.
    pub group: Option<Group>,
    /// The one that it was in before, where something changed it.
    pub group_before: Option<Group>,
}

impl About {
    /// A client as it is.
    pub fn of(client: ClientId, group: Option<Group>) -> Self {
        Self { client, group, group_before: None }
    }
}

//! Which clients somebody wants to hear of.

use limiter::ClientId;

use super::About;
use crate::limits::Group;

/// What is about a client passes where both hold that are given; what is about none passes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Which clients.
    pub client: Option<ClientFilter>,
    /// Those in this group, and beneath it.
    pub group: Option<Group>,
}

/// Some clients, by their ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientFilter {
    /// The one with this id.
    Is(ClientId),
    /// All whose ids begin so.
    BeginsWith(Box<str>),
}

/// Text that is no filter of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidClientFilter;

impl ClientFilter {
    fn passes(&self, id: &ClientId) -> bool {
        match self {
            Self::Is(client) => client == id,
            Self::BeginsWith(prefix) => id.as_str().starts_with(&**prefix),
        }
    }
}

impl TryFrom<&str> for ClientFilter {
    type Error = InvalidClientFilter;

    fn try_from(text: &str) -> Result<Self, InvalidClientFilter> {
        let id = |text: &str| ClientId::try_from(text).map_err(|_| InvalidClientFilter);
        match text.strip_suffix('*') {
            None if text == ClientId::UNKNOWN => Ok(Self::Is(ClientId::unknown())),
            None => Ok(Self::Is(id(text)?)),
            Some(prefix) => {
                // An id begins so where it is one with something behind it.
                id(&format!("{prefix}-"))?;
                Ok(Self::BeginsWith(prefix.into()))
            }
        }
    }
}

impl Filter {
    /// Whether somebody wants to hear of it.
    pub fn passes(&self, about: &About) -> bool {
        let is_client = self.client.as_ref().is_none_or(|client| client.passes(&about.client));
        let groups = || [&about.group, &about.group_before].into_iter().flatten();
        let is_group = |wanted: &Group| groups().any(|group| group.is_within(wanted));
        is_client && self.group.as_ref().is_none_or(is_group)
    }

    /// The same of a client as it is.
    pub(super) fn passes_client(&self, id: &ClientId, group: Option<&Group>) -> bool {
        let is_client = self.client.as_ref().is_none_or(|client| client.passes(id));
        let is_in = |wanted: &Group| group.is_some_and(|group| group.is_within(wanted));
        is_client && self.group.as_ref().is_none_or(is_in)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(filter: &str, id: &str, passes: bool) {
        let filter = ClientFilter::try_from(filter).unwrap();
        assert_eq!(filter.passes(&ClientId::try_from(id).unwrap()), passes, "{filter:?} {id}");
    }

    #[test]
    fn a_client_is_meant_by_its_id_or_by_how_that_begins() {
        check("acme", "acme", true);
        check("acme", "acme-2", false);
        check("acme*", "acme-2", true);
        check("acme*", "other-acme", false);
        check("*", "anybody", true);
        for wrong in ["", "a b", "a*b", "**", "\""] {
            assert_eq!(ClientFilter::try_from(wrong), Err(InvalidClientFilter), "{wrong}");
        }
    }

    #[test]
    fn a_group_is_meant_with_all_beneath_it_and_both_have_to_hold() {
        let group = |text: &str| Group::try_from(text).unwrap();
        let about =
            |id: &str, of: &str| About::of(ClientId::try_from(id).unwrap(), Some(group(of)));
        let filter = Filter {
            client: ClientFilter::try_from("a*").ok(),
            group: Some(group("acme/research")),
        };
        assert!(filter.passes(&about("a1", "acme/research/x")));
        assert!(!filter.passes(&about("a1", "acme")));
        assert!(!filter.passes(&about("b1", "acme/research")));
        assert!(!filter.passes(&About::of(ClientId::try_from("a1").unwrap(), None)));
        let left = About { group_before: Some(group("acme/research")), ..about("a1", "acme") };
        assert!(filter.passes(&left), "who listens hears that it has left");
    }
}

//! By which names the REST API and the metrics may be called.

use std::fmt;

use crate::host::Host;

/// The host names, besides `localhost` and IP addresses, in the `Host` of a request that is
/// answered. A web page whose own name was made to resolve to this machine has another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedHosts(Vec<Host>);

impl AllowedHosts {
    /// The names that are written so, separated by commas.
    pub fn parse(text: &str) -> Option<Self> {
        if text.trim().is_empty() {
            return Some(Self::default());
        }
        let hosts = text.split(',').map(|host| Host::parse(host.trim()));
        let hosts = hosts.map(|host| Some(host?.without_root_dot())).collect::<Option<_>>()?;
        Some(Self(hosts))
    }

    /// Whether `host`, without a port, is one of these. Letters are compared without case, and a
    /// dot that ends the name does not count.
    pub fn contains(&self, host: &str) -> bool {
        Host::parse(host).is_some_and(|host| self.0.contains(&host.without_root_dot()))
    }
}

impl fmt::Display for AllowedHosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, host) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{host}")?;
        }
        Ok(())
    }
}

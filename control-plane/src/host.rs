//! A name or an address by which a machine is known.

use std::{fmt, net::IpAddr};

/// A host: a DNS name or an IP address. Shown as in a URL, an IPv6 address in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A DNS name in ASCII, in lower case.
    Name(String),
    /// An IP address.
    Ip(IpAddr),
}

impl Host {
    /// The host that is written so, an IPv6 address with or without brackets.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(ip) = text.parse() {
            return Some(Self::Ip(ip));
        }
        Self::from_url(url::Host::parse(text).ok()?)
    }

    /// The host without the dot that marks a name as complete. DNS knows that dot; certificates,
    /// SNI and most servers do not.
    #[must_use]
    pub fn without_root_dot(&self) -> Self {
        match self {
            Self::Name(name) => Self::Name(name.strip_suffix('.').unwrap_or(name).to_owned()),
            Self::Ip(ip) => Self::Ip(*ip),
        }
    }

    /// The host of a URL; `None` where its name could not be one in DNS.
    pub(crate) fn from_url(host: url::Host<String>) -> Option<Self> {
        match host {
            url::Host::Domain(name) => is_dns_name(&name).then_some(Self::Name(name)),
            url::Host::Ipv4(ip) => Some(Self::Ip(ip.into())),
            url::Host::Ipv6(ip) => Some(Self::Ip(ip.into())),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(ip)) => write!(f, "{ip}"),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
        }
    }
}

/// By RFC 1035's lengths. Underscores are in use where names are not of hosts on the internet
/// (containers, services).
fn is_dns_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        })
}

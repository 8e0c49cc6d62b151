//! Where Envoy forwards to, taken apart as Envoy needs it.

use std::{fmt, net::IpAddr, num::NonZeroU16};

use url::Url;

/// The upstream: scheme, host, port and an optional path prefix.
///
/// A user name, a password, a query or a fragment is refused: none of them could be sent with
/// every request without surprise, and the first three tend to be secrets that would end up in
/// Envoy's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamUrl {
    scheme: Scheme,
    host: Host,
    port: NonZeroU16,
    path_prefix: String,
}

/// How the upstream is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Plain text.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl UpstreamUrl {
    pub(super) fn parse(text: &str) -> Option<Self> {
        // The URL standard mends what a browser's user may type: it drops line breaks, turns
        // backslashes round, skips extra slashes. In a setting each of these is a mistake.
        if text.contains(|c: char| c == '\\' || c.is_whitespace() || c.is_control()) {
            return None;
        }
        let (scheme, rest) = text.split_once("://")?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return None,
        };
        let authority = rest.split(['/', '?', '#']).next()?;
        if authority.is_empty() || authority.contains('@') {
            return None;
        }
        let url = Url::parse(text).ok()?;
        if url.query().is_some() || url.fragment().is_some() {
            return None;
        }
        Some(Self {
            scheme,
            host: Host::from_url(url.host()?.to_owned())?,
            port: NonZeroU16::new(url.port_or_known_default()?)?,
            path_prefix: url.path().trim_end_matches('/').to_owned(),
        })
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host, without its port.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port, the scheme's own where the URL names none.
    pub fn port(&self) -> NonZeroU16 {
        self.port
    }

    /// What goes before every path: empty, or begins with a slash and does not end with one.
    pub fn path_prefix(&self) -> &str {
        &self.path_prefix
    }

    /// The value of the `Host` header: the host as certificates and servers know it, and the
    /// port when it is not the scheme's own.
    pub fn authority(&self) -> String {
        let host = self.host.without_root_dot();
        if self.port.get() == self.scheme.default_port() {
            host.to_string()
        } else {
            format!("{host}:{}", self.port)
        }
    }
}

impl fmt::Display for UpstreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.host)?;
        if self.port.get() != self.scheme.default_port() {
            write!(f, ":{}", self.port)?;
        }
        f.write_str(&self.path_prefix)
    }
}

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

    /// The host without the dot that marks a name as complete. DNS knows that dot; certificates, SNI and
    /// most servers do not.
    #[must_use]
    pub fn without_root_dot(&self) -> Self {
        match self {
            Self::Name(name) => Self::Name(name.strip_suffix('.').unwrap_or(name).to_owned()),
            Self::Ip(ip) => Self::Ip(*ip),
        }
    }

    fn from_url(host: url::Host<String>) -> Option<Self> {
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

//! Where Envoy forwards to, taken apart as Envoy needs it.

use std::{fmt, num::NonZeroU16};

use url::Url;

use super::config::port;
use crate::host::Host;

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

    fn default_port(self) -> NonZeroU16 {
        match self {
            Self::Http => port::<80>(),
            Self::Https => port::<443>(),
        }
    }
}

impl UpstreamUrl {
    /// The upstream that is written so.
    pub fn parse(text: &str) -> Option<Self> {
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
        if self.port == self.scheme.default_port() {
            host.to_string()
        } else {
            format!("{host}:{}", self.port)
        }
    }
}

impl Default for UpstreamUrl {
    fn default() -> Self {
        let scheme = Scheme::Https;
        Self {
            scheme,
            host: Host::Name("api.openai.com".to_owned()),
            port: scheme.default_port(),
            path_prefix: String::new(),
        }
    }
}

impl fmt::Display for UpstreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.host)?;
        if self.port != self.scheme.default_port() {
            write!(f, ":{}", self.port)?;
        }
        f.write_str(&self.path_prefix)
    }
}

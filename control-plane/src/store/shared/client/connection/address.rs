//! Where a server is, as whoever leads to it says.

use std::fmt;

use crate::store::shared::url::Server;

/// A server's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store::shared::client) struct Address {
    /// A name or an address of IP, without brackets.
    pub(in crate::store::shared::client) host: String,
    /// Its port.
    pub(in crate::store::shared::client) port: u16,
}

impl Address {
    /// What a server of a cluster says of another one, such as `10.0.0.7:6379`: without a host it is
    /// another port of the same machine.
    pub(super) fn of_another(&self, text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let port = port.parse().ok().filter(|port| *port > 0)?;
        let host = match host {
            "" => &self.host,
            // It has not been told its own name.
            "?" => return None,
            host => host,
        };
        Some(Self { host: host.to_owned(), port })
    }
}

impl From<&Server> for Address {
    fn from(server: &Server) -> Self {
        let host = server.host.to_string().trim_matches(['[', ']']).to_owned();
        Self { host, port: server.port }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_server_is_found_as_it_is_told() {
        let here = Address { host: "10.0.0.1".to_owned(), port: 7000 };
        for (text, found) in [
            ("10.0.0.2:7001", Some("10.0.0.2:7001")),
            (":7001", Some("10.0.0.1:7001")),
            ("::1:7001", Some("[::1]:7001")),
            ("node-2.internal:7001", Some("node-2.internal:7001")),
            ("?:7001", None),
            ("10.0.0.2:0", None),
            ("10.0.0.2", None),
        ] {
            let another = here.of_another(text).map(|address| address.to_string());
            assert_eq!(another.as_deref(), found, "{text}");
        }
    }
}

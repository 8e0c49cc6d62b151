//! Whether somebody has to show who they are.

use std::{net::IpAddr, path::PathBuf};

use super::IssuerConfig;

/// Who has to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Whoever calls REST, gRPC or the metrics.
    pub admin: AuthMode,
    /// Whoever asks for decisions.
    pub decide: AuthMode,
    /// The file of a token that may do everything, if there is one.
    pub token_file: Option<PathBuf>,
    /// An issuer whose tokens are believed too, if there is one.
    pub issuer: IssuerConfig,
}

/// When somebody has to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthMode {
    /// Where the port can be reached from other hosts.
    #[default]
    Auto,
    /// Everywhere.
    Required,
    /// Nowhere: whoever reaches the port may do all that it is for.
    Off,
}

impl AuthMode {
    /// Whether somebody who reaches a port of this address has to show who they are.
    pub fn is_required_at(self, ip: IpAddr) -> bool {
        match self {
            Self::Auto => !ip.to_canonical().is_loopback(),
            Self::Required => true,
            Self::Off => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_itself_a_port_is_open_where_this_host_alone_reaches_it() {
        for (ip, required) in [
            ("127.0.0.1", false),
            ("127.9.9.9", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("0.0.0.0", true),
            ("::", true),
            ("192.0.2.1", true),
            ("2001:db8::1", true),
        ] {
            let ip = ip.parse().unwrap();
            assert_eq!(AuthMode::Auto.is_required_at(ip), required, "{ip}");
            assert!(AuthMode::Required.is_required_at(ip));
            assert!(!AuthMode::Off.is_required_at(ip));
        }
    }
}

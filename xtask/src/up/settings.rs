//! The settings in effect, as `flowguard settings` prints them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::str::FromStr;

use anyhow::{Result, anyhow, bail};

/// Lines of `NAME=value`.
#[derive(Debug)]
pub(crate) struct Settings(Vec<(String, String)>);

impl Settings {
    /// Reads what `flowguard settings` printed.
    pub(crate) fn parse(printed: &str) -> Self {
        let pair = |line: &str| {
            let (name, value) = line.split_once('=')?;
            Some((name.trim().to_owned(), value.trim().to_owned()))
        };
        Self(printed.lines().filter_map(pair).collect())
    }

    /// All of them, by their names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of the setting `name`.
    pub(crate) fn get(&self, name: &str) -> Result<&str> {
        self.0
            .iter()
            .find_map(|(known, value)| (known == name).then_some(value.as_str()))
            .ok_or_else(|| anyhow!("`flowguard settings` does not tell {name}"))
    }

    /// The port that the setting `name` holds.
    pub(crate) fn port(&self, name: &str) -> Result<u16> {
        self.parsed(name)
    }

    /// Where the control plane and the proxy listen.
    pub(crate) fn bind_address(&self) -> Result<IpAddr> {
        self.parsed("BIND_ADDRESS")
    }

    /// Where a program on this machine reaches the listener at the port that the setting `name`
    /// holds.
    pub(crate) fn reachable(&self, name: &str) -> Result<SocketAddr> {
        let address = match self.bind_address()? {
            IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            address => address,
        };
        Ok(SocketAddr::new(address, self.port(name)?))
    }

    /// Where Envoy's admin interface is reached: always on loopback, since it has no login.
    pub(crate) fn envoy_admin(&self) -> Result<SocketAddr> {
        Ok(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), self.port("ENVOY_ADMIN_PORT")?))
    }

    /// Envoy reads the file when it starts, and names no setting when it is not there.
    pub(crate) fn check_upstream_ca_file(&self) -> Result<()> {
        let file = self.get("UPSTREAM_CA_FILE")?;
        if self.get("UPSTREAM_URL")?.starts_with("https:") && !Path::new(file).is_file() {
            bail!(
                "UPSTREAM_CA_FILE={file} is no file: name the PEM file of the certificates that \
                 this machine trusts"
            );
        }
        Ok(())
    }

    fn parsed<T: FromStr>(&self, name: &str) -> Result<T> {
        let value = self.get(name)?;
        value
            .parse()
            .map_err(|_| anyhow!("`flowguard settings` tells {name}={value}, which can't be used"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(lines: &str) -> Settings {
        Settings::parse(lines)
    }

    #[test]
    fn a_value_may_hold_an_equals_sign_and_a_line_may_be_none() {
        let settings = settings("\nnot a setting\nUPSTREAM_URL=http://h/p?a=b\nPROXY_PORT=8080\n");
        assert_eq!(settings.get("UPSTREAM_URL").unwrap(), "http://h/p?a=b");
        assert_eq!(settings.port("PROXY_PORT").unwrap(), 8080);
    }

    #[test]
    fn a_missing_or_unusable_setting_is_named() {
        let settings = settings("PROXY_PORT=http");
        let error = |result: Result<u16>| result.unwrap_err().to_string();
        assert_eq!(
            error(settings.port("GRPC_PORT")),
            "`flowguard settings` does not tell GRPC_PORT"
        );
        assert_eq!(
            error(settings.port("PROXY_PORT")),
            "`flowguard settings` tells PROXY_PORT=http, which can't be used"
        );
    }

    #[test]
    fn a_listener_on_all_addresses_is_reached_on_loopback() {
        let reachable = |address: &str| {
            let settings = settings(&format!("BIND_ADDRESS={address}\nCONFIG_PORT=9091"));
            settings.reachable("CONFIG_PORT").unwrap().to_string()
        };
        assert_eq!(reachable("0.0.0.0"), "127.0.0.1:9091");
        assert_eq!(reachable("::"), "[::1]:9091");
        assert_eq!(reachable("10.1.2.3"), "10.1.2.3:9091");
    }

    #[test]
    fn an_https_upstream_needs_a_file_of_certificates_that_is_there() {
        let settings = |url: &str| {
            Settings::parse(&format!("UPSTREAM_URL={url}\nUPSTREAM_CA_FILE=/no/such/file.pem"))
        };
        let error = settings("https://h").check_upstream_ca_file().unwrap_err().to_string();
        assert!(error.starts_with("UPSTREAM_CA_FILE=/no/such/file.pem is no file"), "{error}");
        assert!(settings("http://h").check_upstream_ca_file().is_ok());
    }
}

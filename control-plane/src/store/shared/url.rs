//! Where a store is that several control planes share.

use std::fmt;

use percent_encoding::percent_decode_str;

use crate::host::Host;

/// How many servers one URL can name.
const SERVERS_MAX: usize = 16;

const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// A Redis or Valkey, and who we are there.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreUrl {
    /// Whether it is called over TLS.
    pub tls: bool,
    /// Which servers these are.
    pub topology: Topology,
    /// As whom we log in; `None`: as the default user.
    pub user: Option<String>,
    /// Our password, where the URL says it.
    pub password: Option<String>,
}

/// How the servers of a store hang together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topology {
    /// One server, or an address that always leads to the one that is written to.
    Single(Server),
    /// Sentinels say which server it is.
    Sentinel {
        /// The sentinels.
        sentinels: Vec<Server>,
        /// What they call the servers that they watch.
        service: String,
    },
    /// A cluster, some of whose servers these are.
    Cluster(Vec<Server>),
}

/// A server's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its host.
    pub host: Host,
    /// Its port.
    pub port: u16,
}

impl StoreUrl {
    /// The store of a URL such as `redis://host:6379`, `rediss://user:password@host`,
    /// `redis+sentinel://host-1,host-2/service` or `redis+cluster://host-1,host-2`.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (family, kind) = scheme.split_once('+').unwrap_or((scheme, ""));
        let tls = match family {
            "redis" => false,
            "rediss" => true,
            _ => return None,
        };
        let (login, rest) = match rest.rsplit_once('@') {
            Some((login, rest)) => (Some(login), rest),
            None => (None, rest),
        };
        let (servers, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, password) = match login {
            Some(login) => login_of(login)?,
            None => (None, None),
        };
        let topology = match kind {
            "" if path.is_empty() => Topology::Single(Server::parse(servers, PORT)?),
            "sentinel" if is_service(path) => Topology::Sentinel {
                sentinels: all_of(servers, SENTINEL_PORT)?,
                service: path.to_owned(),
            },
            "cluster" if path.is_empty() => Topology::Cluster(all_of(servers, PORT)?),
            _ => return None,
        };
        Some(Self { tls, topology, user, password })
    }
}

impl Server {
    fn parse(text: &str, default_port: u16) -> Option<Self> {
        let (host, port) = match text.rsplit_once(':') {
            // The colon of an IPv6 address stands in its brackets.
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().ok().filter(|port| *port > 0)?)
            }
            _ => (text, default_port),
        };
        Some(Self { host: Host::parse(host)?, port })
    }
}

fn all_of(servers: &str, default_port: u16) -> Option<Vec<Server>> {
    let servers = servers.split(',').map(|server| Server::parse(server, default_port));
    servers.collect::<Option<Vec<_>>>().filter(|servers| servers.len() <= SERVERS_MAX)
}

/// User and password before the `@`, of which each may be missing.
fn login_of(login: &str) -> Option<(Option<String>, Option<String>)> {
    let (user, password) = match login.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (login, None),
    };
    let decoded = |text: &str| {
        let text = percent_decode_str(text).decode_utf8().ok()?;
        (!text.contains(char::is_control)).then(|| text.into_owned())
    };
    let user = decoded(user)?;
    let password = match password {
        Some(password) => Some(decoded(password)?),
        None => None,
    };
    let is_there = |text: &String| !text.is_empty();
    Some((Some(user).filter(is_there), password.filter(is_there)))
}

fn is_service(name: &str) -> bool {
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (1..=64).contains(&name.len()) && name.bytes().all(is_of_name)
}

/// The same without the password, which belongs in no log and on no screen.
impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tls, topology, user, password } = self;
        f.write_str(if *tls { "rediss" } else { "redis" })?;
        f.write_str(match topology {
            Topology::Single(_) => "://",
            Topology::Sentinel { .. } => "+sentinel://",
            Topology::Cluster(_) => "+cluster://",
        })?;
        if user.is_some() || password.is_some() {
            let user = user.as_deref().unwrap_or_default();
            let hidden = if password.is_some() { ":***" } else { "" };
            write!(f, "{user}{hidden}@")?;
        }
        match topology {
            Topology::Single(server) => write!(f, "{server}"),
            Topology::Cluster(servers) => write_all(servers, f),
            Topology::Sentinel { sentinels, service } => {
                write_all(sentinels, f)?;
                write!(f, "/{service}")
            }
        }
    }
}

fn write_all(servers: &[Server], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, server) in servers.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(f, "{comma}{server}")?;
    }
    Ok(())
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreUrl({self})")
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_url_is_read_and_shown_with_its_ports() {
        for (text, shown) in [
            ("redis://localhost", "redis://localhost:6379"),
            ("rediss://10.0.0.7:6380", "rediss://10.0.0.7:6380"),
            ("redis://[::1]", "redis://[::1]:6379"),
            ("redis://[::1]:7000", "redis://[::1]:7000"),
            ("redis+sentinel://a,b:1/main", "redis+sentinel://a:26379,b:1/main"),
            ("rediss+cluster://a,b", "rediss+cluster://a:6379,b:6379"),
            ("redis://limits@host", "redis://limits@host:6379"),
        ] {
            assert_eq!(StoreUrl::parse(text).unwrap().to_string(), shown);
            assert_eq!(StoreUrl::parse(shown), StoreUrl::parse(text));
        }
    }

    #[test]
    fn what_is_no_such_url_is_refused() {
        for text in [
            "",
            "redis",
            "redis://",
            "http://host",
            "redis://host/0",
            "redis://host:0",
            "redis://host:70000",
            "redis://a,b",
            "redis+sentinel://a",
            "redis+sentinel://a/",
            "redis+sentinel://a/a b",
            "redis+cluster://",
            "redis+cluster://a,",
            "redis+x://a",
            "redis://user:%ff@host",
            "redis://us%0aer@host",
        ] {
            assert_eq!(StoreUrl::parse(text), None, "{text}");
        }
        let many = vec!["a"; SERVERS_MAX + 1].join(",");
        assert_eq!(StoreUrl::parse(&format!("redis+cluster://{many}")), None);
    }

    #[test]
    fn a_password_is_read_and_never_shown() {
        for (text, user, password) in [
            ("redis://:s%40cret@host", None, "s@cret"),
            ("redis://me:s@cret@host", Some("me"), "s@cret"),
        ] {
            let url = StoreUrl::parse(text).unwrap();
            assert_eq!((url.user.as_deref(), url.password.as_deref()), (user, Some(password)));
            for shown in [url.to_string(), format!("{url:?}")] {
                assert!(!shown.contains("cret"), "{shown}");
            }
        }
    }
}

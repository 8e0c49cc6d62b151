//! Where a store is that several control planes share.

use std::fmt;

use percent_encoding::percent_decode_str;

use super::url_error::StoreUrlError;
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
    ///
    /// # Errors
    /// What is allowed where it says something else.
    pub fn parse(text: &str) -> Result<Self, StoreUrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(StoreUrlError::Scheme)?;
        let (family, kind) = scheme.split_once('+').unwrap_or((scheme, ""));
        let tls = match family {
            "redis" => false,
            "rediss" => true,
            _ => return Err(StoreUrlError::Scheme),
        };
        let (login, rest) = match rest.rsplit_once('@') {
            Some((login, rest)) => (Some(login), rest),
            None => (None, rest),
        };
        let (servers, path) = rest.split_once('/').unwrap_or((rest, ""));
        if login.is_some_and(stands_before_two) {
            let again = servers.split(',').next().unwrap_or_default();
            return Err(StoreUrlError::LoginAgain(Server::parse(again, PORT)?.host));
        }
        let topology = match kind {
            "" if servers.contains(',') => return Err(StoreUrlError::Several),
            "" if !path.is_empty() => return Err(StoreUrlError::Database),
            "" => Topology::Single(Server::parse(servers, PORT)?),
            "sentinel" if path.is_empty() => return Err(StoreUrlError::NoService),
            "sentinel" if !is_service(path) => return Err(StoreUrlError::Service),
            "sentinel" => Topology::Sentinel {
                sentinels: all_of(servers, SENTINEL_PORT)?,
                service: path.to_owned(),
            },
            "cluster" if !path.is_empty() => return Err(StoreUrlError::ClusterDatabase),
            "cluster" => Topology::Cluster(all_of(servers, PORT)?),
            _ => return Err(StoreUrlError::Scheme),
        };
        let login = login.map(|login| login_of(login).ok_or(StoreUrlError::Login)).transpose()?;
        let (user, password) = login.unwrap_or_default();
        Ok(Self { tls, topology, user, password })
    }
}

impl Server {
    fn parse(text: &str, default_port: u16) -> Result<Self, StoreUrlError> {
        let (host, port) = match text.rsplit_once(':') {
            // The colon of an IPv6 address stands in its brackets.
            Some((host, port)) if !port.ends_with(']') => {
                let port = port.parse().ok().filter(|port| *port > 0);
                (host, port.ok_or(StoreUrlError::Port)?)
            }
            _ => (text, default_port),
        };
        Ok(Self { host: Host::parse(host).ok_or(StoreUrlError::Host)?, port })
    }
}

fn all_of(servers: &str, default_port: u16) -> Result<Vec<Server>, StoreUrlError> {
    if servers.split(',').count() > SERVERS_MAX {
        return Err(StoreUrlError::TooMany(SERVERS_MAX));
    }
    servers.split(',').map(|server| Server::parse(server, default_port)).collect()
}

/// Whether what stands before the last `@` has a host of its own, so that user and password of the next
/// one follow. Before a single host all of it would be theirs.
fn stands_before_two(login: &str) -> bool {
    login.split_once('@').is_some_and(|(_, rest)| rest.contains(','))
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

/// The same without what stands before the `@`, which belongs in no log and on no screen: where the password
/// stands alone it looks like a user.
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
            f.write_str("***@")?;
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
        ] {
            assert_eq!(StoreUrl::parse(text).unwrap().to_string(), shown);
            assert_eq!(StoreUrl::parse(shown), StoreUrl::parse(text));
        }
    }

    #[test]
    fn what_is_no_such_url_is_refused_for_what_is_wrong_with_it() {
        let many = format!("redis+cluster://{}", vec!["a"; SERVERS_MAX + 1].join(","));
        for (text, error) in [
            ("", StoreUrlError::Scheme),
            ("redis", StoreUrlError::Scheme),
            ("http://host", StoreUrlError::Scheme),
            ("redis+x://a", StoreUrlError::Scheme),
            ("redis://", StoreUrlError::Host),
            ("redis+cluster://", StoreUrlError::Host),
            ("redis+cluster://a,", StoreUrlError::Host),
            ("redis://host:0", StoreUrlError::Port),
            ("redis://host:70000", StoreUrlError::Port),
            ("redis+cluster://a,b:0", StoreUrlError::Port),
            ("redis://a,b", StoreUrlError::Several),
            (&many, StoreUrlError::TooMany(SERVERS_MAX)),
            ("redis://host/0", StoreUrlError::Database),
            ("redis://host/x", StoreUrlError::Database),
            ("redis+cluster://a,b/1", StoreUrlError::ClusterDatabase),
            ("redis+sentinel://a", StoreUrlError::NoService),
            ("redis+sentinel://a/", StoreUrlError::NoService),
            ("redis+sentinel://a/a b", StoreUrlError::Service),
            ("redis+sentinel://a/main/0", StoreUrlError::Service),
            ("redis://user:%ff@host", StoreUrlError::Login),
            ("redis://us%0aer@host", StoreUrlError::Login),
        ] {
            assert_eq!(StoreUrl::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_password_that_stands_before_each_host_does_not_swallow_the_first_one() {
        for text in [
            "redis+sentinel://u:secret@h1,u:secret@h2:7/main",
            "redis+cluster://:secret@h1,:secret@h2",
            "redis+cluster://u@h1,u@h2,h3",
        ] {
            let refused = StoreUrl::parse(text).unwrap_err();
            let host = Host::parse("h2").unwrap();
            assert_eq!(refused, StoreUrlError::LoginAgain(host), "{text}");
        }
        let once = StoreUrl::parse("redis+cluster://u:a%2Cb%40c,d@h1,h2").unwrap();
        assert_eq!(once.password.as_deref(), Some("a,b@c,d"));
    }

    #[test]
    fn what_stands_before_the_host_is_read_and_never_shown() {
        for (text, user, password) in [
            ("redis://:s%40cret@host", None, Some("s@cret")),
            ("redis://me:s@cret@host", Some("me"), Some("s@cret")),
            ("redis://s%40cret@host", Some("s@cret"), None),
        ] {
            let url = StoreUrl::parse(text).unwrap();
            assert_eq!((url.user.as_deref(), url.password.as_deref()), (user, password));
            assert_eq!(url.to_string(), "redis://***@host:6379");
            assert_eq!(format!("{url:?}"), "StoreUrl(redis://***@host:6379)");
        }
    }
}

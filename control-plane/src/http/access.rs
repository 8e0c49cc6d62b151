//! Which requests a port answers that a browser could be made to send.
//!
//! These ports have no login, so a web page must not be able to use them through the browser of
//! somebody who can reach them. Two headers, which a page cannot choose, tell: the `Origin` that a
//! foreign page's request comes from, and the `Host` that it was sent to. A page whose own name
//! is made to resolve to this address (DNS rebinding) is of the same origin, but its `Host` is that
//! name, and this rule knows the names that are this server's.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Uri, Version, header};

use super::{AllowedHosts, ApiError, CorsOrigins, ErrorCode};
use crate::excerpt::Excerpt;

/// Load balancers and orchestrators ask for these by whatever name they know, and learn nothing
/// that is worth a rebinding.
const OPEN_PATHS: [&str; 2] = ["/health", "/ready"];

/// The names that a port answers to, and the origins that may call it; by default none but its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// The names, besides IP addresses and localhost, which are always answered.
    pub hosts: AllowedHosts,
    /// The origins from which a browser may call.
    pub origins: CorsOrigins,
}

impl Access {
    /// Puts this rule in front of everything that `router` serves.
    pub(crate) fn guard(&self, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state(Arc::new(self.clone()), answer))
    }

    fn check(&self, request: &Request) -> Result<(), ApiError> {
        let host = single(request.headers(), &header::HOST);
        if !OPEN_PATHS.contains(&request.uri().path()) {
            self.check_host(host, request.version(), request.uri())?;
        }
        self.check_origin(request.headers(), host)
    }

    fn check_host(&self, host: Header<'_>, version: Version, uri: &Uri) -> Result<(), ApiError> {
        // A request line may name the host once more; a server that believed one of the two only
        // could be told the other.
        if let Some(authority) = uri.authority()
            && !self.serves(authority.as_str())
        {
            return Err(misdirected(&format!("the host {} is", quoted(authority.as_str()))));
        }
        match host {
            Header::One(host) if self.serves(host) => Ok(()),
            Header::One(host) => Err(misdirected(&format!("the host {} is", quoted(host)))),
            Header::None if version == Version::HTTP_10 => Ok(()),
            Header::None => Err(misdirected("a request without a Host header is")),
            Header::Many => Err(misdirected("a request with two Host headers is")),
            Header::NotText => Err(misdirected("a Host header that is no text is")),
        }
    }

    fn serves(&self, host: &str) -> bool {
        match Authority::parse(host).map(|authority| authority.host) {
            None => false,
            Some(Host::Address) => true,
            Some(Host::Name(name)) => is_localhost(name) || self.hosts.contains(name),
        }
    }

    fn check_origin(&self, headers: &HeaderMap, host: Header<'_>) -> Result<(), ApiError> {
        let foreign = match single(headers, &header::ORIGIN) {
            Header::None => return Ok(()),
            Header::One(origin) if self.allows(origin, host) => return Ok(()),
            Header::One(origin) => quoted(origin),
            Header::Many => "given twice".to_owned(),
            Header::NotText => "that is no text".to_owned(),
        };
        let message = format!(
            "a web page of the origin {foreign} may not call this port: allowed is the port's own \
             origin, and what CORS_ALLOW_ORIGINS names"
        );
        Err(ApiError::new(ErrorCode::ORIGIN_NOT_ALLOWED, message))
    }

    fn allows(&self, origin: &str, host: Header<'_>) -> bool {
        let listed = match &self.origins {
            CorsOrigins::Any => true,
            CorsOrigins::None => false,
            CorsOrigins::List(origins) => origins.iter().any(|listed| listed.as_str() == origin),
        };
        listed || matches!(host, Header::One(host) if is_of_host(origin, host))
    }
}

async fn answer(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    match access.check(&request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// `localhost` and all below it, which nobody can make resolve to anything else.
fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let last = name.rsplit('.').next().unwrap_or_default();
    last.eq_ignore_ascii_case("localhost")
}

fn misdirected(what: &str) -> ApiError {
    let message = format!(
        "{what} not answered here: use an IP address, localhost, a name below .localhost, or one \
         that ALLOWED_HOSTS names"
    );
    ApiError::new(ErrorCode::MISDIRECTED_REQUEST, message)
}

fn quoted(text: &str) -> String {
    Excerpt::new(&format!("\"{text}\"")).to_string()
}

/// A header that has to be there once.
#[derive(Clone, Copy)]
enum Header<'a> {
    None,
    One(&'a str),
    Many,
    NotText,
}

fn single<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Header<'a> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Header::None,
        (Some(value), None) => value.to_str().map_or(Header::NotText, Header::One),
        (Some(_), Some(_)) => Header::Many,
    }
}

/// Whether a page of `origin` came from `host`, with TLS in between or not.
fn is_of_host(origin: &str, host: &str) -> bool {
    let Some((scheme, origin)) = origin.split_once("://") else { return false };
    let default_port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return false,
    };
    let (Some(origin), Some(host)) = (Authority::parse(origin), Authority::parse(host)) else {
        return false;
    };
    origin.text.eq_ignore_ascii_case(host.text)
        && origin.port.unwrap_or(default_port) == host.port.unwrap_or(default_port)
}

/// `host[:port]`.
struct Authority<'a> {
    /// The host as it was written.
    text: &'a str,
    host: Host<'a>,
    port: Option<u16>,
}

enum Host<'a> {
    Address,
    Name(&'a str),
}

impl<'a> Authority<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        // The colons of an IPv6 address stand between brackets.
        let host_len = text.find(']').map_or_else(|| text.find(':'), |end| Some(end + 1));
        let (host, port) = text.split_at(host_len.unwrap_or(text.len()));
        let port = match port.strip_prefix(':').unwrap_or(port) {
            // With its colon or without, it is the scheme's own.
            "" => None,
            digits
                if port.starts_with(':') && digits.bytes().all(|digit| digit.is_ascii_digit()) =>
            {
                Some(digits.parse().ok()?)
            }
            _ => return None,
        };
        let parsed = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(address) => address.parse::<Ipv6Addr>().ok().map(|_| Host::Address)?,
            None if host.parse::<Ipv4Addr>().is_ok() => Host::Address,
            None => Host::Name(host),
        };
        Some(Self { text: host, host: parsed, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(hosts: &str, origins: &str) -> Access {
        Access {
            hosts: AllowedHosts::parse(hosts).unwrap(),
            origins: CorsOrigins::parse(origins).unwrap(),
        }
    }

    #[test]
    fn addresses_localhost_and_the_names_given_are_answered_with_any_port() {
        let access = access("flowguard,api.example.com", "");
        for host in [
            "127.0.0.1",
            "127.0.0.1:9091",
            "192.0.2.7:1",
            "[::1]",
            "[::1]:9091",
            "[2001:db8::7]:80",
            "localhost",
            "LocalHost:9091",
            "localhost.",
            "a.b.localhost:1",
            "flowguard:9090",
            "API.example.com.",
            "api.example.com:",
        ] {
            assert!(access.serves(host), "{host}");
        }
    }

    #[test]
    fn every_other_host_is_not() {
        let access = access("flowguard", "");
        for host in [
            "",
            ":9091",
            "evil.example",
            "flowguard.evil.example",
            "evil.flowguard",
            "localhost.evil.example",
            "evillocalhost",
            "127.0.0.1.evil.example",
            "127.0.0.1:9091:1",
            "127.1",
            "2130706433",
            "0x7f.0.0.1",
            "127.0.0.1@evil.example",
            "evil.example@127.0.0.1",
            "localhost:port",
            "localhost:99999",
            "localhost:+1",
            "localhost..",
            "localhost.example",
            "::1",
            "[::1",
            "[::1]x",
            "[evil.example]",
            "[127.0.0.1]",
            "127.0.0.1 ",
            "127.0.0.1/",
            "localhost,evil.example",
        ] {
            assert!(!access.serves(host), "{host}");
        }
    }

    #[test]
    fn the_own_origin_is_the_host_with_the_port_that_its_scheme_has() {
        for (origin, host) in [
            ("http://localhost:9091", "localhost:9091"),
            ("http://LOCALHOST:9091", "localhost:9091"),
            ("http://127.0.0.1", "127.0.0.1"),
            ("http://127.0.0.1", "127.0.0.1:80"),
            ("https://flowguard.example", "flowguard.example"),
            ("https://flowguard.example", "flowguard.example:443"),
            ("http://[::1]:9091", "[::1]:9091"),
        ] {
            assert!(is_of_host(origin, host), "{origin} {host}");
        }
        for (origin, host) in [
            ("null", "localhost"),
            ("", "localhost"),
            ("http://localhost:9092", "localhost:9091"),
            ("http://localhost", "localhost:9091"),
            ("https://localhost", "localhost:80"),
            ("http://evil.example", "localhost"),
            ("http://localhost.evil.example", "localhost"),
            ("file://localhost", "localhost"),
            ("http://localhost/", "localhost"),
        ] {
            assert!(!is_of_host(origin, host), "{origin} {host}");
        }
    }

    #[test]
    fn listed_origins_are_allowed_letter_by_letter_and_a_star_allows_all() {
        let listed = access("", "https://console.example.com");
        let host = Header::One("localhost:9091");
        assert!(listed.allows("https://console.example.com", host));
        for other in ["https://console.example.com.evil.example", "http://console.example.com"] {
            assert!(!listed.allows(other, host), "{other}");
        }
        assert!(!listed.allows("null", host));
        assert!(access("", "*").allows("null", host));
    }
}

//! Where a server is.

use url::{Host, Url};

use crate::message::in_one_line;

/// What is no URL of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongServer {
    /// Another text.
    #[error("{0} is no server: http://HOST:PORT or https://HOST:PORT is one")]
    NoServer(String),
    /// A URL with a user, whose password is not repeated.
    #[error(
        "{0} names a user before the @, and no server takes one: a token stands in a file, which \
         --token-file names"
    )]
    User(String),
}

/// Reads what a server is given as.
pub(crate) fn read(text: &str) -> Result<Url, WrongServer> {
    let url = Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    let url = url.ok_or_else(|| WrongServer::NoServer(without_user(text)))?;
    if url.username().is_empty() && url.password().is_none() {
        Ok(url)
    } else {
        Err(WrongServer::User(without_user(text)))
    }
}

/// What stands before an @ may be a password.
fn without_user(text: &str) -> String {
    let Some((user, host)) = text.rsplit_once('@') else { return in_one_line(text) };
    let scheme = user.split_once("://").map(|(scheme, _)| format!("{scheme}://"));
    let scheme = scheme.filter(|scheme| matches!(scheme.as_str(), "http://" | "https://"));
    in_one_line(&format!("{}…@{host}", scheme.unwrap_or_default()))
}

/// Whether what is sent there leaves this machine.
pub(crate) fn is_here(server: &Url) -> bool {
    match server.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_a_url_and_no_password_is_repeated() {
        for text in ["http://localhost:9091", "https://h/prefix/", "http://[::1]:9091"] {
            read(text).unwrap();
        }
        for text in ["localhost:9091", "h", "ftp://h", "http://h/?a=b", "http://h#a", ""] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.ends_with("is no server: http://HOST:PORT or https://HOST:PORT is one"));
        }
        for (text, told) in [
            ("http://me:secret@h:1", "http://…@h:1 names a user before the @"),
            ("https://secret@h", "https://…@h names a user"),
            ("me:secret@h", "…@h is no server: "),
            ("http://me:secret@h?a", "http://…@h?a is no server: "),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.starts_with(told) && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn what_is_sent_to_loopback_stays_here() {
        for (text, is) in [
            ("http://localhost:1", true),
            ("http://a.localhost:1", true),
            ("http://127.0.0.2", true),
            ("http://[::1]", true),
            ("http://flowguard", false),
            ("http://10.0.0.1", false),
            ("http://localhost.example", false),
        ] {
            assert_eq!(is_here(&read(text).unwrap()), is, "{text}");
        }
    }
}

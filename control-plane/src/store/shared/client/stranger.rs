//! What is at an address where no connection could be made: it is spoken to once more, without TLS and in words
//! that Redis and a web server both answer, and what it says tells more than the error did.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::{Target, connection::Address};
use crate::store::shared::{Server, Topology};

/// How long all servers of a store may take together.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long one may take to speak first, as a server does that refuses whoever comes.
const SPEAKS_FIRST: Duration = Duration::from_millis(200);

/// How much of an answer is read: what begins it says all.
const ANSWER_LEN_MAX: usize = 64;

/// Redis has too many words for this command, and a web server no such method.
const WORDS: &[u8] = b"PING / HTTP/1.0\r\n\r\n";

/// The first byte of an alert of TLS.
const ALERT: u8 = 0x15;

/// Somebody else than was looked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stranger {
    /// A server of HTTP.
    #[error("{0} speaks HTTP, and is no Redis or Valkey: name the store's own host and port")]
    Http(String),
    /// A server of anything.
    #[error(
        "{0} speaks something else than Redis and Valkey do: name the store's own host and port"
    )]
    Other(String),
    /// A server that lets in nobody from elsewhere.
    #[error(
        "{0} is in protected mode, and answers its own machine alone: give it a password, or set its \
         protected-mode to no where its network is trusted"
    )]
    Protected(String),
    /// A server without TLS, of which it was expected.
    #[error("{0} answers without TLS: write redis in place of rediss")]
    WithoutTls(String),
    /// A server that ends what is no TLS.
    #[error(
        "{0} ends a connection on which TLS is not spoken: if it is a Redis or Valkey, write rediss in \
         place of redis"
    )]
    WantsTls(String),
}

impl Stranger {
    /// Who is at the addresses of these servers; `None`: nobody, or nobody strange.
    pub async fn at(target: &Target) -> Option<Self> {
        let servers = match &target.topology {
            Topology::Single(server) => std::slice::from_ref(server),
            Topology::Sentinel { sentinels: servers, .. } | Topology::Cluster(servers) => servers,
        };
        let look = async {
            for server in servers {
                if let Some(stranger) = Self::at_one(server, target.tls.is_some()).await {
                    return Some(stranger);
                }
            }
            None
        };
        timeout(PATIENCE, look).await.ok().flatten()
    }

    async fn at_one(server: &Server, with_tls: bool) -> Option<Self> {
        let Address { host, port } = server.into();
        let mut stream = TcpStream::connect((&*host, port)).await.ok()?;
        let said = hear(&mut stream).await.unwrap_or_default();
        Self::who_says(&said, server.to_string(), with_tls)
    }

    /// Who says that; whoever is cut off says nothing.
    fn who_says(said: &[u8], server: String, with_tls: bool) -> Option<Self> {
        match said {
            [b'-', b'D', b'E', b'N', b'I', b'E', b'D', ..] => Some(Self::Protected(server)),
            [b'-' | b'+', ..] => with_tls.then_some(Self::WithoutTls(server)),
            [] | [ALERT, ..] => (!with_tls).then_some(Self::WantsTls(server)),
            [b'H', b'T', b'T', b'P', ..] => Some(Self::Http(server)),
            _ => Some(Self::Other(server)),
        }
    }
}

/// What it says by itself, or then to what it is told.
async fn hear(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut said = vec![0; ANSWER_LEN_MAX];
    let speaks_first = timeout(SPEAKS_FIRST, stream.read(&mut said)).await;
    let len = if let Ok(len) = speaks_first {
        len?
    } else {
        stream.write_all(WORDS).await?;
        stream.read(&mut said).await?
    };
    said.truncate(len);
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_answers_is_known_by_how_it_begins() {
        let who = |said: &[u8], with_tls| Stranger::who_says(said, "host:1".to_owned(), with_tls);
        let host = || "host:1".to_owned();
        for (said, without_tls, with_tls) in [
            (&b"+PONG\r\n"[..], None, Some(Stranger::WithoutTls(host()))),
            (b"-ERR wrong number", None, Some(Stranger::WithoutTls(host()))),
            (b"-NOAUTH", None, Some(Stranger::WithoutTls(host()))),
            (b"\x15\x03\x03\x00\x02", Some(Stranger::WantsTls(host())), None),
            (b"", Some(Stranger::WantsTls(host())), None),
        ] {
            assert_eq!(who(said, false), without_tls, "{}", said.escape_ascii());
            assert_eq!(who(said, true), with_tls, "{}", said.escape_ascii());
        }
        for with_tls in [false, true] {
            let protected = who(b"-DENIED Redis is running in protected mode", with_tls);
            assert_eq!(protected, Some(Stranger::Protected(host())));
            assert_eq!(who(b"HTTP/1.1 400 Bad", with_tls), Some(Stranger::Http(host())));
            assert_eq!(who(b"SSH-2.0", with_tls), Some(Stranger::Other(host())));
        }
    }
}

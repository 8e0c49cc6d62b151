//! What is wrong with the URL of a store, told as what is allowed: no part of the URL is repeated that may be
//! a secret.

use crate::host::Host;

/// Why a text is no URL of a store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreUrlError {
    /// It does not begin like one.
    #[error(
        "it begins with redis://, redis+sentinel:// or redis+cluster://, or over TLS with rediss"
    )]
    Scheme,
    /// User and password stand again before another host.
    #[error(
        "a user and a password stand once, before the first host, and are told to every other one; here \
         they stand again before {0} (an @ or a comma of their own is %40 or %2C)"
    )]
    LoginAgain(Host),
    /// User or password are no text.
    #[error(
        "a user and a password are UTF-8 without control characters, in which %40 stands for an @"
    )]
    Login,
    /// No host, or one that cannot be.
    #[error(
        "a host is a name or an IP address, of which one of version 6 stands in brackets, and behind it \
         its port if it is another than usual"
    )]
    Host,
    /// No port.
    #[error(
        "a port is an integer from 1 to 65535; without one it is 6379, and that of a sentinel 26379"
    )]
    Port,
    /// Several hosts of which nothing says how they hang together.
    #[error(
        "redis:// has one host: several are redis+sentinel://HOST,HOST/SERVICE or redis+cluster://HOST,HOST"
    )]
    Several,
    /// More hosts than these.
    #[error("up to {0} hosts, which know of the others")]
    TooMany(usize),
    /// A database of a server.
    #[error(
        "redis:// ends with its host and port, since all keys are in database 0: leave out what is behind \
         them, and keep spaces apart by STORE_PREFIX"
    )]
    Database,
    /// A database of a cluster.
    #[error(
        "redis+cluster:// ends with its hosts, since a cluster has database 0 alone: leave out what is \
         behind them, and keep spaces apart by STORE_PREFIX"
    )]
    ClusterDatabase,
    /// Sentinels, and not of what.
    #[error(
        "behind its hosts redis+sentinel:// has what they call the service that they watch, such as \
         redis+sentinel://HOST,HOST/mymaster"
    )]
    NoService,
    /// A service that none has.
    #[error("a service is 1 to 64 characters of A-Z a-z 0-9 . - _, such as mymaster")]
    Service,
}

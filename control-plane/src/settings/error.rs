//! What is said about a setting that is wrong: one line, which names it, the value and what is
//! allowed, and which never repeats a secret or hostile bytes.

use std::{borrow::Cow, ffi::OsStr, fmt::Write as _, net::IpAddr, num::NonZeroU16};

use proto::plugin_config::{Identity, Mode};

use super::{
    GivenText, Misspelt,
    table::{Echo, Setting},
};
use crate::excerpt::without_secrets;

/// Characters of a refused value that are repeated.
const SHOWN_CHARS_MAX: usize = 80;

/// Schemes of URLs that may have credentials.
const SCHEMES: [&str; 8] = [
    "http",
    "https",
    "redis",
    "rediss",
    "redis+sentinel",
    "rediss+sentinel",
    "redis+cluster",
    "rediss+cluster",
];

/// Why there are no settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// One setting's value.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    /// A variable that was meant to be one.
    #[error(transparent)]
    Misspelt(#[from] Misspelt),
    /// Keys that a cluster would spread over its servers.
    #[error(
        "STORE_PREFIX={0} has no part in braces, without which a cluster (STORE_URL) spreads the keys \
         over its servers: name one, such as {{limits}}:"
    )]
    Spread(String),
    /// Two places of what is configured: each control plane would own what its own file says, and delete
    /// for all what has left it.
    #[error(
        "CONFIG_FILE (--config-file) and STORE_URL (--store-url) are both set, and one of them is \
         allowed: control planes that share a store have their clients there, not in a file of one of \
         them; leave CONFIG_FILE out, and send the file once with PUT /api/v1/config"
    )]
    FileBesideStore,
    /// An issuer of whom too little is said.
    #[error(
        "ADMIN_JWKS_FILE is set, and ADMIN_JWT_ISSUER and ADMIN_JWT_AUDIENCE are not both: they are \
         needed, so that no token of another issuer, or for something else, is believed"
    )]
    IncompleteIssuer,
    /// A file of TLS that is worth nothing without another one.
    #[error("{given} without {missing} is not allowed: set both, or neither")]
    Alone {
        /// The setting that is given.
        given: &'static str,
        /// The one that it needs.
        missing: &'static str,
    },
    /// Nobody would be asked who is known.
    #[error(
        "FLOWGUARD_MODE={} (--mode) is not allowed with FLOWGUARD_IDENTITY={} (--identity): it asks \
         nobody, so that nobody would be known; use enforce or shadow",
        mode.word(), identity.word()
    )]
    IdentityUnasked {
        /// The mode.
        mode: Mode,
        /// By what it would be known who asks.
        identity: Identity,
    },
    /// Whoever reaches the listener could be any client.
    #[error(
        "FLOWGUARD_IDENTITY=header (--identity) is not allowed with BIND_ADDRESS={0} (--bind-address): \
         whoever reaches that could ask as any client; use api-key, jwt or mtls, bind to 127.0.0.1, or \
         set TRUST_CLIENT_HEADER=true where something in front sets X-Client-ID or nobody else gets there"
    )]
    HeaderForAll(IpAddr),
    /// Whoever makes up an id for each request would have a limit for each.
    #[error(
        "UNKNOWN_CLIENTS=each is not allowed with FLOWGUARD_IDENTITY=header (--identity): whoever makes \
         up ids would have limits for each; use shared, deny or allow, or an identity that is verified"
    )]
    EachUnverified,
    /// Their buckets are in one process.
    #[error(
        "UNKNOWN_CLIENTS=each is not allowed with STORE_URL (--store-url): their buckets are in one \
         process; use shared, deny or allow"
    )]
    EachInStore,
    /// Two listeners on one port.
    #[error("{} and {} are both {port}: each needs a port of its own", first.names(), second.names())]
    SamePort {
        /// The setting that comes first in the table.
        first: &'static Setting,
        /// The one that repeats it.
        second: &'static Setting,
        /// The port.
        port: NonZeroU16,
    },
}

/// A value that is not allowed, of a setting or of a command's option.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}={value}{flag} is not allowed: {allowed}")]
pub struct NotAllowed {
    name: Cow<'static, str>,
    value: String,
    flag: String,
    allowed: String,
}

impl NotAllowed {
    /// Of a value in place of which this is `allowed`.
    pub(super) fn setting(setting: &Setting, given: GivenText, allowed: String) -> Self {
        Self {
            name: given.variable.map_or(Cow::Borrowed(setting.name), Cow::Owned),
            value: shown(&given.value, setting.echo),
            flag: setting.flag.map(|flag| format!(" (--{})", flag.name)).unwrap_or_default(),
            allowed,
        }
    }

    /// For an option of a command, which has no environment variable: `option` is `--name`.
    pub fn option(option: &'static str, value: &OsStr, allowed: String) -> Self {
        Self { name: option.into(), value: shown(value, Echo::Whole), flag: String::new(), allowed }
    }
}

/// `value` as it may stand in a message: in one line, without control characters, not too long,
/// and without what may be a secret.
pub fn shown(value: &OsStr, echo: Echo) -> String {
    let mut text = String::new();
    for chunk in value.as_encoded_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\'' => text.push(c),
                _ => text.extend(c.escape_debug()),
            }
        }
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    // A key or a token may stand where the name of its file belongs.
    let text = without_secrets(&text).into_owned();
    let text = match echo {
        Echo::Whole => text,
        Echo::WithoutSecrets => masked(text),
    };
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// Hides all but the scheme of what may be a URL with credentials: a password stands before an
/// `@`, an API key in a query. Where exactly it begins can't be known in a URL that is malformed.
fn masked(text: String) -> String {
    if !text.contains(['@', '?', '#']) {
        return text;
    }
    match text.split_once("://") {
        Some((scheme, _)) if SCHEMES.contains(&scheme) => format!("{scheme}://***"),
        _ => "***".to_owned(),
    }
}

//! Who asks: by a header that is believed, a key, a claim that Envoy has verified, or a certificate.
//!
//! With all but the header nobody says himself who he is: what a client sends as `X-Client-ID` does
//! not go on, and neither does the key that it was known by.

mod api_key;
mod certificate;
mod claim;
mod digest;
mod query_key;
mod taken_off;
mod told;
mod verified;
mod who;

use std::fmt;

use proto::plugin_config::{self, IdentityClaim, IdentityHeaders, PluginConfig};

use crate::header_map::HeaderMap;
use api_key::ApiKeys;
use certificate::Certificate;
use claim::Claim;
pub(crate) use taken_off::TakenOff;
pub(crate) use told::{path_before_secret, told_secrets};
pub use who::Who;
pub(crate) use who::{CLIENT_ID, bytes_of};

/// By what it is known who asks.
#[derive(Clone, Debug)]
pub enum Identity {
    /// By the header `X-Client-ID`, which is believed.
    Header,
    /// By a key that the control plane gave.
    ApiKey(ApiKeys),
    /// By a claim of a token that another filter has verified.
    Jwt(Claim),
    /// By the certificate of the client's connection.
    Mtls(Certificate),
}

/// Why it is not known who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unidentified {
    /// 401: nothing shows it.
    Unauthenticated(Unauthenticated),
    /// 403: what was verified can be nobody's identity.
    InvalidIdentity,
}

/// What is wrong with a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unauthenticated {
    /// There is no key.
    NoKey,
    /// There is more than one.
    SeveralKeys,
    /// The key is nobody's.
    InvalidKey,
    /// There is no claim.
    NoClaim,
    /// There is no certificate with such a name.
    NoCertificate,
}

impl Identity {
    /// What a configuration says.
    pub fn new(config: &PluginConfig) -> Result<Self, InvalidIdentity> {
        // What is not used is wrong all the same: nobody is to find out on the day it is.
        let headers = IdentityHeaders::parse(config.identity_headers.iter().map(String::as_str))
            .ok_or(InvalidIdentity::Headers)?;
        let claim = IdentityClaim::parse(&config.identity_claim).ok_or(InvalidIdentity::Claim)?;
        if config.identity != plugin_config::Identity::Header && !config.mode.asks() {
            return Err(InvalidIdentity::Mode(config.identity, config.mode));
        }
        Ok(match config.identity {
            plugin_config::Identity::Header => Self::Header,
            plugin_config::Identity::ApiKey => {
                Self::ApiKey(ApiKeys::new(headers, config.keep_credential))
            }
            plugin_config::Identity::Jwt => Self::Jwt(Claim::new(claim)),
            plugin_config::Identity::Mtls => Self::Mtls(Certificate::new(config.identity_cert)),
        })
    }

    /// Whether a client is believed that says itself who it is.
    pub(crate) fn is_header(&self) -> bool {
        matches!(self, Self::Header)
    }

    /// Whether the control plane alone knows if it is true who asks.
    pub(crate) fn needs_control_plane(&self) -> bool {
        matches!(self, Self::ApiKey(_))
    }

    /// As the control plane is told.
    pub(crate) fn kind(&self) -> plugin_config::Identity {
        match self {
            Self::Header => plugin_config::Identity::Header,
            Self::ApiKey(_) => plugin_config::Identity::ApiKey,
            Self::Jwt(_) => plugin_config::Identity::Jwt,
            Self::Mtls(_) => plugin_config::Identity::Mtls,
        }
    }

    /// Who asks, where no header is believed; `None` where it is. `property` is what Envoy knows of
    /// the request, by its path.
    pub fn who(
        &self,
        headers: &HeaderMap,
        property: impl FnOnce(&[&str]) -> Option<Vec<u8>>,
    ) -> Option<Result<Who<'static>, Unidentified>> {
        Some(match self {
            Self::Header => return None,
            Self::ApiKey(keys) => {
                keys.key(headers).map(Who::Key).map_err(Unidentified::Unauthenticated)
            }
            Self::Jwt(claim) => claim.text(property).map(Who::Identity),
            Self::Mtls(certificate) => certificate.text(property).map(Who::Identity),
        })
    }

    /// What does not go on of a request.
    pub(crate) fn taken_off(&self, headers: &HeaderMap) -> TakenOff {
        match self {
            Self::Header => TakenOff::default(),
            Self::ApiKey(keys) => keys.taken_off(headers),
            Self::Jwt(_) | Self::Mtls(_) => TakenOff::of_client_id(headers),
        }
    }
}

/// Why a configuration of it was refused.
#[derive(Debug, PartialEq, Eq)]
pub enum InvalidIdentity {
    /// `identity_headers`.
    Headers,
    /// `identity_claim`.
    Claim,
    /// The mode never asks, so that nobody would be known.
    Mode(plugin_config::Identity, plugin_config::Mode),
}

impl fmt::Display for InvalidIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Headers => write!(
                f,
                "identity_headers must have 1 to {} different names of headers, each of A-Z a-z \
                 0-9 -, and none that a request needs itself (such as host, content-type, te or \
                 x-client-id)",
                IdentityHeaders::COUNT_MAX
            ),
            Self::Claim => write!(
                f,
                "identity_claim must have 2 to {} names, that of Envoy's filter first, each of 1 to \
                 {} bytes without control characters",
                IdentityClaim::COUNT_MAX,
                IdentityClaim::BYTES_MAX
            ),
            Self::Mode(identity, mode) => write!(
                f,
                "mode {} is not allowed with identity {}: nobody would be asked who is known, use \
                 enforce or shadow",
                mode.word(),
                identity.word()
            ),
        }
    }
}

#[cfg(test)]
mod tests;

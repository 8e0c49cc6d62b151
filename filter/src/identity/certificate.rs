//! Who asks, by the certificate of the client's connection. Envoy has verified it by then: a listener
//! that asks for none leaves nothing here.

use proto::plugin_config::IdentityCert;

use super::{Unauthenticated, Unidentified, verified};

/// What of a certificate says who asks.
#[derive(Clone, Copy, Debug)]
pub struct Certificate(IdentityCert);

impl Certificate {
    pub(super) fn new(part: IdentityCert) -> Self {
        Self(part)
    }

    /// What it says.
    pub(super) fn text(
        self,
        property: impl FnOnce(&[&str]) -> Option<Vec<u8>>,
    ) -> Result<String, Unidentified> {
        let name = match self.0 {
            IdentityCert::Uri => "uri_san_peer_certificate",
            IdentityCert::Dns => "dns_san_peer_certificate",
            IdentityCert::Digest => "sha256_peer_certificate_digest",
        };
        let text = property(&["connection", name]).unwrap_or_default();
        if text.is_empty() {
            return Err(Unidentified::Unauthenticated(Unauthenticated::NoCertificate));
        }
        verified::identity(text)
    }
}

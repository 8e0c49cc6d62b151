//! What ports show now.

use std::{fmt, sync::Arc};

use rustls::{
    CertificateError, Error, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, UnixTime},
    server::{
        NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier,
        danger::ClientCertVerifier,
    },
    sign::{CertifiedKey, SingleCertAndKey},
};

use super::subject::Validity;

/// What a port speaks above TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1, as REST and the metrics.
    Http1,
    /// HTTP/2, as gRPC and decisions.
    Http2,
}

/// A certificate with its key, and whose certificates are believed.
pub(super) struct InForce {
    http1: Arc<ServerConfig>,
    http2: Arc<ServerConfig>,
    /// Says whose certificates are believed; `None` where nobody is asked for one.
    verifier: Option<Arc<dyn ClientCertVerifier>>,
    pub(super) validity: Validity,
}

/// Without the key.
impl fmt::Debug for InForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InForce").field("validity", &self.validity).finish_non_exhaustive()
    }
}

impl InForce {
    pub(super) fn new(
        certified: CertifiedKey,
        authorities: Option<&Arc<RootCertStore>>,
        validity: Validity,
    ) -> Result<Self, VerifierBuilderError> {
        let provider = Arc::new(ring::default_provider());
        let certified = Arc::new(certified);
        let verifier = match authorities {
            // Who shows none may have a token, which is seen with the request.
            Some(authorities) => Some(
                WebPkiClientVerifier::builder_with_provider(
                    Arc::clone(authorities),
                    Arc::clone(&provider),
                )
                .allow_unauthenticated()
                .build()?,
            ),
            None => None,
        };
        let config = |protocol: Protocol| {
            let verifier = verifier.clone().unwrap_or_else(WebPkiClientVerifier::no_client_auth);
            server(&provider, &certified, verifier, protocol)
        };
        Ok(Self {
            http1: Arc::new(config(Protocol::Http1)?),
            http2: Arc::new(config(Protocol::Http2)?),
            verifier,
            validity,
        })
    }

    /// Whether a peer with this chain, its own certificate first, would be believed now.
    pub(super) fn verify_client(&self, chain: &[CertificateDer<'_>]) -> Result<(), Error> {
        let nobody = || Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let verifier = self.verifier.as_ref().ok_or_else(nobody)?;
        let (own, others) = chain.split_first().ok_or_else(nobody)?;
        verifier.verify_client_cert(own, others, UnixTime::now()).map(drop)
    }

    pub(super) fn config(&self, protocol: Protocol) -> Arc<ServerConfig> {
        Arc::clone(match protocol {
            Protocol::Http1 => &self.http1,
            Protocol::Http2 => &self.http2,
        })
    }
}

fn server(
    provider: &Arc<CryptoProvider>,
    certified: &Arc<CertifiedKey>,
    verifier: Arc<dyn ClientCertVerifier>,
    protocol: Protocol,
) -> Result<ServerConfig, VerifierBuilderError> {
    let builder = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions();
    // It has the suites of both versions.
    let builder = builder.map_err(|_| VerifierBuilderError::NoRootAnchors)?;
    let mut config = builder
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(certified))));
    config.alpn_protocols = vec![protocol.alpn().to_vec()];
    // A certificate is looked at with each connection: none is taken for good because it once was.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

impl Protocol {
    /// Its name in a handshake.
    fn alpn(self) -> &'static [u8] {
        match self {
            Self::Http1 => b"http/1.1",
            Self::Http2 => b"h2",
        }
    }
}

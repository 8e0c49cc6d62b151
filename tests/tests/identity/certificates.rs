//! Certificates of Envoy and of its clients, and a listener that asks for them.

use std::path::Path;

use harness::tls_tunnel::{CertificateDer, ClientCertificate, PrivateKeyDer};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair,
    SanType,
};
use serde_json::json;

/// Whoever signs certificates here.
pub(crate) struct Ca {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Ca {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new([]).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Named like what it signs, it would make that look as if it had signed itself.
        params.distinguished_name.push(DnType::CommonName, "clients' CA");
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("a certificate");
        Self { issuer }
    }

    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    /// A client's, with these names.
    pub(crate) fn client(&self, names: Vec<SanType>) -> ClientCertificate {
        let (certificate, key) = self.sign(names);
        ClientCertificate {
            certificate: certificate.der().clone(),
            key: PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        }
    }

    fn sign(&self, names: Vec<SanType>) -> (Certificate, KeyPair) {
        let mut params = CertificateParams::new([]).expect("no names");
        params.subject_alt_names = names;
        let key = KeyPair::generate().expect("a key");
        (params.signed_by(&key, &self.issuer).expect("a certificate"), key)
    }

    /// What makes a listener one that asks for certificates of this CA's, as an element of its
    /// chains of filters. Whether a client needs one is then the filter's to say.
    pub(crate) fn transport_socket(&self, folder: &Path) -> String {
        let localhost = SanType::DnsName("localhost".try_into().expect("a name"));
        let (certificate, key) = self.sign(vec![localhost]);
        let write = |name: &str, pem: String| {
            let path = folder.join(name);
            std::fs::write(&path, pem).expect("a file");
            path
        };
        let certificate = write("listener.pem", certificate.pem());
        let key = write("listener-key.pem", key.serialize_pem());
        let ca = write("clients-ca.pem", self.issuer.pem());
        let socket = json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type":
                    "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                "require_client_certificate": false,
                "common_tls_context": {
                    "tls_certificates": [{
                        "certificate_chain": {"filename": certificate},
                        "private_key": {"filename": key},
                    }],
                    "validation_context": {"trusted_ca": {"filename": ca}},
                },
            },
        });
        format!("        - transport_socket: {socket}\n          filters:\n")
    }
}

//! An authority of a test's own, the certificates that it signs, and clients that trust it.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
    date_time_ymd,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

const DAY: Duration = Duration::from_hours(24);

/// Signs certificates.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key, in PEM.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The certificate.
    pub cert: String,
    /// Its private key.
    pub key: String,
}

impl Authority {
    /// A new one of this name.
    pub fn new(name: &str) -> Self {
        let now = SystemTime::now();
        Self::valid(name, now - DAY, now + 365 * DAY)
    }

    /// One that is valid between two times.
    pub fn valid(name: &str, from: SystemTime, until: SystemTime) -> Self {
        let mut params = params(&[], from, until);
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Its own certificate, in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The same, as clients of TLS take it.
    pub fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.pem.as_bytes()).expect("a certificate")
    }

    /// A certificate for these names: URIs, addresses and DNS names.
    pub fn issue(&self, names: &[&str]) -> Pair {
        let now = SystemTime::now();
        self.issue_valid(names, now - DAY, now + 90 * DAY)
    }

    /// One that is valid between two times.
    pub fn issue_valid(&self, names: &[&str], from: SystemTime, until: SystemTime) -> Pair {
        let key = KeyPair::generate().expect("a key");
        let cert = params(names, from, until).signed_by(&key, &self.issuer);
        Pair { cert: cert.expect("a certificate").pem(), key: key.serialize_pem() }
    }

    /// A client that trusts this authority alone, shows a certificate if it has one, and speaks
    /// `alpn`.
    pub fn client(&self, shows: Option<&Pair>, alpn: &str) -> TlsClient {
        let mut roots = RootCertStore::empty();
        roots.add(self.der()).expect("an authority");
        let builder = ClientConfig::builder().with_root_certificates(roots);
        let mut config = match shows {
            None => builder.with_no_client_auth(),
            Some(pair) => {
                let cert = CertificateDer::from_pem_slice(pair.cert.as_bytes());
                let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes());
                let chain = vec![cert.expect("a certificate")];
                builder.with_client_auth_cert(chain, key.expect("a key")).expect("a pair")
            }
        };
        config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        TlsClient(TlsConnector::from(Arc::new(config)))
    }
}

/// A certificate and what it vouches for, so that only `names` and times matter.
fn params(names: &[&str], from: SystemTime, until: SystemTime) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.subject_alt_names = names.iter().map(|name| san(name)).collect();
    let seconds = |time: SystemTime| {
        time.duration_since(SystemTime::UNIX_EPOCH).expect("a time after 1970").as_secs()
    };
    params.not_before = date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds(from));
    params.not_after = date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds(until));
    params
}

fn san(name: &str) -> SanType {
    match name.parse() {
        Ok(ip) => SanType::IpAddress(ip),
        Err(_) if name.contains("://") => SanType::URI(name.try_into().expect("a URI")),
        Err(_) => SanType::DnsName(name.try_into().expect("a DNS name")),
    }
}

impl Pair {
    /// Writes it as two files, each in one step.
    pub fn write(&self, cert: &Path, key: &Path) {
        put(cert, &self.cert);
        put(key, &self.key);
    }
}

/// Writes a file in one step.
pub fn put(file: &Path, text: &str) {
    let new_file = file.with_extension("new");
    std::fs::write(&new_file, text)
        .and_then(|()| std::fs::rename(&new_file, file))
        .unwrap_or_else(|error| panic!("can't write {}: {error}", file.display()));
}

/// Connects with TLS.
#[derive(Clone)]
pub struct TlsClient(TlsConnector);

impl TlsClient {
    /// A connection to a server of this host, whose certificate has to have its address.
    pub async fn connect(&self, server: SocketAddr) -> io::Result<TlsStream<TcpStream>> {
        let tcp = TcpStream::connect(server).await?;
        self.0.connect(ServerName::IpAddress(server.ip().into()), tcp).await
    }
}

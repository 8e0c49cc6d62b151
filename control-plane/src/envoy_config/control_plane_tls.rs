//! How an Envoy calls the control plane with TLS.

use std::fmt;

use crate::host::Host;

/// The files and the name; no TLS without the file of authorities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControlPlaneTls {
    /// The file of the authorities that Envoy trusts.
    pub ca_file: Option<String>,
    /// What stands in the control plane's certificate.
    pub name: CertificateName,
    /// The file of the certificate that Envoy shows.
    pub cert_file: Option<String>,
    /// The file of its key.
    pub key_file: Option<String>,
}

impl ControlPlaneTls {
    /// A setting that is given, and one that it needs and that is not.
    pub fn lacks(&self) -> Option<(&'static str, &'static str)> {
        let (ca, cert, key) = ("CONTROL_PLANE_CA_FILE", "ENVOY_CERT_FILE", "ENVOY_KEY_FILE");
        match (&self.ca_file, &self.cert_file, &self.key_file) {
            (_, Some(_), None) => Some((cert, key)),
            (_, None, Some(_)) => Some((key, cert)),
            (None, Some(_), Some(_)) => Some((cert, ca)),
            (None, ..) if self.name != CertificateName::OfHost => Some(("CONTROL_PLANE_NAME", ca)),
            _ => None,
        }
    }
}

/// A name that a certificate is made out to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CertificateName {
    /// The host that is called.
    #[default]
    OfHost,
    /// This host.
    Host(Host),
    /// This URI.
    Uri(String),
}

impl CertificateName {
    /// The name that is written so; nothing is the host that is called.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "" => Some(Self::OfHost),
            uri if uri.contains("://") => {
                let is_uri = uri.len() <= 2_048 && uri.bytes().all(|byte| byte.is_ascii_graphic());
                is_uri.then(|| Self::Uri(uri.to_owned()))
            }
            host => Host::parse(host).map(Self::Host),
        }
    }
}

impl fmt::Display for CertificateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OfHost => Ok(()),
            Self::Host(host) => host.fmt(f),
            Self::Uri(uri) => f.write_str(uri),
        }
    }
}

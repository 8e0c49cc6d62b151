//! Which certificate the ports show, and whom they ask for one.

use std::path::PathBuf;

/// The files of TLS on all ports; none of them: no TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The certificate, and behind it those that lead to its authority.
    pub cert_file: Option<PathBuf>,
    /// Its private key.
    pub key_file: Option<PathBuf>,
    /// The authorities of the certificates that callers show.
    pub client_ca_file: Option<PathBuf>,
}

impl Config {
    /// The setting of the certificate, as messages name it.
    pub(crate) const CERT_FILE: &str = "TLS_CERT_FILE";
    /// The setting of the key.
    pub(crate) const KEY_FILE: &str = "TLS_KEY_FILE";
    /// The setting of the authorities.
    pub(crate) const CLIENT_CA_FILE: &str = "TLS_CLIENT_CA_FILE";

    /// A setting that is given, and one that it needs and that is not.
    pub fn lacks(&self) -> Option<(&'static str, &'static str)> {
        match (&self.cert_file, &self.key_file, &self.client_ca_file) {
            (Some(_), None, _) => Some((Self::CERT_FILE, Self::KEY_FILE)),
            (None, Some(_), _) => Some((Self::KEY_FILE, Self::CERT_FILE)),
            (None, None, Some(_)) => Some((Self::CLIENT_CA_FILE, Self::CERT_FILE)),
            _ => None,
        }
    }
}

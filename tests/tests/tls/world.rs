//! A folder with an authority's certificates for the two sides, as settings.

use std::path::PathBuf;

use harness::control_plane::Settings;
use harness::pki::{Authority, put};
use tempfile::TempDir;

pub(crate) struct World {
    pub(crate) authority: Authority,
    pub(crate) folder: TempDir,
}

impl World {
    /// Both sides have a certificate of the same authority.
    pub(crate) fn new() -> Self {
        let folder = TempDir::with_prefix("flowguard-test-").expect("a temporary folder");
        let world = Self { authority: Authority::new("test"), folder };
        world.trust(world.authority.pem());
        world.issue_by(&world.authority);
        world
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// From now on both sides trust what is signed by these.
    pub(crate) fn trust(&self, authorities: &str) {
        put(&self.file("ca.pem"), authorities);
    }

    /// From now on both sides show certificates of this authority.
    pub(crate) fn issue_by(&self, authority: &Authority) {
        let own = authority.issue(&["127.0.0.1", "localhost"]);
        own.write(&self.file("tls.crt"), &self.file("tls.key"));
        let envoy = authority.issue(&["spiffe://example.org/envoy"]);
        envoy.write(&self.file("envoy.crt"), &self.file("envoy.key"));
    }

    /// Of both sides.
    pub(crate) fn settings(&self) -> Settings {
        let files = [
            ("TLS_CERT_FILE", "tls.crt"),
            ("TLS_KEY_FILE", "tls.key"),
            ("TLS_CLIENT_CA_FILE", "ca.pem"),
            ("CONTROL_PLANE_CA_FILE", "ca.pem"),
            ("ENVOY_CERT_FILE", "envoy.crt"),
            ("ENVOY_KEY_FILE", "envoy.key"),
        ];
        let text = |name: &str| self.file(name).display().to_string();
        files.into_iter().map(|(setting, name)| (setting.to_owned(), text(name))).collect()
    }
}

//! TLS of all ports, by files that are followed.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::{
    Acceptor, Config, Protocol, TlsFileError, TlsMetrics, Watch, files::Files, in_force::InForce,
    subject::now,
};
use crate::{health::Health, settling::Fingerprints};

/// TLS of all ports; a clone is the same, and stays it when the files change.
#[derive(Clone, Debug)]
pub struct Tls {
    files: Files,
    in_force: Arc<ArcSwap<InForce>>,
    fingerprints: Fingerprints,
    /// What the files held that are in force.
    fingerprint: u64,
}

impl Tls {
    /// Reads the files and judges them; `None` where the settings name none.
    pub fn read(config: &Config) -> Result<Option<Self>, TlsFileError> {
        let Some(files) = Files::of(config) else { return Ok(None) };
        let fingerprints = Fingerprints::default();
        let contents = files.read();
        let fingerprint = contents.fingerprint(&fingerprints);
        let in_force = Arc::new(ArcSwap::from_pointee(files.judge(contents, now())?));
        Ok(Some(Self { files, in_force, fingerprints, fingerprint }))
    }

    /// What a port accepts its connections with.
    pub fn acceptor(&self, protocol: Protocol) -> Acceptor {
        Acceptor::new(Arc::clone(&self.in_force), protocol, self.files.ask_for_certificate())
    }

    /// What looks after the files, and tells `health` and `metrics` of them.
    pub fn watch(self, health: Health, metrics: TlsMetrics) -> Watch {
        let Self { files, in_force, fingerprints, fingerprint } = self;
        Watch::new(files, in_force, fingerprints, fingerprint, health, metrics)
    }
}

//! What is told of the certificate, for Prometheus.

use prometheus::{IntGauge, Registry};

use super::subject::Validity;

/// Metrics of the certificate in force; they are there with TLS alone.
#[derive(Clone, Debug)]
pub struct TlsMetrics {
    not_before: IntGauge,
    not_after: IntGauge,
}

impl TlsMetrics {
    /// Registers them.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let not_before = IntGauge::new(
            "flowguard_tls_certificate_not_before_timestamp_seconds",
            "When the certificate that the ports show became valid.",
        )?;
        let not_after = IntGauge::new(
            "flowguard_tls_certificate_not_after_timestamp_seconds",
            "When the certificate that the ports show expires.",
        )?;
        registry.register(Box::new(not_before.clone()))?;
        registry.register(Box::new(not_after.clone()))?;
        Ok(Self { not_before, not_after })
    }

    pub(super) fn in_force(&self, validity: Validity) {
        self.not_before.set(validity.not_before);
        self.not_after.set(validity.not_after);
    }
}

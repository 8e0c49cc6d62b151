//! What became of the file, for Prometheus.

use limiter::UnixMillis;
use prometheus::{IntCounter, IntGauge, Registry};

/// Metrics of the file; they are 0 where there is none.
#[derive(Clone, Debug)]
pub struct FileMetrics {
    errors: IntCounter,
    loaded: IntGauge,
}

impl FileMetrics {
    /// Registers them.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let errors = IntCounter::new(
            "flowguard_config_file_errors_total",
            "Contents of CONFIG_FILE that were not put in force.",
        )?;
        let loaded = IntGauge::new(
            "flowguard_config_file_loaded_timestamp_seconds",
            "When the contents of CONFIG_FILE that are in force were put in force; 0 without a file.",
        )?;
        registry.register(Box::new(errors.clone()))?;
        registry.register(Box::new(loaded.clone()))?;
        Ok(Self { errors, loaded })
    }

    pub(super) fn failed(&self) {
        self.errors.inc();
    }

    pub(super) fn loaded(&self, at: UnixMillis) {
        self.loaded.set(i64::try_from(at.0 / 1_000).unwrap_or(i64::MAX));
    }
}

//! What became of the file, for Prometheus.

use limiter::UnixMillis;
use prometheus::{IntCounter, IntGauge, Registry};

/// Metrics of the file; where there is none they are 0, and nothing is out of force.
#[derive(Clone, Debug)]
pub struct FileMetrics {
    errors: IntCounter,
    loaded: IntGauge,
    in_force: IntGauge,
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
        let in_force = IntGauge::new(
            "flowguard_config_file_in_force",
            "1 while CONFIG_FILE says what is in force, or there is none; 0 while what it says was not put in force.",
        )?;
        in_force.set(1);
        registry.register(Box::new(errors.clone()))?;
        registry.register(Box::new(loaded.clone()))?;
        registry.register(Box::new(in_force.clone()))?;
        Ok(Self { errors, loaded, in_force })
    }

    pub(super) fn failed(&self) {
        self.errors.inc();
        self.in_force.set(0);
    }

    pub(super) fn loaded(&self, at: UnixMillis) {
        self.loaded.set(i64::try_from(at.0 / 1_000).unwrap_or(i64::MAX));
        self.in_force.set(1);
    }
}

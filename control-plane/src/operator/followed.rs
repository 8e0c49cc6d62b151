//! How old what others configure may be here, for Prometheus.

use std::sync::Arc;

use parking_lot::Mutex;
use prometheus::{PullingGauge, Registry};
use tokio::time::Instant;

/// Tells when the store was last asked what others wrote, and all of it was put in force. A clone tells
/// the same.
#[derive(Clone, Debug)]
pub struct FollowMetrics(Arc<Mutex<Instant>>);

impl FollowMetrics {
    /// Registers it, where a store is shared. What is there at the start was read just now.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let followed = Arc::new(Mutex::new(Instant::now()));
        let at = Arc::clone(&followed);
        registry.register(Box::new(PullingGauge::new(
            "flowguard_store_configuration_age_seconds",
            "Time since the shared store last told what others configured and it was put in force here: 0.25 s at most while all is well.",
            Box::new(move || at.lock().elapsed().as_secs_f64()),
        )?))?;
        Ok(Self(followed))
    }

    pub(super) fn caught_up(&self) {
        *self.0.lock() = Instant::now();
    }
}

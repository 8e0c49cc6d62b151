//! How often callers were refused.

use prometheus::{IntCounterVec, Opts, Registry};

use super::{PortName, Refusal};

/// Counts refusals; a clone counts into the same counters.
#[derive(Clone, Debug)]
pub struct AuthMetrics(IntCounterVec);

impl AuthMetrics {
    /// Registers the counters, of which there is one for each port and reason.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let refused = Opts::new(
            "flowguard_auth_refused_total",
            "Calls that were refused because of what they showed or did not show, by port and by the error that they were answered.",
        );
        let refused = IntCounterVec::new(refused, &["port", "reason"])?;
        for port in PortName::ALL {
            for reason in Refusal::WORDS {
                refused.with_label_values(&[port.word(), reason]);
            }
        }
        registry.register(Box::new(refused.clone()))?;
        Ok(Self(refused))
    }

    pub(super) fn refused(&self, port: PortName, refusal: &Refusal) {
        self.0.with_label_values(&[port.word(), refusal.word()]).inc();
    }
}

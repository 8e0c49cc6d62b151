//! What a worker's mode says of it as a whole.

use proto::{decision, plugin_config::Mode};

use super::Worker;
use crate::{host::Host, stats::Stat};

/// The mode as the control plane is told, which is asked in two of them only.
pub(super) fn told(mode: Mode) -> decision::Mode {
    match mode {
        Mode::Shadow => decision::Mode::Shadow,
        Mode::Enforce | Mode::Pass | Mode::Off => decision::Mode::Enforce,
    }
}

impl Worker {
    /// Whether a request's headers have to be read. The emergency exit leads past everything that
    /// could be wrong here.
    pub fn looks_at_requests(&self) -> bool {
        self.config.mode != Mode::Pass
    }

    /// The worker is counted by its mode from its first request on: Envoy's main thread has a worker
    /// too, which never serves one.
    pub(super) fn count_itself(&mut self, host: &mut impl Host) {
        if !std::mem::replace(&mut self.is_counted, true) {
            host.count(Stat::workers_in(self.config.mode), 1);
        }
    }

    /// The worker is about to end. The host keeps its gauges.
    pub(super) fn count_itself_no_more(&mut self, host: &mut impl Host) {
        if std::mem::replace(&mut self.is_counted, false) {
            host.count(Stat::workers_in(self.config.mode), -1);
        }
    }
}

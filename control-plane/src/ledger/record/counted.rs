//! What is counted of a client by whom, where several processes count.

use super::LimitCount;
use crate::{ledger::rules::LimitNumber, store::state::Tallies};

/// What one process counted of a client, or several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::ledger) struct CountedHere {
    pub(in crate::ledger) tallies: Tallies,
    /// Requests that limits beside the client's own refused, each counted once.
    pub(in crate::ledger) dropped: u64,
    /// By limit, in the order of their numbers.
    pub(in crate::ledger) limits: Vec<(LimitNumber, LimitCount)>,
}

impl CountedHere {
    /// Without what is counted elsewhere.
    pub(in crate::ledger) fn without(mut self, counted: &Self) -> Self {
        let (all, elsewhere) = (self.tallies, counted.tallies);
        self.tallies = Tallies {
            admitted: all.admitted.saturating_sub(elsewhere.admitted),
            overcounted: all.overcounted,
            rpm_dropped: all.rpm_dropped.saturating_sub(elsewhere.rpm_dropped),
            tpm_dropped: all.tpm_dropped.saturating_sub(elsewhere.tpm_dropped),
            tokens_used: all.tokens_used.saturating_sub(elsewhere.tokens_used),
            last_request: all.last_request,
            durations: all.durations.saturating_sub(elsewhere.durations),
            durations_us: all.durations_us.saturating_sub(elsewhere.durations_us),
        };
        self.dropped = self.dropped.saturating_sub(counted.dropped);
        for (limit, count) in &mut self.limits {
            if let Some((_, of_limit)) = counted.limits.iter().find(|(other, _)| other == limit) {
                *count = count.without(of_limit);
            }
        }
        self
    }
}

//! What was decided of late, decided again: what would other limits have done?
//!
//! A second ledger, the *twin*, is put where this one was at the oldest entry of the ring (`past`), and
//! is asked and told the same in the same order, at the same times. It decides by the same code, under
//! what is supposed in place of what was in force; where nothing is supposed, it repeats every verdict.

mod again;
mod install;
mod report;
mod supposed;
mod twin;

pub use report::{ClientPreview, FirstRefusal, PREVIEWED_MAX, Preview, Refusals};
pub use supposed::Supposed;

use super::Ledger;
use twin::Twin;

impl Ledger {
    /// Whether decisions are kept to be decided again.
    pub fn keeps_decisions(&self) -> bool {
        self.past.is_kept()
    }

    /// What becomes of the decisions that are kept where `supposed` had been in force for as long as
    /// they go back. It takes a second for a million of them, and no decision waits for it. `None`:
    /// none is kept.
    pub fn preview(&self, supposed: &Supposed) -> Option<Preview> {
        let kept = self.past.kept()?;
        let mut twin = Twin::new(self, supposed, &kept);
        for segment in &kept.segments {
            twin.go_through(segment);
        }
        Some(twin.into_preview(&kept))
    }
}

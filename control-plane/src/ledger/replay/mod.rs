//! What was decided of late, decided again: what would other limits have done?
//!
//! A second ledger, the *twin*, is put where this one was at the oldest entry of the ring (`past`), and
//! is asked and told the same in the same order, at the same times. It decides by the same code, under
//! what is supposed in place of what was in force; where nothing is supposed, it repeats every verdict.

mod again;
mod ends;
mod install;
mod known;
mod pairs;
mod report;
mod shared_there;
mod supposed;
mod twin;
mod under_way;
mod untouched;

use std::sync::atomic::{AtomicBool, Ordering};

pub use report::{ClientPreview, FirstRefusal, PREVIEWED_MAX, Preview, Refusals};
pub use supposed::{Supposed, SupposedClients};

use super::Ledger;
use twin::Twin;

/// Somebody looks this often whether it is still wanted.
const LOOKS_EVERY: usize = 1_024;

/// Whether nobody waits for a preview any more.
#[derive(Debug, Default)]
pub struct GivenUp(AtomicBool);

impl GivenUp {
    /// Nobody does.
    pub fn give_up(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_given_up(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Ledger {
    /// Whether decisions are kept to be decided again.
    pub fn keeps_decisions(&self) -> bool {
        self.past.is_kept()
    }

    /// What becomes of the decisions that are kept where `supposed` had been in force for as long as
    /// they go back. It takes a second for a million of them; decisions wait for a copy of the newest of
    /// them, a sixty-fourth. `None`: none is kept.
    pub fn preview(&self, supposed: &Supposed) -> Option<Preview> {
        self.preview_unless(supposed, &GivenUp::default())
    }

    /// The same; `None`, soon, when it is given up.
    pub fn preview_unless(&self, supposed: &Supposed, given_up: &GivenUp) -> Option<Preview> {
        let (kept, untouched) = self.kept_and_untouched(supposed)?;
        let mut twin = Twin::new(self, supposed, &kept, given_up);
        twin.install_early(&kept, &untouched);
        for segment in &kept.segments {
            twin.go_through(segment);
        }
        if given_up.is_given_up() {
            return None;
        }
        Some(twin.into_preview(&kept))
    }
}

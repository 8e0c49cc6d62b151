//! The laws of limits over random sets of them: 1 to 16 buckets of any window and burst and places,
//! some of them only watched, under random requests that end in random ways.
//!
//! Each law is written on its own, in numbers without end or in whole units; none shares a line with
//! the crate. proptest prints the failing case and its seed.

mod bounds;
mod foretold;
mod lockstep;
#[path = "../model/mod.rs"]
mod model;
#[path = "../random/mod.rs"]
mod random;
mod refusals;
mod steps;
mod watched;
mod world;

use proptest::prelude::*;

/// Where all histories begin.
const START: u64 = 1_700_000_000_000;

/// Sets of sixteen need many histories until each meets each.
fn cases() -> ProptestConfig {
    ProptestConfig::with_cases(400)
}

//! Who has which limits, and from which write.

mod revision;

pub use revision::Revision;

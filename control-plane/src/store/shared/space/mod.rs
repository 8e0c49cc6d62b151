//! A space of keys as a whole: what is in it, who uses it, and how it is filled when nobody does.

mod error;
mod import;
mod standing;

pub use error::SpaceError;
pub use import::Import;
pub use standing::Standing;

//! Where configuration outlives the process.
//!
//! A store is asked once at the start, and told of every write before it is in force, so that what
//! was acknowledged can be read back. It keeps what it is given and judges nothing.

mod error;
mod none;
mod port;

pub use error::StoreError;
pub use none::NoStore;
pub use port::{ConfigStore, Contents};

//! What outlives the process: configuration here, what changes with every request in [`state`], both
//! in one folder.
//!
//! A store is asked once at the start, and told of every write before it is in force, so that what
//! was acknowledged can be read back. It keeps what it is given and judges nothing.

mod data_dir;
mod database;
mod edit;
mod error;
mod new_folder;
mod none;
mod port;
mod redb;
mod rehearsal;
pub mod shared;
pub mod state;
mod unreadable;
mod value;

pub use self::redb::{Configuration, RedbStore};
pub use data_dir::{DataDir, DataFolder};
pub use edit::Edit;
pub use error::{NewerFormat, OpenError, StoreError};
pub use new_folder::NewFolder;
pub use none::NoStore;
pub use port::{ConfigStore, Contents, Lost, WrittenSince};

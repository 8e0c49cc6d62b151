//! Connections to the different ways in which a store is run, a file each.

mod single;

use std::time::Duration;

pub use single::Connection;

use super::{Failure, Target};

/// Connects to the one server that there is.
pub(super) async fn connect(target: &Target, within: Duration) -> Result<Connection, Failure> {
    single::connect(target, within).await
}

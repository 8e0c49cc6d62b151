//! Runs other programs and keeps them under control: nothing that was started outlives who started
//! it.
//!
//! A [`Program`] runs, is stopped or killed, and ends at the latest when it is dropped. A
//! [`Service`] is one that writes logs. [`process`] runs programs to their end. Ctrl-C is a
//! flag that every wait looks at ([`interrupt`]), and a [`leash`] ends programs whose owner was
//! killed.
//!
//! `cargo xtask` is compiled before anything else runs, and depends on this crate: its dependencies
//! stay few, and everything is blocking.

pub mod interrupt;
pub mod leash;
pub mod process;

mod program;
mod service;

pub use program::{Program, Reach, Stopped};
pub use service::{Logs, Service, tail};

use std::time::Duration;

/// How often a wait looks for the end of a program and for Ctrl-C.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Waits a moment before a wait looks again.
#[expect(clippy::disallowed_methods, reason = "the one pause of this crate's polling loops")]
pub fn pause() {
    std::thread::sleep(POLL_INTERVAL);
}

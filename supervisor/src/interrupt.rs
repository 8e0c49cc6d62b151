//! Ctrl-C and SIGTERM as a flag that every wait looks at.
//!
//! The default action would end this process at once and leave what it started running. Programs
//! that lead groups of their own do not get the terminal's Ctrl-C: it reaches this process alone,
//! which stops them in order.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM};

/// The exit code of a command that was interrupted: what a shell shows for SIGINT.
pub const EXIT_CODE: u8 = 130;

static FLAG: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// The error of a command that was asked to stop.
#[derive(Debug)]
pub struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// From here on a signal raises the flag instead of ending the process.
pub fn watch() -> Result<()> {
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&FLAG))
            .with_context(|| format!("can't handle signal {signal}"))?;
    }
    Ok(())
}

/// Whether a signal arrived since [`watch`] or the last [`take`].
pub fn requested() -> bool {
    FLAG.load(Ordering::Relaxed)
}

/// [`Interrupted`] once a signal arrived.
pub fn check() -> Result<()> {
    if requested() { Err(Interrupted.into()) } else { Ok(()) }
}

/// Lowers the flag, so that a second Ctrl-C during an orderly stop can be told from the first.
pub fn take() -> bool {
    FLAG.swap(false, Ordering::Relaxed)
}

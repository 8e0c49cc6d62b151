//! What this control plane is called in what it tells of itself.

use std::{fs, path::Path};

use super::id::Epoch;
use crate::excerpt::Excerpt;

/// Where the kernel has the host's name; in a container it is that of its pod.
const HOSTNAME: &str = "/proc/sys/kernel/hostname";

/// The host's name, and what tells apart several on one host and those before it.
pub(super) fn replica_name(epoch: &Epoch) -> String {
    let host = fs::read_to_string(Path::new(HOSTNAME)).unwrap_or_default();
    let host = Excerpt::new(host.trim()).to_string();
    let host = if host.is_empty() { "flowguard" } else { &host };
    format!("{host}-{}", epoch.tail())
}

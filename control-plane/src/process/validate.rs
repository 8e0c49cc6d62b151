//! `flowguard validate`: judges a file of clients as the control plane does at its start.

use std::path::PathBuf;

use crate::config_file::{InvalidFile, Loaded};

/// A line that says how much is in order.
pub(super) fn validate(file: PathBuf) -> Result<String, InvalidFile> {
    let name = file.display().to_string();
    let clients = Loaded::read(file)?.document().clients.len();
    let noun = if clients == 1 { "client" } else { "clients" };
    Ok(format!("{name}: {clients} {noun}, all in order\n"))
}

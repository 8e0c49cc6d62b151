//! `flowguard validate`: judges a file of clients as the control plane does at its start.

use std::path::PathBuf;

use crate::{
    config_file::{InvalidFile, Loaded},
    counted::counted,
};

/// A line that says how much is in order.
pub(super) fn validate(file: PathBuf) -> Result<String, InvalidFile> {
    let name = file.display().to_string();
    let clients = Loaded::read(file)?.document().clients.len();
    Ok(format!("{name}: {}, all in order\n", counted(clients, "client")))
}

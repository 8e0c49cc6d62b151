//! `flowguard validate`: judges a file of clients as the control plane does at its start.

use std::path::PathBuf;

use crate::{
    config_file::{InvalidFile, Loaded},
    counted::counted,
    excerpt::path_in_one_line,
};

/// A line that says how much is in order.
pub(super) fn validate(file: PathBuf) -> Result<String, InvalidFile> {
    let name = path_in_one_line(&file);
    let clients = Loaded::read(file)?.document().clients.len();
    Ok(format!("{name}: {}, all in order\n", counted(clients, "client")))
}

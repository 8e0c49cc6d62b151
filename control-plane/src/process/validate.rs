//! `flowguard validate`: judges a configuration file as the control plane does at its start.

use std::{collections::BTreeMap, path::PathBuf};

use crate::{
    config_file::{InvalidFile, Loaded},
    counted::counted,
    excerpt::path_in_one_line,
};

/// A line that says how much is in order.
pub(super) fn validate(file: PathBuf) -> Result<String, InvalidFile> {
    let name = path_in_one_line(&file);
    let loaded = Loaded::read(file)?;
    let document = loaded.document();
    let mut line = format!("{name}: {}", counted(document.clients.len(), "client"));
    for (count, noun) in [
        (document.models.len(), "model"),
        (document.limits.len(), "limit"),
        (document.keys.as_ref().map_or(0, BTreeMap::len), "key"),
        (document.tokens.as_ref().map_or(0, BTreeMap::len), "token"),
    ] {
        if count > 0 {
            line.push_str(", ");
            line.push_str(&counted(count, noun));
        }
    }
    line.push_str(", all in order\n");
    Ok(line)
}

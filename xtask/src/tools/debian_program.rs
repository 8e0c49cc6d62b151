//! A program of the Debian package of its name, as a private copy where the machine has none.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::search::{self, Tool};
use super::{debian, private_copy};
use crate::whole_folder;

/// The path of the tool: what its variable says, else the program on `PATH`, else a private copy.
pub(crate) fn get(tool: &Tool) -> Result<PathBuf> {
    if let Some(path) = tool.find()? {
        return Ok(path);
    }
    let Tool { program: name, variable, .. } = *tool;
    let folder = private_copy::folder(name);
    let program = folder.join(name);
    if !search::is_executable(&program) {
        whole_folder::fill(&folder, |folder| fill(folder, name))
            .and_then(|()| tool.check(&program))
            .with_context(|| {
                format!(
                    "can't get {name}: run `{}` as root, or name an installed one with {variable}=PATH",
                    debian::advice(&[name])
                )
            })?;
    }
    Ok(program)
}

/// Unpacks the package, and writes a script that calls its program with the libraries that were
/// unpacked along.
fn fill(folder: &Path, name: &str) -> Result<()> {
    debian::unpack(&[name], folder)?;
    private_copy::write_script(
        &folder.join(name),
        &format!(
            "folder=$(dirname \"$0\")\n\
             LD_LIBRARY_PATH=\"$folder/{}\" exec \"$folder/usr/bin/{name}\" \"$@\"\n",
            debian::libraries(folder).unwrap_or_default().display()
        ),
    )
}

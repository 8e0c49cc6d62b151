//! The licences of what is in a program, in full: most of them ask to be handed on with it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::files;
use super::packages::Packages;

/// How the names of the files begin that hold them.
const NAMES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE"];

/// Writes the texts that come with each foreign crate.
pub(super) fn write(packages: &Packages, to: &Path) -> Result<()> {
    let mut texts = Vec::new();
    for package in packages.all.iter().filter(|package| package.is_foreign) {
        texts.push(format!("{} {} ({})\n", package.name, package.version, package.license));
        let notices = notices(&package.folder)?;
        texts.extend(notices.iter().map(|notice| format!("\n{}\n", notice.trim_end())));
        texts.push(format!("\n{}\n\n", "-".repeat(80)));
    }
    // What a crate of ours has in it that is no crate.
    for package in packages.all.iter().filter(|package| !package.is_foreign) {
        let notice = package.folder.join("NOTICE");
        if notice.is_file() {
            let text = files::read(&notice)?;
            texts.push(format!("{}\n\n", String::from_utf8_lossy(&text).trim_end()));
        }
    }
    files::write(to, texts.concat().as_bytes())
}

fn notices(folder: &Path) -> Result<Vec<String>> {
    let cannot_read = || format!("can't read {}", folder.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).with_context(cannot_read)? {
        let path = entry.with_context(cannot_read)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().to_uppercase());
        if path.is_file()
            && name.is_some_and(|name| NAMES.iter().any(|start| name.starts_with(start)))
        {
            paths.push(path);
        }
    }
    paths.sort();
    let read = |path| Ok(String::from_utf8_lossy(&files::read(path)?).into_owned());
    paths.iter().map(|path| read(path)).collect()
}

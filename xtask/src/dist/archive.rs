//! Archives whose bytes depend on nothing but the files in them.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use flate2::{Compression, GzBuilder};

use super::files;

/// A tar archive of files, each the path in the archive and its bytes.
pub(super) fn tar(files: &[(PathBuf, Vec<u8>)]) -> Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        // Nobody's, and as old as time: who made the archive, and when, is no part of it.
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        archive
            .append_data(&mut header, path, content.as_slice())
            .with_context(|| format!("can't archive {}", path.display()))?;
    }
    archive.into_inner().context("can't end an archive")
}

/// Compresses as `gzip -n` does, without a name and a time.
pub(super) fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().write(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).context("can't compress")
}

/// A compressed archive of all that is in a folder, below `root` in the archive.
pub(super) fn tar_gz(folder: &Path, root: &Path) -> Result<Vec<u8>> {
    let mut content = Vec::new();
    for below in files::all_in(folder)? {
        content.push((root.join(&below), files::read(&folder.join(&below))?));
    }
    gzip(&tar(&content)?)
}

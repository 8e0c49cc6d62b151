//! What each file's bytes are known by.

use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::files;

/// The SHA-256 of `bytes`, in hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"))
}

/// What a release has, and no other folder.
pub(super) const FILE: &str = "SHA256SUMS";

/// Writes `SHA256SUMS` of all that is in the folder, as `sha256sum --check` reads it.
pub(super) fn write(folder: &Path) -> Result<()> {
    let mut sums = Vec::new();
    for path in files::all_in(folder)? {
        let name = path.to_str().with_context(|| format!("{} is no text", path.display()))?;
        let sum = sha256(&files::read(&folder.join(&path))?);
        sums.push(format!("{sum}  {name}\n"));
    }
    files::write(&folder.join(FILE), sums.concat().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_the_one_that_others_compute() {
        let of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256(b""), of_nothing);
    }
}

//! All style sheets of the console as one, in the order in which the first one imports them.

use std::{error::Error, fs, path::Path};

use crate::stripped;

/// The sheets that the one at `entry` in `folder` imports, which has nothing else.
pub(crate) fn joined(folder: &Path, entry: &str) -> Result<String, Box<dyn Error>> {
    let read = |path: &Path| {
        fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let entry = folder.join(entry);
    let mut text = String::new();
    for line in stripped::lines(&read(&entry)?) {
        let name = line.strip_prefix("@import \"").and_then(|name| name.strip_suffix("\";"));
        let name = name.ok_or_else(|| format!("{}: {line:?} imports nothing", entry.display()))?;
        for line in stripped::lines(&read(&entry.with_file_name(name))?) {
            text.push_str(line);
            text.push('\n');
        }
    }
    Ok(text)
}

//! What the default toolchain compiles for, and what rustup adds to that.

use std::env;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::search::{self, ask};
use crate::workspace;
use supervisor::process;

/// A download server that is not reachable may drop packets silently, and rustup's own limits add
/// up to minutes.
const RUSTUP_TIMEOUT: Duration = Duration::from_mins(1);

/// The target that the default toolchain compiles for when none is named.
pub(crate) fn host() -> Result<String> {
    let host = ask(rustc().args(["--print", "host-tuple"]));
    host.context("rustc does not tell what it compiles for")
}

/// Whether the default toolchain has the library for `target`.
pub(crate) fn is_there(target: &str) -> bool {
    ask(rustc().args(["--print", "target-libdir", "--target", target]))
        .is_some_and(|folder| Path::new(&folder).is_dir())
}

/// Whether it has it now, when rustup was asked for what was missing.
pub(crate) fn is_there_or_added(target: &str) -> Result<bool> {
    Ok(is_there(target) || add_by_rustup(target)? && is_there(target))
}

/// Asks rustup for the target. Whether it came is for [`is_there`] to see: the compiler in use need
/// not be rustup's.
fn add_by_rustup(target: &str) -> Result<bool> {
    if search::on_path("rustup").is_none() {
        return Ok(false);
    }
    eprintln!("installing {target} with rustup");
    let mut command = Command::new("rustup");
    command.args(["target", "add", target]).current_dir(workspace::root());
    match process::output(&mut command, RUSTUP_TIMEOUT) {
        Ok(output) if output.status.success() => Ok(true),
        Ok(output) => {
            eprintln!("rustup could not: {}", complaint(&output.stderr));
            Ok(false)
        }
        Err(error) if error.is::<supervisor::interrupt::Interrupted>() => Err(error),
        Err(error) => {
            eprintln!("rustup could not: {error:#}");
            Ok(false)
        }
    }
}

fn rustc() -> Command {
    let mut command = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    command.current_dir(workspace::root());
    command
}

/// The line that says what went wrong; causes and maybe a backtrace follow it.
fn complaint(stderr: &str) -> &str {
    let mut lines = stderr.lines();
    lines.find(|line| line.starts_with("error")).unwrap_or_else(|| stderr.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rustup_s_complaint_is_told_without_its_backtrace() {
        let stderr = "info: downloading component rust-std\nerror: could not download file\n  16: <unknown>\n";
        assert_eq!(complaint(stderr), "error: could not download file");
        assert_eq!(complaint("no luck\n"), "no luck");
    }
}

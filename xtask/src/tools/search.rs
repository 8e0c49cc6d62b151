//! Programs that are already on this machine.

use std::env;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use supervisor::process;

/// How long a program may take to tell of itself.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// A tool that the user may bring along: in a variable, or on `PATH`.
#[derive(Debug)]
pub(crate) struct Tool {
    /// The variable that names the program; tests and benchmarks read the same one.
    pub(crate) variable: &'static str,
    /// The program's name on `PATH`.
    pub(crate) program: &'static str,
    /// Whether what `--version` prints comes from the tool in a version that will do.
    pub(crate) accepts: fn(version: &str) -> bool,
    /// What is accepted, for messages.
    pub(crate) wanted: &'static str,
}

impl Tool {
    /// The program that the variable names, which must do, or else one on `PATH` that does.
    pub(crate) fn find(&self) -> Result<Option<PathBuf>> {
        if let Some(path) = env::var_os(self.variable).filter(|path| !path.is_empty()) {
            let path = std::path::absolute(&path).unwrap_or_else(|_| path.into());
            self.check(&path)
                .with_context(|| format!("{} is {}", self.variable, path.display()))?;
            return Ok(Some(path));
        }
        let Some(path) = on_path(self.program) else {
            return Ok(None);
        };
        match self.check(&path) {
            Ok(()) => Ok(Some(path)),
            Err(error) => {
                eprintln!("passing over {}: {error:#}", path.display());
                Ok(None)
            }
        }
    }

    /// Whether the program at `path` is the tool. Some print their version on standard error, or
    /// fail as they do.
    pub(crate) fn check(&self, path: &Path) -> Result<()> {
        let output = process::output(Command::new(path).arg("--version"), ANSWER_TIMEOUT)?;
        let version = [output.stdout, output.stderr].concat();
        if !(self.accepts)(&version) {
            let said = version.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
            bail!("it says `{}` for --version, and {} is needed", said.trim(), self.wanted);
        }
        Ok(())
    }
}

/// The first program of that name on `PATH`.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| is_executable(file))
}

/// Whether `path` is a file that may be run.
pub(crate) fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// The first line that a successful `command` prints.
pub(super) fn ask(command: &mut Command) -> Option<String> {
    let output = process::output(command, ANSWER_TIMEOUT).ok()?;
    let line = output.stdout.lines().next()?;
    output.status.success().then(|| line.to_owned())
}

/// The first two numbers of `1.40.0`.
pub(crate) fn major_minor(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHELL: Tool = Tool {
        variable: "FLOWGUARD_NO_SUCH_VARIABLE",
        program: "true",
        accepts: |version| version.contains("never printed"),
        wanted: "another tool",
    };

    #[test]
    fn a_program_on_the_path_that_is_something_else_is_passed_over() {
        assert!(on_path("true").is_some());
        assert_eq!(SHELL.find().unwrap(), None);
    }

    #[test]
    fn a_folder_or_a_plain_file_is_no_program() {
        assert!(!is_executable(Path::new("/")));
        assert!(!is_executable(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))));
    }

    #[test]
    fn versions_compare_by_number() {
        assert_eq!(major_minor("1.40.0"), Some((1, 40)));
        assert!(major_minor("1.100.2") > major_minor("1.40.0"));
        assert_eq!(major_minor("one.two"), None);
        assert_eq!(major_minor("1"), None);
    }
}

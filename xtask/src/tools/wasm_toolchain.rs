//! A toolchain that compiles for wasm32: the default one where the target is installed or rustup
//! can install it, else Debian's, installed or as a private copy.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use super::{debian, private_copy, search};
use crate::cargo;
use crate::workspace;
use supervisor::process;

/// What the filter is compiled for.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

const LINKER: &str = "wasm-ld";

/// Where programs look for libraries before the system's folders.
const LIBRARY_PATH: &str = "LD_LIBRARY_PATH";

const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld"];

/// A download server that is not reachable may drop packets silently, and rustup's own limits add
/// up to minutes.
const RUSTUP_TIMEOUT: Duration = Duration::from_mins(1);
const QUESTION_TIMEOUT: Duration = Duration::from_secs(20);

/// Which toolchain compiles the filter.
#[derive(Debug)]
pub(crate) enum Toolchain {
    /// The one that compiles everything else.
    Default,
    /// Debian's, which compiles the standard library along.
    Debian(DebianToolchain),
}

/// Debian's toolchain. Its programs are named in full, because another toolchain's may come first on
/// `PATH`.
#[derive(Debug)]
pub(crate) struct DebianToolchain {
    /// What the packages are unpacked into; `/` where they are installed.
    root: PathBuf,
}

/// Finds a toolchain, or gets what is missing.
pub(crate) fn find() -> Result<Toolchain> {
    if default_has_the_target() {
        return Ok(Toolchain::Default);
    }
    // Before rustup, because where Debian's is there rustup's server was out of reach once already.
    let copy = private_copy::folder("rust-web");
    for root in [Path::new("/"), &copy] {
        if let Some(debian) = DebianToolchain::complete(root) {
            return Ok(Toolchain::Debian(debian));
        }
    }
    if add_by_rustup()? && default_has_the_target() {
        return Ok(Toolchain::Default);
    }
    let unpacked = private_copy::fill(&copy, |partial| debian::unpack(&DEBIAN_PACKAGES, partial));
    if let Some(debian) = DebianToolchain::complete(&copy) {
        return Ok(Toolchain::Debian(debian));
    }
    let problem = unpacked.err().map(|error| format!(" ({error:#})")).unwrap_or_default();
    bail!(
        "no toolchain here compiles for {TARGET}{problem}: run `rustup target add {TARGET}`, \
         or on Debian 12 with its security updates `{}` as root",
        debian::advice(&DEBIAN_PACKAGES)
    )
}

impl DebianToolchain {
    /// The toolchain in `root`, where it is whole and new enough.
    fn complete(root: &Path) -> Option<Self> {
        let toolchain = Self { root: root.to_owned() };
        let version = ask(toolchain.command("rustc").arg("--version"))?;
        let sysroot = ask(toolchain.command("rustc").args(["--print", "sysroot"]))?;
        let library = PathBuf::from(sysroot).join("lib/rustlib/src/rust/library/Cargo.lock");
        let is_complete = is_at_least(&version, workspace::RUST_VERSION)
            && library.is_file()
            && ["cargo", LINKER].iter().all(|name| search::is_executable(&toolchain.program(name)));
        is_complete.then_some(toolchain)
    }

    /// A command of its cargo that compiles for wasm and sees nothing of another toolchain.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = self.command("cargo");
        cargo::without(&mut command, |name| {
            cargo::belongs_to_this_toolchain(name) && name != LIBRARY_PATH
        });
        command
            // A stable compiler builds the library along only when told that it bootstraps itself.
            .env("RUSTC", self.program("rustc"))
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", self.program(LINKER));
        command
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.program(name));
        match debian::libraries(&self.root) {
            Some(libraries) if self.root != Path::new("/") => {
                command.env(LIBRARY_PATH, self.root.join(libraries))
            }
            _ => command.env_remove(LIBRARY_PATH),
        };
        command
    }

    fn program(&self, name: &str) -> PathBuf {
        self.root.join("usr/bin").join(name)
    }
}

fn default_has_the_target() -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    command.args(["--print", "target-libdir", "--target", TARGET]).current_dir(workspace::root());
    ask(&mut command).is_some_and(|folder| Path::new(&folder).is_dir())
}

/// Asks rustup for the target. Whether it came is for [`default_has_the_target`] to see: the
/// compiler in use need not be rustup's.
fn add_by_rustup() -> Result<bool> {
    if search::on_path("rustup").is_none() {
        return Ok(false);
    }
    eprintln!("installing {TARGET} with rustup");
    let mut command = Command::new("rustup");
    command.args(["target", "add", TARGET]).current_dir(workspace::root());
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

/// The line that says what went wrong; causes and maybe a backtrace follow it.
fn complaint(stderr: &str) -> &str {
    let mut lines = stderr.lines();
    lines.find(|line| line.starts_with("error")).unwrap_or_else(|| stderr.trim())
}

/// The first line that a successful `command` prints.
fn ask(command: &mut Command) -> Option<String> {
    let output = process::output(command, QUESTION_TIMEOUT).ok()?;
    let line = output.stdout.lines().next()?;
    output.status.success().then(|| line.to_owned())
}

/// Whether `rustc 1.96.0 (…)` is at least `1.95`.
fn is_at_least(version: &str, wanted: &str) -> bool {
    let number = version.split_whitespace().nth(1).unwrap_or_default();
    match (search::major_minor(number), search::major_minor(wanted)) {
        (Some(number), Some(wanted)) => number >= wanted,
        _ => false,
    }
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

    #[test]
    fn a_compiler_must_be_as_new_as_the_workspace_asks() {
        assert!(is_at_least(
            "rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)",
            "1.95"
        ));
        assert!(is_at_least("rustc 1.95.0", "1.95"));
        assert!(is_at_least("rustc 1.100.0", "1.95"));
        assert!(!is_at_least("rustc 1.85.0 (4d91de4e4 2025-02-17)", "1.95"));
        assert!(!is_at_least("rustc", "1.95"));
    }
}

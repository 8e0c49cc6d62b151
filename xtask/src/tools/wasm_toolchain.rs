//! A toolchain that compiles for wasm32: the default one where the target is installed or rustup
//! can install it, else Debian's, installed or as a private copy.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use super::search::{self, ask};
use super::{debian, private_copy, target};
use crate::cargo;
use crate::whole_folder;
use crate::workspace;

/// What the filter is compiled for.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

const LINKER: &str = "wasm-ld";

/// Where programs look for libraries before the system's folders.
const LIBRARY_PATH: &str = "LD_LIBRARY_PATH";

const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld"];

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
    if target::is_there(TARGET) {
        return Ok(Toolchain::Default);
    }
    // Before rustup, because where Debian's is there rustup's server was out of reach once already.
    let copy = private_copy::folder("rust-web");
    for root in [Path::new("/"), &copy] {
        if let Some(debian) = DebianToolchain::complete(root) {
            return Ok(Toolchain::Debian(debian));
        }
    }
    if target::is_there_or_added(TARGET)? {
        return Ok(Toolchain::Default);
    }
    let unpacked = whole_folder::fill(&copy, |partial| debian::unpack(&DEBIAN_PACKAGES, partial));
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

//! The control plane as one static program, which runs on any Linux and in an image without anything
//! else in it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use supervisor::process;

use super::files;
use crate::cargo::{self, cargo};
use crate::tools::target;
use crate::workspace;

/// A static program.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    /// What it is compiled for.
    pub(super) target: String,
}

impl Program {
    /// One that was built already, for this machine.
    pub(super) fn given(path: &Path) -> Result<Self> {
        let program = Self { path: path.to_owned(), target: target::host()? };
        program.check()?;
        Ok(program)
    }

    fn check(&self) -> Result<()> {
        if is_static(&files::read(&self.path)?) != Some(true) {
            bail!("{} is no static program", self.path.display());
        }
        Ok(())
    }
}

/// Builds it with musl where that is, or can be had. Elsewhere the C library of this machine is
/// linked in whole, which differs in one thing: it can't find host names by plugins of its own, and
/// the control plane looks none up.
pub(super) fn build() -> Result<Program> {
    let host = target::host()?;
    let musl = host.replace("-gnu", "-musl");
    let target = if target::is_there_or_added(&musl)? { musl } else { host };
    // A folder of its own: other flags would throw away what the other builds made.
    let build_folder = workspace::target().join("dist-build");
    let mut command = cargo(&["build", "--locked", "--release", "--package", "flowguard"]);
    cargo::without(&mut command, cargo::changes_the_compilation);
    command
        .args(["--target", &target, "--target-dir"])
        .arg(&build_folder)
        .arg("--config")
        .arg(format!("target.{target}.rustflags=['-C','target-feature=+crt-static']"))
        // As in the images: small, with the names of functions for backtraces.
        .envs([
            ("CARGO_PROFILE_RELEASE_DEBUG", "false"),
            ("CARGO_PROFILE_RELEASE_STRIP", "debuginfo"),
        ]);
    process::run_aside(&mut command)?;
    let path = build_folder.join(&target).join("release/flowguard");
    let program = Program { path, target };
    program.check().context("the compiler did not link everything in")?;
    Ok(program)
}

/// Whether an ELF program for 64 bits asks for no other program to load it; `None` for other bytes.
fn is_static(program: &[u8]) -> Option<bool> {
    const INTERPRETER: usize = 3;
    let number = |place: usize, size: usize| {
        let bytes = program.get(place..place.checked_add(size)?)?;
        let number = bytes.iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        usize::try_from(number).ok()
    };
    // Little-endian, and of the first version.
    if !program.starts_with(b"\x7fELF\x02\x01\x01") {
        return None;
    }
    let (first, size, count) = (number(0x20, 8)?, number(0x36, 2)?, number(0x38, 2)?);
    for header in 0..count {
        let kind = number(first.checked_add(header.checked_mul(size)?)?, 4)?;
        if kind == INTERPRETER {
            return Some(false);
        }
    }
    Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_loaded_by_another_is_not_static() {
        // This test is linked as cargo does by default.
        let this = std::env::current_exe().unwrap();
        assert_eq!(is_static(&std::fs::read(this).unwrap()), Some(false));
        assert_eq!(is_static(b"\x7fELF\x02\x01\x01"), None);
        assert_eq!(is_static(b"#!/bin/sh\n"), None);
    }

    #[test]
    fn a_program_without_an_interpreter_is_static() {
        let mut header = b"\x7fELF\x02\x01\x01".to_vec();
        header.resize(0x40, 0);
        assert_eq!(is_static(&header), Some(true));
    }
}

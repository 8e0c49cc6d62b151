//! Building the wasm filter, with whatever toolchain of this machine can.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::cargo::{self, cargo};
use crate::tools::wasm_toolchain::{self, Toolchain};
use crate::workspace;
use supervisor::process;

const TARGET: &str = wasm_toolchain::TARGET;

/// `cargo xtask filter`
pub(crate) fn run() -> Result<()> {
    let filter = build()?;
    let size =
        fs::metadata(&filter).with_context(|| format!("can't read {}", filter.display()))?.len();
    eprintln!("{size} bytes");
    println!("{}", filter.display());
    Ok(())
}

/// Builds the filter and returns the path of `filter.wasm`.
pub(crate) fn build() -> Result<PathBuf> {
    let target = workspace::target();
    // A folder of its own: other flags and maybe another compiler would throw away what the other
    // builds made.
    let build_folder = target.join("filter-build");
    let mut command = match wasm_toolchain::find()? {
        Toolchain::Default => {
            let mut command = cargo(&["build"]);
            cargo::without(&mut command, cargo::changes_the_compilation);
            command
        }
        // Its packages hold the library's source, but no library for wasm32.
        Toolchain::Debian(debian) => {
            let mut command = debian.cargo();
            command.args(["build", "-Zbuild-std=std,panic_abort"]).current_dir(workspace::root());
            command
        }
    };
    command
        .args(["--locked", "--package", "flowguard-filter", "--lib", "--profile", "wasm"])
        .args(["--target", TARGET, "--target-dir"])
        .arg(&build_folder);
    process::run_aside(&mut command)?;

    let built = build_folder.join(TARGET).join("wasm/filter.wasm");
    let folder = target.join("filter");
    let filter = folder.join("filter.wasm");
    // Copied aside and renamed: an Envoy that starts meanwhile reads the old filter or the new one,
    // never a half.
    let partial = folder.join(format!(".filter.wasm.{}", std::process::id()));
    fs::create_dir_all(&folder).with_context(|| format!("can't create {}", folder.display()))?;
    fs::copy(&built, &partial).with_context(|| format!("can't copy {}", built.display()))?;
    fs::rename(&partial, &filter).with_context(|| format!("can't write {}", filter.display()))?;
    Ok(filter)
}

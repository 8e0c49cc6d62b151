//! Calling cargo from a program that cargo runs.
//!
//! `cargo run` describes the running package to it in variables, which an inner cargo would hand on
//! to every build script and compiler that it starts; and a build by another toolchain must not see
//! anything of this one at all.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::workspace;
use supervisor::process;

/// The cargo that runs xtask, called in the workspace's root.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(workspace::root())
        .env("CARGO_TARGET_DIR", workspace::target());
    without(&mut command, describes_a_package);
    // What is built once needs nothing by which it would be built again faster: half of a target folder.
    if env::var_os("CI").is_some() && env::var_os("CARGO_INCREMENTAL").is_none() {
        command.env("CARGO_INCREMENTAL", "0");
    }
    command
}

/// Builds the program `name` and returns where it is.
///
/// The whole workspace is selected, and then that program of it: cargo chooses the features of
/// shared dependencies by what is selected, and would compile them again for every other choice.
pub(crate) fn build_program(name: &str, profile: Profile) -> Result<PathBuf> {
    let mut command = cargo(&["build", "--locked", "--workspace", "--bin", name]);
    command.arg(profile.flag());
    process::run_aside(&mut command)?;
    Ok(workspace::target().join(profile.folder()).join(name))
}

/// How the workspace's own programs are compiled.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Profile {
    /// For tests: quick to compile, with overflow checks. Builds the tests along, because their own
    /// dependencies take part in the choice of features.
    Dev,
    /// For real traffic and for measurements.
    Release,
}

impl Profile {
    fn flag(self) -> &'static str {
        match self {
            Self::Dev => "--tests",
            Self::Release => "--release",
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

/// Removes the variables whose names `matches` from what `command` inherits.
pub(crate) fn without(command: &mut Command, matches: fn(&str) -> bool) {
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(matches) {
            command.env_remove(name);
        }
    }
}

/// Whether `cargo run` sets the variable to tell a program about its package.
pub(crate) fn describes_a_package(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|prefix| name.starts_with(prefix))
        || matches!(name, "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE" | "OUT_DIR")
}

/// Whether the variable adds flags or programs to a compilation: meant for programs of this
/// machine, wrong for wasm.
pub(crate) fn changes_the_compilation(name: &str) -> bool {
    matches!(
        name,
        "RUSTFLAGS" | "CARGO_ENCODED_RUSTFLAGS" | "CARGO_BUILD_RUSTFLAGS" | "CARGO_BUILD_TARGET"
    )
}

/// Whether the variable belongs to the toolchain that runs xtask, so that another toolchain must
/// not see it.
pub(crate) fn belongs_to_this_toolchain(name: &str) -> bool {
    describes_a_package(name)
        || changes_the_compilation(name)
        || name.starts_with("RUSTUP_")
        || name.starts_with("CARGO_TARGET_WASM32_")
        || matches!(
            name,
            "CARGO"
                | "RUSTC"
                | "RUSTDOC"
                | "RUSTC_WRAPPER"
                | "RUSTC_WORKSPACE_WRAPPER"
                | "CARGO_BUILD_RUSTC"
                | "CARGO_BUILD_RUSTC_WRAPPER"
                | "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER"
                | "RUST_RECURSION_COUNT"
                | "LD_LIBRARY_PATH"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inner_cargo_keeps_its_toolchain_and_the_user_s_settings() {
        for name in
            ["CARGO", "RUSTUP_TOOLCHAIN", "RUSTFLAGS", "CARGO_HOME", "CARGO_TERM_COLOR", "PATH"]
        {
            assert!(!describes_a_package(name), "{name}");
        }
        for name in
            ["CARGO_PKG_VERSION", "CARGO_MANIFEST_DIR", "CARGO_BIN_NAME", "CARGO_CRATE_NAME"]
        {
            assert!(describes_a_package(name), "{name}");
        }
    }

    #[test]
    fn another_toolchain_sees_nothing_of_this_one() {
        for name in
            ["CARGO", "RUSTC", "RUSTUP_TOOLCHAIN", "RUSTUP_HOME", "RUSTFLAGS", "LD_LIBRARY_PATH"]
        {
            assert!(belongs_to_this_toolchain(name), "{name}");
        }
    }

    #[test]
    fn another_toolchain_shares_the_registry_and_the_network_settings() {
        for name in
            ["CARGO_HOME", "CARGO_NET_OFFLINE", "CARGO_HTTP_CAINFO", "HTTPS_PROXY", "PATH", "HOME"]
        {
            assert!(!belongs_to_this_toolchain(name), "{name}");
        }
    }

    #[test]
    fn flags_for_this_machine_do_not_reach_the_wasm_compiler() {
        assert!(changes_the_compilation("RUSTFLAGS"));
        assert!(!changes_the_compilation("CARGO_TARGET_DIR"));
    }
}

//! Which way the arrows point (ARCHITECTURE.md, "Invariants"): between the crates, and between the
//! rooms of the filter and of the control plane.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::tools;
use repository::rooms::Rooms;

/// What is compiled into a package, itself included, by name.
fn compiled_into(package: &str, further: &[&str]) -> BTreeSet<String> {
    let mut arguments = vec!["--package", package, "--edges", "normal"];
    arguments.extend(further);
    tree(&arguments)
}

fn tree(arguments: &[&str]) -> BTreeSet<String> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(tools::workspace())
        .args(["tree", "--locked", "--offline", "--prefix", "none", "--format", "{p}"])
        .args(arguments);
    let output = cargo.output().expect("cargo runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo tree {arguments:?}: {stderr}");
    let text = String::from_utf8(output.stdout).expect("names of packages");
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[track_caller]
fn know(package: &str, known: &BTreeSet<String>, forbidden: &[&str]) {
    for name in forbidden {
        assert!(!known.contains(*name), "{package} knows {name}");
    }
    assert!(known.contains(package), "{package} is not in {known:?}");
}

#[test]
fn the_limiter_depends_on_nothing() {
    let known = tree(&["--package", "flowguard-limiter", "--edges", "normal,build"]);
    assert_eq!(known, BTreeSet::from(["flowguard-limiter".to_owned()]));
}

#[test]
fn the_filter_knows_neither_tokio_nor_the_control_plane() {
    let known = compiled_into("flowguard-filter", &["--target", "wasm32-unknown-unknown"]);
    know("flowguard-filter", &known, &["tokio", "flowguard", "hyper", "tonic"]);
}

#[test]
fn the_control_plane_does_not_know_the_filter() {
    know("flowguard", &compiled_into("flowguard", &[]), &["flowguard-filter", "proxy-wasm"]);
}

/// It is a client like any other: what it can do, anybody can do by the public API.
#[test]
fn the_command_line_knows_neither_the_control_plane_nor_the_filter() {
    let known = compiled_into("flowguard-cli", &[]);
    let insides = ["flowguard", "flowguard-filter", "flowguard-limiter", "flowguard-proto"];
    know("flowguard-cli", &known, &insides);
}

#[test]
fn what_is_shipped_knows_nothing_that_is_for_tests() {
    for package in ["flowguard", "flowguard-filter", "flowguard-mock-llm"] {
        let known = compiled_into(package, &[]);
        let for_tests =
            ["flowguard-harness", "flowguard-supervisor", "flowguard-bench", "libfuzzer-sys"];
        know(package, &known, &for_tests);
    }
}

#[test]
fn nobody_depends_on_the_tests() {
    for package in ["flowguard-tests", "flowguard-fuzz"] {
        let dependents = tree(&["--workspace", "--invert", package, "--edges", "all"]);
        assert_eq!(dependents, BTreeSet::from([package.to_owned()]));
    }
}

#[test]
fn the_rooms_of_the_filter_form_no_circle() {
    check_rooms("filter");
}

#[test]
fn the_rooms_of_the_control_plane_form_no_circle() {
    check_rooms("control-plane");
}

#[test]
fn the_rooms_of_the_command_line_form_no_circle() {
    check_rooms("cli");
}

#[track_caller]
fn check_rooms(package: &str) {
    let circles = Rooms::read(&tools::workspace(), package).circles();
    let text: Vec<_> = circles.iter().map(ToString::to_string).collect();
    assert!(circles.is_empty(), "in {package}/ rooms name each other:\n{}", text.join("\n"));
}

/// The standard library alone has a clock and IO, and it takes one of these lines to name it.
#[test]
fn the_limiter_has_neither_clock_nor_io() {
    let sources = sources(&limiter());
    let has_root = |text: &String| text.lines().any(|line| line == "#![no_std]");
    assert!(sources.iter().any(has_root), "limiter/src/lib.rs is not no_std");
    for text in &sources {
        let mut before = "";
        for line in text.lines().map(str::trim) {
            let is_named = line.contains("extern crate") && line != "extern crate alloc;";
            assert!(!is_named || before == "#[cfg(test)]", "in limiter/src: {line}");
            before = line;
        }
    }
}

/// Whoever computes with quotas needs the unit in which balances are kept. Only the limiter has it.
#[test]
fn the_limiter_hands_out_no_unit_to_compute_with() {
    let root = repository::read("limiter/src/lib.rs");
    let exports = root.split("pub use ").skip(1).filter_map(|rest| rest.split(';').next());
    // A module may be called so; nobody outside can name it.
    for names in exports.filter_map(|path| path.rsplit("::").next()) {
        assert!(!names.to_ascii_lowercase().contains("unit"), "limiter/src/lib.rs: {names}");
    }
}

/// What the list of invariants names as a test is one.
#[test]
fn every_invariant_names_what_holds_it() {
    let text = repository::read("ARCHITECTURE.md");
    let (_, list) = text.split_once("\n## Invariants\n").expect("a chapter of invariants");
    let (list, _) = list.split_once("\n## ").expect("a chapter after it");
    let number = |line: &str| {
        let (number, _) = line.split_once(". ")?;
        number.parse::<usize>().ok()
    };
    let count = list.lines().filter_map(number).count();
    let held: Vec<_> = list.lines().filter(|line| line.trim().starts_with("Held by: ")).collect();
    assert_eq!(held.len(), count, "each of the invariants says what holds it");

    check_are_tests(held.into_iter());
}

/// What the threat model names as a test is one.
#[test]
fn every_threat_names_what_holds_it() {
    let text = repository::read("SECURITY.md");
    let rows = text.lines().filter(|line| line.starts_with("| "));
    let tests: Vec<_> = rows.filter_map(|row| row.rsplit('|').nth(1)).collect();
    assert!(tests.iter().filter(|tests| tests.contains('`')).count() > 10, "{tests:?}");
    check_are_tests(tests.into_iter());
}

/// Each name in backticks is one of a test.
#[track_caller]
fn check_are_tests<'a>(lines: impl Iterator<Item = &'a str>) {
    let mut missing: BTreeSet<_> = lines
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .filter(|name| name.contains('_') && !name.contains(['.', '/']))
        .collect();
    let sources = sources(&tools::workspace());
    missing.retain(|name| !sources.iter().any(|text| text.contains(&format!("fn {name}("))));
    assert!(missing.is_empty(), "no such tests: {missing:?}");
}

fn limiter() -> PathBuf {
    tools::workspace().join("limiter/src")
}

/// All Rust files below a folder, but what cargo built.
fn sources(folder: &Path) -> Vec<String> {
    let mut folders = vec![folder.to_owned()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of sources") {
            let path = entry.expect("an entry of a folder").path();
            let is_hidden = |name: &str| name.starts_with('.') || name == "target";
            if path.file_name().and_then(OsStr::to_str).is_none_or(is_hidden) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension() == Some(OsStr::new("rs")) {
                sources.push(std::fs::read_to_string(path).expect("a source file"));
            }
        }
    }
    sources
}

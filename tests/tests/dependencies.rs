//! What others wrote and is compiled in: where it comes from, under which licence, and what never is.
//! Advisories are no part of it: they take a list that this machine may not be able to fetch.

use std::collections::BTreeMap;
use std::process::Command;

use harness::tools;
use serde_json::Value;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Licences under which something may be passed on with FlowGuard's own, and without its source.
const LICENCES: [&str; 11] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Zlib",
];

/// TLS is rustls', and these are looked after by nobody.
const BANNED: [&str; 8] = [
    "atty",
    "failure",
    "native-tls",
    "openssl",
    "openssl-sys",
    "proc-macro-error",
    "serde_yaml",
    "users",
];

/// Of these several versions are shipped, since those who use them have not agreed on one yet.
const TWICE: [&str; 9] = [
    "base64",
    "getrandom",
    "hashbrown",
    "itertools",
    "linux-raw-sys",
    "rustix",
    "syn",
    "synstructure",
    "tower-http",
];

fn cargo(arguments: &[&str]) -> String {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(tools::workspace()).args(arguments).args(["--locked", "--offline"]);
    let output = cargo.output().expect("cargo runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {arguments:?}: {stderr}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// All that is compiled for this machine, for tests too.
fn packages() -> Vec<Value> {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let metadata = cargo(&["metadata", "--format-version", "1", "--filter-platform", &platform]);
    let metadata: Value = serde_json::from_str(&metadata).expect("metadata is JSON");
    metadata["packages"].as_array().expect("packages").clone()
}

#[test]
fn all_of_it_comes_from_the_registry_with_a_checksum() {
    let lock = repository::read("Cargo.lock");
    let mut others = 0;
    for package in lock.split("[[package]]").skip(1) {
        let field = |name: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(name));
            line.map(|rest| rest.trim_start_matches(" = ").trim_matches('"'))
        };
        let name = field("name").expect("a name");
        // What has no source is a folder of this one.
        let Some(source) = field("source") else { continue };
        assert_eq!(source, CRATES_IO, "{name}");
        assert!(field("checksum").is_some_and(|sum| sum.len() == 64), "{name} has no checksum");
        others += 1;
    }
    assert!(others > 100, "{others}");
}

#[test]
fn every_licence_is_one_of_those_that_allow_to_pass_it_on() {
    for package in packages() {
        let (name, licence) = (&package["name"], &package["license"]);
        let licence = licence.as_str().unwrap_or_else(|| panic!("{name} has no licence"));
        assert!(allows(licence), "{name}: {licence}");
    }
}

/// Whether an expression of SPDX can be met: of what stands beside OR, or the older slash, one has to
/// be allowed, of what stands beside AND all.
fn allows(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    let (mut depth, mut from, mut parts) = (0, 0, Vec::new());
    for (at, character) in expression.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        for operator in [" OR ", " AND "] {
            if depth == 0 && expression[at..].starts_with(operator) {
                parts.push((expression[from..at].trim(), operator));
                from = at + operator.len();
            }
        }
    }
    let last = expression[from..].trim();
    if parts.is_empty() {
        let inner = last.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        return inner.map_or_else(|| LICENCES.contains(&last), allows);
    }
    // AND binds more tightly: each part of an OR is an AND of its own.
    let mut alternatives = vec![true];
    for (part, operator) in parts.into_iter().chain([(last, "")]) {
        if let Some(all) = alternatives.last_mut() {
            *all &= allows(part);
        }
        if operator == " OR " {
            alternatives.push(true);
        }
    }
    alternatives.contains(&true)
}

#[test]
fn an_expression_of_licences_is_met_or_not() {
    for met in [
        "MIT",
        "(MIT)",
        "GPL-3.0 OR MIT",
        "MIT/GPL-3.0",
        "GPL-3.0 AND Zlib OR MIT",
        "(MIT OR GPL-3.0) AND BSD-3-Clause",
        "Apache-2.0 WITH LLVM-exception OR GPL-3.0",
    ] {
        assert!(allows(met), "{met}");
    }
    for not in
        ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR Zlib) AND GPL-3.0", "AGPL-3.0 OR GPL-3.0"]
    {
        assert!(!allows(not), "{not}");
    }
}

#[test]
fn what_is_banned_is_nowhere() {
    for package in packages() {
        let name = package["name"].as_str().expect("a name");
        assert!(!BANNED.contains(&name), "{name}");
    }
}

#[test]
fn of_what_is_shipped_there_is_one_version_but_for_those_that_are_named() {
    let mut versions = BTreeMap::<String, Vec<String>>::new();
    let arguments = [
        "tree",
        "--package",
        "flowguard",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ];
    for line in cargo(&arguments).lines() {
        let mut words = line.split(' ');
        let (Some(name), Some(version)) = (words.next(), words.next()) else { continue };
        let versions = versions.entry(name.to_owned()).or_default();
        if !versions.iter().any(|known| known == version) {
            versions.push(version.to_owned());
        }
    }
    for (name, versions) in versions {
        let is_named = TWICE.contains(&name.as_str());
        assert!(versions.len() == 1 || is_named, "{name} is shipped in {versions:?}");
    }
}

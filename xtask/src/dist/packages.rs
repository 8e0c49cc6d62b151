//! What is compiled into a program: its crates, their licences, and which of them uses which.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use supervisor::process;

use crate::cargo::cargo;

/// Crates that are in a program, the program's own first.
#[derive(Debug)]
pub(super) struct Packages {
    pub(super) all: Vec<Package>,
    /// Which crates each one uses, by their places in `all`.
    pub(super) uses: BTreeMap<usize, BTreeSet<usize>>,
}

/// A crate.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    /// An SPDX expression.
    pub(super) license: String,
    /// Whether it comes from crates.io, and is no part of this repository.
    pub(super) is_foreign: bool,
    /// Its folder on this machine.
    pub(super) folder: PathBuf,
}

/// Asks cargo what a build of `package` for `target` compiles into it: neither what builds it, nor
/// macros, nor tests.
pub(super) fn compiled_into(package: &str, target: &str) -> Result<Packages> {
    let mut command = cargo(&["tree", "--locked", "--package", package, "--target", target]);
    command.args(["--edges", "normal,no-proc-macro", "--prefix", "depth", "--format", " {p}"]);
    let tree = process::output(&mut command, ANSWER_TIMEOUT)?;
    if !tree.status.success() {
        bail!("cargo tree failed: {}", tree.stderr.trim());
    }
    let known = known(target)?;
    read(&tree.stdout, |name, version| {
        let found = known.iter().find(|found| found.name == name && found.version == version);
        found.with_context(|| format!("cargo metadata does not know {name} {version}"))?.package()
    })
}

const ANSWER_TIMEOUT: std::time::Duration = std::time::Duration::from_mins(2);

/// Reads what `cargo tree` prints: each line a crate, with its depth before it. What was shown
/// before is not shown whole again, but with what uses it.
fn read(tree: &str, find: impl Fn(&str, &str) -> Result<Package>) -> Result<Packages> {
    let mut packages = Packages { all: Vec::new(), uses: BTreeMap::new() };
    let mut above: Vec<usize> = Vec::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let mut words = line.split(' ');
        let (Some(depth), Some(name), Some(version)) = (words.next(), words.next(), words.next())
        else {
            bail!("cargo tree prints `{line}`");
        };
        let depth: usize = depth.parse().with_context(|| format!("cargo tree prints `{line}`"))?;
        let package = find(name, version.trim_start_matches('v'))?;
        let place = packages.all.iter().position(|known| *known == package);
        let place = place.unwrap_or_else(|| {
            packages.all.push(package);
            packages.all.len() - 1
        });
        above.truncate(depth);
        if let Some(user) = above.last() {
            packages.uses.entry(*user).or_default().insert(place);
        }
        above.push(place);
    }
    Ok(packages)
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Described>,
}

#[derive(Deserialize)]
struct Described {
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
    manifest_path: PathBuf,
}

/// All crates that cargo knows of, for any program of the workspace.
fn known(target: &str) -> Result<Vec<Described>> {
    let arguments = ["metadata", "--locked", "--format-version", "1", "--filter-platform", target];
    let metadata = process::output(&mut cargo(&arguments), ANSWER_TIMEOUT)?;
    let metadata: Metadata = serde_json::from_str(&metadata.stdout)
        .with_context(|| format!("cargo metadata failed: {}", metadata.stderr.trim()))?;
    Ok(metadata.packages)
}

impl Described {
    fn package(&self) -> Result<Package> {
        let Self { name, version, license, source, manifest_path } = self;
        let license = license.as_ref();
        let license = license.with_context(|| format!("{name} {version} names no licence"))?;
        Ok(Package {
            name: name.clone(),
            version: version.clone(),
            license: spdx(license),
            is_foreign: source.is_some(),
            folder: manifest_path.parent().unwrap_or(manifest_path).to_owned(),
        })
    }
}

/// Older crates write `MIT/Apache-2.0` for a choice.
fn spdx(license: &str) -> String {
    license.split('/').map(str::trim).collect::<Vec<_>>().join(" OR ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_is_told_once_with_all_that_use_it() {
        let tree = "0 program v0.1.0 (/somewhere)\n1 a v1.0.0\n2 b v2.0.0\n1 b v2.0.0 (*)\n";
        let found = read(tree, |name, version| {
            let (name, version, license) = (name.into(), version.into(), "MIT".into());
            Ok(Package { name, version, license, is_foreign: true, folder: PathBuf::new() })
        });
        let found = found.unwrap();
        let names: Vec<_> = found.all.iter().map(|package| package.name.as_str()).collect();
        assert_eq!(names, ["program", "a", "b"]);
        let uses = [(0, BTreeSet::from([1, 2])), (1, BTreeSet::from([2]))];
        assert_eq!(found.uses, BTreeMap::from(uses));
    }

    #[test]
    fn a_choice_of_licences_is_written_as_spdx_does() {
        assert_eq!(spdx("Apache-2.0 / MIT"), "Apache-2.0 OR MIT");
        assert_eq!(spdx("Unicode-3.0"), "Unicode-3.0");
    }
}

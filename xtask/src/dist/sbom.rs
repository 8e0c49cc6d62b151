//! The bill of materials of a program, in the form of `CycloneDX`: every crate in it, with its licence
//! and the sum by which crates.io knows it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::packages::{Package, Packages};
use super::{checksums, files};
use crate::workspace;

/// Writes the bill of the program in `main`.
pub(super) fn write(packages: &Packages, main: &Path, to: &Path) -> Result<()> {
    let lock = files::read(&workspace::root().join("Cargo.lock"))?;
    let sums = sums(std::str::from_utf8(&lock).context("Cargo.lock is no text")?);
    let mut components = packages.all.iter().map(|package| component(package, &sums));
    let mut program = components.next().context("a program is one of its crates")?;
    if let Some(fields) = program.as_object_mut() {
        fields.insert("type".to_owned(), json!("application"));
        fields.insert("hashes".to_owned(), sha256(&checksums::sha256(&files::read(main)?)));
    }
    let nobody = BTreeSet::new();
    let dependencies = packages.all.iter().enumerate().map(|(place, package)| {
        let used = packages.uses.get(&place).unwrap_or(&nobody);
        let used = used.iter().filter_map(|used| packages.all.get(*used)).map(reference);
        json!({ "ref": reference(package), "dependsOn": used.collect::<Vec<_>>() })
    });
    // No time and no serial number: the same release has the same bill.
    let bill = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": program },
        "components": components.collect::<Vec<_>>(),
        "dependencies": dependencies.collect::<Vec<_>>(),
    });
    files::write(to, &serde_json::to_vec_pretty(&bill).context("can't write JSON")?)
}

fn component(package: &Package, sums: &BTreeMap<(&str, &str), &str>) -> Value {
    let Package { name, version, license, .. } = package;
    let mut component = json!({
        "type": "library",
        "bom-ref": reference(package),
        "name": name,
        "version": version,
        "licenses": [{ "expression": license }],
    });
    if package.is_foreign
        && let Some(fields) = component.as_object_mut()
    {
        fields.insert("purl".to_owned(), json!(reference(package)));
        if let Some(sum) = sums.get(&(name.as_str(), version.as_str())) {
            fields.insert("hashes".to_owned(), sha256(sum));
        }
    }
    component
}

fn reference(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version)
}

fn sha256(sum: &str) -> Value {
    json!([{ "alg": "SHA-256", "content": sum }])
}

/// The sums in `Cargo.lock`, by name and version.
fn sums(lock: &str) -> BTreeMap<(&str, &str), &str> {
    let packages = lock.split("[[package]]").skip(1);
    let sums = packages.filter_map(|package| {
        let field = |name: &str| {
            let lines = package.lines();
            let mut values = lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
            values.next().map(|value| value.trim_matches('"'))
        };
        Some(((field("name")?, field("version")?), field("checksum")?))
    });
    sums.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sums_are_those_of_the_lock_file() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"registry\"\n\
                    checksum = \"01ab\"\n\n[[package]]\nname = \"ours\"\nversion = \"0.1.0\"\n";
        assert_eq!(sums(lock), BTreeMap::from([(("a", "1.0.0"), "01ab")]));
    }
}

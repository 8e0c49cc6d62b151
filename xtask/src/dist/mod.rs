//! `cargo xtask dist`: all that is needed to run FlowGuard elsewhere, in one folder.
//!
//! The same files make the same bytes, whenever and by whomever it is called: no time and no user
//! gets into an archive.

mod archive;
mod binary;
mod chart;
mod checksums;
mod files;
mod images;
mod notices;
mod oci;
mod packages;
mod sbom;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clap::Args;

use crate::{filter, whole_folder, workspace};

/// The release's version: the workspace's.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What is released as it stands in the repository: the samples and what explains them.
const SAMPLES: [&str; 11] = [
    "LICENSE",
    "README.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "docs/access-log.md",
    "docs/contract.md",
    "docs/runbook.md",
    "docs/tls.md",
    "envoy",
    "prometheus",
    "grafana",
];

/// What is released, and where to.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The folder that is made anew [default: target/dist/flowguard-VERSION]
    #[arg(long, value_name = "FOLDER")]
    into: Option<PathBuf>,
    /// A static program `flowguard`, built already
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// A filter, built already
    #[arg(long, value_name = "FILE")]
    filter: Option<PathBuf>,
}

/// Makes the folder and prints where it is.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let folder = arguments
        .into
        .clone()
        .unwrap_or_else(|| workspace::target().join(format!("dist/flowguard-{VERSION}")));
    check_replaceable(&folder)?;
    let filter = match &arguments.filter {
        Some(filter) => filter.clone(),
        None => filter::build()?,
    };
    let program = match &arguments.binary {
        Some(program) => binary::Program::given(program)?,
        None => binary::build()?,
    };
    whole_folder::fill(&folder, |folder| fill(folder, &program, &filter))?;
    println!("{}", folder.display());
    Ok(())
}

/// Nothing but an earlier release is replaced.
fn check_replaceable(folder: &Path) -> Result<()> {
    ensure!(folder.file_name().is_some(), "{} is no folder of its own", folder.display());
    let is_empty = fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none());
    ensure!(
        is_empty || folder.join(checksums::FILE).is_file(),
        "{} is there and is no release: name another folder",
        folder.display()
    );
    Ok(())
}

fn fill(folder: &Path, program: &binary::Program, filter: &Path) -> Result<()> {
    let name = format!("flowguard-{}", program.target);
    files::copy(&program.path, &folder.join(&name))?;
    files::copy(filter, &folder.join("filter.wasm"))?;
    for sample in SAMPLES {
        files::copy(&workspace::root().join(sample), &folder.join(sample))?;
    }
    oci::write(filter, &folder.join("filter-oci"))?;
    images::write(&name, folder)?;
    chart::write(folder)?;
    for (package, target, file, main) in [
        ("flowguard", program.target.as_str(), &*name, "flowguard"),
        ("flowguard-filter", crate::tools::wasm_toolchain::TARGET, "filter.wasm", "filter"),
    ] {
        let packages = packages::compiled_into(package, target)?;
        let main_file = folder.join(file);
        sbom::write(&packages, &main_file, &folder.join(format!("sbom/{main}.cdx.json")))?;
        notices::write(&packages, &folder.join(format!("sbom/{main}-licenses.txt")))?;
    }
    checksums::write(folder)
}

//! The Helm chart as the archive that `helm install` takes.

use std::path::Path;

use anyhow::Result;

use super::{VERSION, archive, files};
use crate::workspace;

/// Writes `flowguard-VERSION.tgz`. The chart's rules are a link to Prometheus', which the archive
/// holds as files.
pub(super) fn write(folder: &Path) -> Result<()> {
    let chart = workspace::root().join("helm/flowguard");
    let archive = archive::tar_gz(&chart, Path::new("flowguard"))?;
    files::write(&folder.join(format!("flowguard-{VERSION}.tgz")), &archive)
}

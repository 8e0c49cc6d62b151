//! What judges the Helm chart and a release: Helm itself as a library, the schemas of Kubernetes'
//! objects, and the schema of a bill of materials.

use std::path::PathBuf;

use anyhow::Result;

use super::python::Libraries;

pub(crate) const LIBRARIES: Libraries = Libraries {
    variable: "CHART_PYTHON",
    name: "charts",
    requirements: &[
        "helm-python-sdk==0.2.2",
        "kubernetes-validate==1.37.0",
        "cyclonedx-python-lib[json-validation]==11.12.0",
    ],
};

/// A Python that has them: `$CHART_PYTHON`, else a private copy.
pub(crate) fn chart_python() -> Result<PathBuf> {
    LIBRARIES.python()
}

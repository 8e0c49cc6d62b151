//! Schemathesis, which calls the REST API in every way that its description allows, and in others.

use std::path::PathBuf;

use anyhow::Result;

use super::python::Libraries;

pub(crate) const LIBRARIES: Libraries = Libraries {
    variable: "SCHEMATHESIS_PYTHON",
    name: "schemathesis",
    requirements: &["schemathesis==4.32.5"],
};

/// A Python that has it: `$SCHEMATHESIS_PYTHON`, else a private copy.
pub(crate) fn schemathesis_python() -> Result<PathBuf> {
    LIBRARIES.python()
}

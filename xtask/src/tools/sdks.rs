//! The vendors' own client libraries and `LangChain`'s, as their users have them.

use std::path::PathBuf;

use anyhow::Result;

use super::python::Libraries;

pub(crate) const LIBRARIES: Libraries = Libraries {
    variable: "SDK_PYTHON",
    name: "sdks",
    requirements: &[
        "openai==3.54.0",
        "anthropic==2.12.0",
        "langchain-openai==1.7.4",
        "langchain-anthropic==1.7.10",
    ],
};

/// A Python that has them: `$SDK_PYTHON`, else a private copy.
pub(crate) fn sdk_python() -> Result<PathBuf> {
    LIBRARIES.python()
}
